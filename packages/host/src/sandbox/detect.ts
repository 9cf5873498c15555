/** Which runtime makes the sandboxes. There is no running without one. */
import { ConfigError } from "@bellhop/sdk";
import type { Probe, SandboxRuntime } from "../turns/sandbox.ts";

export interface ChosenRuntime {
  readonly runtime: SandboxRuntime;
  readonly probe: Extract<Probe, { ok: true }>;
}

/**
 * The runtime called `name`, or with `auto` the first of `runtimes` that works here.
 * @throws ConfigError saying what to install or change
 */
export async function chooseRuntime(
  name: string,
  runtimes: readonly SandboxRuntime[],
): Promise<ChosenRuntime> {
  const candidates = name === "auto" ? runtimes : runtimes.filter((runtime) => runtime.name === name);
  if (candidates.length === 0) {
    const known = runtimes.map((runtime) => runtime.name).join(", ");
    throw new ConfigError(`There is no sandbox runtime ${JSON.stringify(name)}. Choose auto or: ${known}`);
  }
  const failures: string[] = [];
  for (const runtime of candidates) {
    const probe = await runtime.probe();
    if (probe.ok) return { runtime, probe };
    failures.push(`${runtime.name}: ${probe.reason}. ${probe.fix}`);
  }
  throw new ConfigError(
    `Bellhop lets its agent work only in a sandbox, and cannot make one here. ${failures.join(". ")}`,
  );
}
