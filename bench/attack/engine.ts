/** The runtimes that are attacked. Engines of containers are started for the suite, with a small image, and are gone after it. */
import { missingFor, startDockerd, startPodman } from "../../packages/host/src/sandbox/__tests__/engines.ts";
import type { HouseOptions } from "./house.ts";

export const RUNTIMES = ["bubblewrap", "docker", "podman"] as const;
export type Runtime = (typeof RUNTIMES)[number];

export interface RunningEngine {
  readonly options: Pick<HouseOptions, "image" | "env">;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What is missing here to attack it, in words. */
export function missing(runtime: Runtime): string | undefined {
  return runtime === "bubblewrap" ? undefined : missingFor(runtime);
}

export async function startEngine(runtime: Runtime): Promise<RunningEngine> {
  if (runtime === "bubblewrap") return { options: {}, [Symbol.asyncDispose]: async () => undefined };
  const engine = runtime === "docker" ? await startDockerd() : await startPodman();
  const { PATH = "" } = process.env;
  return {
    options: { image: engine.image, env: { PATH, HOME: "/root", ...engine.env } },
    [Symbol.asyncDispose]: engine.stop,
  };
}
