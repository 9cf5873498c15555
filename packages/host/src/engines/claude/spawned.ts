/** A sandbox's process in the shape that the SDK's spawner wants. */
import { EventEmitter } from "node:events";
import type { SpawnedProcess } from "@anthropic-ai/claude-agent-sdk";
import type { SandboxProcess } from "../../turns/sandbox.ts";

export function asSpawned(
  process: Pick<SandboxProcess, "stdin" | "stdout" | "exited" | "kill">,
): SpawnedProcess {
  const emitter = new EventEmitter();
  let killed = false;
  let exitCode: number | null = null;
  let signalCode: NodeJS.Signals | null = null;
  void tellExit();

  async function tellExit(): Promise<void> {
    const { code, signal } = await process.exited;
    exitCode = code;
    signalCode = signal;
    emitter.emit("exit", code, signal);
  }

  return {
    stdin: process.stdin,
    stdout: process.stdout,
    get killed() {
      return killed;
    },
    get exitCode() {
      return exitCode;
    },
    get signalCode() {
      return signalCode;
    },
    // Whatever the signal, the whole tree goes: nothing in a sandbox outlives its program.
    kill() {
      killed = true;
      void process.kill();
      return true;
    },
    on: emitter.on.bind(emitter),
    once: emitter.once.bind(emitter),
    off: emitter.off.bind(emitter),
  };
}
