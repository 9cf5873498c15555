/**
 * A runtime whose sandboxes can all be ended at once, from outside: no engine, room or turn is asked
 * (G27). While everything is held it prepares none and starts none.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { Hold } from "../core/pause.ts";
import type { SandboxProcess, SandboxRuntime } from "../turns/sandbox.ts";

export function withKillSwitch(runtime: SandboxRuntime, hold: Hold) {
  const alive = new Set<SandboxProcess>();

  function mayStart(): void {
    if (hold().aborted) throw new TemporaryError("Bellhop is paused: no sandbox is started");
  }

  const guarded: SandboxRuntime = {
    name: runtime.name,
    probe: () => runtime.probe(),
    async prepare(spec) {
      mayStart();
      const prepared = await runtime.prepare(spec);
      return {
        spawn(command) {
          mayStart();
          const started = prepared.spawn(command);
          alive.add(started);
          const forget = () => void alive.delete(started);
          started.exited.then(forget, forget);
          return started;
        },
        dispose: () => prepared.dispose(),
      };
    },
  };
  return {
    runtime: guarded,
    /** Resolves with how many there were, when their process trees are gone. */
    async killAll(): Promise<number> {
      const all = [...alive];
      await Promise.all(all.map((one) => one.kill()));
      return all.length;
    },
  };
}
