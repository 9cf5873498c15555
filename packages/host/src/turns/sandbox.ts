/**
 * What the turns need of a sandbox runtime. One sandbox = one engine process = one session = one
 * broker socket. The runtimes in `sandbox/` implement it; one contract suite judges them all.
 */
import type { Readable, Writable } from "node:stream";
import { TemporaryError } from "@bellhop/sdk";
import type { GroupFolder, SandboxId } from "../core/ids.ts";

export interface Mount {
  /** Absolute path on the host; a file or a directory. */
  readonly source: string;
  /** Absolute path inside. */
  readonly target: string;
  readonly mode: "ro" | "rw";
  /**
   * It lies outside of Bellhop's home and belongs to people: it is given to nobody, and must still be the very
   * file or folder that was judged (F30).
   */
  readonly foreign?: { readonly dev: string; readonly ino: string };
}

export interface SandboxLimits {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly pids: number;
  /** Size of the private `/tmp`. */
  readonly tmpBytes: number;
}

export interface SandboxSpec {
  readonly id: SandboxId;
  readonly group: GroupFolder;
  /** A small number of the group's own, from which a root host derives its uid. */
  readonly groupNumber: number;
  /** Beyond what the runtime itself provides. Directories mounted rw are made the group's own. */
  readonly mounts: readonly Mount[];
  /** Host directory that holds `broker.sock`; seen inside as `/run/bellhop`. */
  readonly doorDirectory: string;
  readonly limits: SandboxLimits;
}

export interface Command {
  /** Inside path of the program, then its arguments. */
  readonly argv: readonly string[];
  /** The whole environment of the program, beyond what every sandbox has (`PATH`, `HOME`, proxies, …). */
  readonly env: Readonly<Record<string, string>>;
  /** Inside directory; default `/workspace/group`. */
  readonly cwd?: string;
}

export interface SandboxExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What ended it, as far as the host can tell. */
  readonly cause: "exit" | "killed-by-host" | "out-of-memory";
}

export interface SandboxProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<SandboxExit>;
  /** Kills the whole process tree; resolves when it is gone. Safe to call again. */
  kill(): Promise<void>;
}

export interface PreparedSandbox {
  /** Starts the one program of this sandbox. Synchronous, because the engines' spawn hooks are. Once only. */
  spawn(command: Command): SandboxProcess;
  /** Gives back what was prepared when nothing will be spawned. */
  dispose(): Promise<void>;
}

export type Probe =
  | {
      readonly ok: true;
      readonly version: string;
      /** Which tier of limits holds, for `status`: `cgroup-v1`, `cgroup-v2`, `systemd-scope`, `rlimit+watchdog`. */
      readonly limits: string;
    }
  | {
      readonly ok: false;
      readonly reason: string;
      readonly fix: string;
      /** It may come right while Bellhop runs: an engine that is not up yet, an image that is not built yet. */
      readonly mayPass?: boolean;
    };

/**
 * The runtime itself is not there just now: its engine is down, or its image is gone. Nothing is wrong with the
 * work that wanted it, which waits.
 */
export class UnreadyError extends TemporaryError {}

export interface SandboxRuntime {
  readonly name: string;
  /** Runs the real profile with `true` inside and says what holds, or what to do. */
  probe(): Promise<Probe>;
  /**
   * Everything that may take time: folders, ownership, cgroups. No process yet.
   * @throws UnreadyError when the runtime itself is not there just now
   * @throws TemporaryError when the machine cannot do it just now
   * @throws ConfigError when the operator has to mend something
   */
  prepare(spec: SandboxSpec): Promise<PreparedSandbox>;
}
