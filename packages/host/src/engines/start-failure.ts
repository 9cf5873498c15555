/** Why an engine's program could not even be started, for every engine. */
import { ConfigError } from "@bellhop/sdk";
import type { EngineFailure } from "../turns/engine.ts";
import { NO_SANDBOX } from "../turns/failure-words.ts";
import { UnreadyError } from "../turns/sandbox.ts";

/** Sorts what preparing a sandbox or spawning in it threw. */
export function startFailure(cause: unknown): EngineFailure {
  const detail = (cause instanceof Error ? cause.message : String(cause)).slice(0, 1_000);
  if (cause instanceof UnreadyError) return { class: "unready", detail };
  return { class: cause instanceof ConfigError ? "permanent" : "transient", detail, words: NO_SANDBOX };
}
