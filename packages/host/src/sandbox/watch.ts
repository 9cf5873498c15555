/**
 * A runtime that may go away and come back while Bellhop runs: its engine is restarted, its image is
 * pruned. Whoever wants a sandbox meanwhile is told to wait (`UnreadyError`); the owner hears of it once.
 *
 * Nothing asks the engine but those who want a sandbox, and they are spaced by the retries of turns.
 */
import type { Log } from "../log.ts";
import { type SandboxRuntime, UnreadyError } from "../turns/sandbox.ts";
import type { ChosenRuntime } from "./detect.ts";

export interface Seen {
  readonly version: string;
  readonly limits: string;
}

export function watchRuntime({ runtime, probe }: ChosenRuntime, log: Log) {
  let seen: Seen = probe.ok ? probe : notUp(probe.reason);
  let down = probe.ok ? undefined : `${probe.reason}. ${probe.fix}`;
  const listeners: ((reason: string) => void)[] = [];

  function up(): void {
    if (down === undefined) return;
    down = undefined;
    log.info({ runtime: runtime.name }, "the sandbox runtime is there again");
    // Another version may have come up. Whoever wanted the sandbox does not wait for this.
    void lookAgain();
  }

  async function lookAgain(): Promise<void> {
    try {
      const now = await runtime.probe();
      if (now.ok) seen = now;
    } catch (err) {
      log.warn({ err }, "the sandbox runtime could not be looked at");
    }
  }

  const watched: SandboxRuntime = {
    name: runtime.name,
    probe: () => runtime.probe(),
    async prepare(spec) {
      try {
        const prepared = await runtime.prepare(spec);
        up();
        return prepared;
      } catch (error) {
        if (error instanceof UnreadyError && down === undefined) {
          down = error.message;
          seen = notUp(error.message);
          for (const listener of listeners) listener(error.message);
        }
        throw error;
      }
    },
  };
  return {
    runtime: watched,
    seen: () => seen,
    /** Called once each time it goes away, and at once when it is away already. */
    onDown(listener: (reason: string) => void): void {
      listeners.push(listener);
      if (down !== undefined) listener(down);
    },
  };
}

function notUp(reason: string): Seen {
  return { version: `not up (${reason})`, limits: "nothing yet" };
}
