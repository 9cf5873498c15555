/**
 * Scripts: a command of a group's own, run once in a sandbox of its own beside the group's folder, without
 * any model. What gates and script-only tasks stand on.
 *
 * - The sandbox is that of the group's agent: the same mounts, user, limits, and a door through which no
 *   model is to be had, since no turn is ever set at it.
 * - What it prints is the agent's word: it is bounded, and means only what its reader makes of it.
 * - It ends with its time, with its turn, or by itself; when `run` resolves, nothing of it is left.
 */
import type { Clock } from "../core/clock.ts";
import { type GroupFolder, newId, SandboxId, type SessionId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Session } from "../store/sessions.ts";
import type { Broker } from "./broker.ts";
import type { Mount, SandboxLimits, SandboxProcess, SandboxRuntime } from "./sandbox.ts";

export interface ScriptsParts {
  readonly runtime: Pick<SandboxRuntime, "prepare">;
  readonly broker: Pick<Broker, "openDoor">;
  /** The group's part of what its sandbox sees. */
  readonly furnish: (
    group: GroupFolder,
    groupNumber: number,
    session: SessionId,
  ) => Promise<readonly Mount[]>;
  /** Owner of the door's socket, where the host runs as root. */
  readonly uidOf: (groupId: number) => number | undefined;
  readonly limitsOf: (group: GroupFolder) => SandboxLimits;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Script {
  readonly session: Session;
  readonly group: GroupFolder;
  /** For /bin/sh, in the group's folder. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

export type ScriptEnd =
  | { readonly how: "exited"; readonly code: number; readonly stdout: string; readonly stderr: string }
  /** Why it did not come to an end of its own, in words. */
  | { readonly how: "failed"; readonly why: string }
  | { readonly how: "aborted" };

/** More than a message holds; what prints on is ended. */
const MAX_STDOUT_BYTES = 512 * 1024;
/** For whoever has to find out why. */
const STDERR_TAIL_BYTES = 2 * 1024;

export type Scripts = ReturnType<typeof createScripts>;

export function createScripts({ runtime, broker, furnish, uidOf, limitsOf, clock, log }: ScriptsParts) {
  return {
    /** @throws TemporaryError, ConfigError when there can be no sandbox just now */
    async run(script: Script, signal: AbortSignal): Promise<ScriptEnd> {
      const { session, group, command, env, timeoutMs } = script;
      const id = newId(SandboxId);
      const door = await broker.openDoor({
        sandbox: id,
        group,
        session: session.id,
        provider: session.provider,
        uid: uidOf(session.group_id),
      });
      try {
        const prepared = await runtime.prepare({
          id,
          group,
          groupNumber: session.group_id,
          mounts: await furnish(group, session.group_id, session.id),
          doorDirectory: door.directory,
          limits: limitsOf(group),
        });
        if (signal.aborted) {
          await prepared.dispose();
          return { how: "aborted" };
        }
        const program = prepared.spawn({ argv: ["/bin/sh", "-c", command], env });
        return await attend(program, { timeoutMs, signal, clock, log });
      } finally {
        await door.close();
      }
    },
  };
}

async function attend(
  program: SandboxProcess,
  { timeoutMs, signal, clock, log }: { timeoutMs: number; signal: AbortSignal; clock: Clock; log: Log },
): Promise<ScriptEnd> {
  let ended: ScriptEnd | undefined;
  function end(how: ScriptEnd): void {
    ended ??= how;
    program.kill().catch((error: unknown) => log.error({ err: error }, "a script could not be killed"));
  }
  const abort = () => end({ how: "aborted" });
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const cancel = clock.after(timeoutMs, () =>
    end({ how: "failed", why: `it was not done after ${Math.round(timeoutMs / 1_000)} s` }),
  );
  const printed = gather(program, () => end({ how: "failed", why: "it printed more than 512 KiB" }));
  program.stdin.on("error", () => undefined); // who reads nothing closes it
  program.stdin.end();
  try {
    const exit = await program.exited;
    if (ended) return ended;
    if (exit.cause === "out-of-memory") return { how: "failed", why: "it used more memory than it may have" };
    if (exit.code === null) return { how: "failed", why: `it was ended by ${exit.signal ?? "the host"}` };
    return { how: "exited", code: exit.code, ...printed() };
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

/** What it prints, as far as anybody wants to know. */
function gather(
  { stdout, stderr }: SandboxProcess,
  onFlood: () => void,
): () => { stdout: string; stderr: string } {
  const out: Buffer[] = [];
  let bytes = 0;
  let tail = Buffer.alloc(0);
  stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_STDOUT_BYTES) out.push(chunk);
    else onFlood();
  });
  stderr.on("data", (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_TAIL_BYTES);
  });
  // The pipes of a program that is killed break; that it ended is told by `exited` alone.
  for (const pipe of [stdout, stderr]) pipe.on("error", () => undefined);
  return () => ({ stdout: Buffer.concat(out).toString("utf8"), stderr: tail.toString("utf8") });
}
