/**
 * One running sandbox: the chain of programs that becomes bubblewrap, and its end.
 *
 * The host has one child, the outer bubblewrap. Inside, process 1 is bubblewrap too; when that one is
 * gone the kernel has ended everything else in there. So the tree is killed at process 1, and `exited`
 * means that nothing is left.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { SandboxExit, SandboxProcess } from "../turns/sandbox.ts";
import type { Held } from "./limits.ts";
import { lives, procStat } from "./proc-stat.ts";
import type { Source } from "./sources.ts";
import { hasCode } from "../core/error-code.ts";

/** All that the chain starts with, and so all that is seen at /proc/1/environ. */
export const START = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } as const;

/** Descriptors of the chain beyond stdio, as bubblewrap and forwarder.mjs are told them. */
export const FD = { args: 3, seccomp: 4, info: 5, line: 6, etc: 7 } as const;

/** What bubblewrap writes to `--info-fd`: the pid of process 1, as the host sees it. */
const Info = z.object({ "child-pid": z.int().positive() });
/** From the start of the chain to process 1, on a machine under load. */
const INIT_PATIENCE_MS = 5_000;
/** How long a killed process 1 takes to end all others is a few ms. */
const LAST_BREATH_MS = 5;
const KILLED = 128 + 9;

export interface Launch {
  readonly chain: readonly string[];
  /** Bubblewrap's options, for `FD.args`. */
  readonly options: readonly string[];
  readonly seccomp: Buffer;
  /** What to put into the descriptors from `FD.etc` on. */
  readonly etc: readonly string[];
  /** Of the command: not of bubblewrap, nor of forwarder.mjs, which would start at half the speed. */
  readonly env: Readonly<Record<string, string>>;
  /** What must lie at the mount points. */
  readonly sources: readonly Source[];
  readonly held: Held;
  /** Gives everything back and never rejects. Called once, when nothing is left of the tree. */
  readonly release: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws TemporaryError when the machine refuses another process */
export function launch(launch: Launch): SandboxProcess {
  const { chain, options, seccomp, etc, env, sources, held, release, clock, log } = launch;
  const [program = "", ...words] = chain;
  const contents = [options.join("\0"), seccomp, undefined, undefined, ...etc];
  const child = spawn(program, words, {
    env: START,
    cwd: "/",
    detached: true, // Ctrl-C reaches the host alone, which drains
    stdio: ["pipe", "pipe", "pipe", ...contents.map(() => "pipe" as const)],
  });
  child.on("error", (err) => log.error({ err }, "A sandbox could not be started"));
  const { pid } = child;
  if (pid === undefined) {
    void release(); // reports for itself what it cannot give back
    throw new TemporaryError(`${program} could not be started for a sandbox`);
  }

  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new TypeError("a child spawned with pipes has none");
  for (const [index, content] of contents.entries()) {
    const pipe = pipeAt(child, FD.args + index);
    // When the chain breaks early, its pipes do too; its exit code and stderr tell why.
    pipe.on("error", (err) => log.debug({ err }, "A pipe to a starting sandbox broke"));
    if (content !== undefined) pipe.end(content);
  }
  const mounts = sources.map(({ target, dev, ino }) => ({ target, dev, ino }));
  // Never ended: that it is open tells the sandbox that the host lives.
  pipeAt(child, FD.line).write(`${JSON.stringify({ mounts, env })}\n`);

  let killed = false;
  let over = false;
  const ended = new Promise<Pick<SandboxExit, "code" | "signal">>((resolve) => {
    child.once("exit", (code, signal) => {
      over = true;
      resolve({ code, signal });
    });
  });
  /** Process 1, once bubblewrap has told; never when it ends before. */
  const init = text(pipeAt(child, FD.info))
    .then((info) => {
      if (info === "") return undefined;
      const pid = Info.parse(JSON.parse(info))["child-pid"];
      const start = procStat(pid)?.start;
      if (start === undefined) return undefined;
      if (!over) held.watch(pid, () => void end());
      return { pid, start };
    })
    .catch((err: unknown) => {
      log.error({ err }, "bubblewrap did not say what its first process is");
      return undefined;
    });
  const exited = ended.then(async ({ code, signal }): Promise<SandboxExit> => {
    await nothingLeft();
    const starved = await held.outOfMemory();
    await release();
    if (starved && (killed || signal === "SIGKILL" || code === KILLED)) {
      return { code, signal, cause: "out-of-memory" };
    }
    return killed
      ? { code: null, signal: "SIGKILL", cause: "killed-by-host" }
      : { code, signal, cause: "exit" };
  });

  const group = -pid;
  async function end(): Promise<void> {
    killed = true;
    const known = await Promise.race([init, ended.then(() => undefined), patience()]);
    if (over) return;
    // Without process 1 the chain is still in the making, all in one process group.
    if (!known) signalKill(group);
    else if (lives(known.pid, known.start)) signalKill(known.pid);
  }

  /** When its program ends, process 1 tells the outer one first and only then takes down the rest. */
  async function nothingLeft(): Promise<void> {
    const known = await init;
    if (!known) return;
    const { pid, start } = known;
    while (lives(pid, start)) {
      signalKill(pid);
      await new Promise<void>((resolve) => clock.after(LAST_BREATH_MS, resolve));
    }
  }

  function patience(): Promise<undefined> {
    return new Promise((resolve) => {
      const cancel = clock.after(INIT_PATIENCE_MS, () => resolve(undefined));
      void ended.then(cancel);
    });
  }

  return {
    stdin,
    stdout,
    stderr,
    exited,
    async kill() {
      if (!over) await end();
      await exited;
    },
  };
}

function pipeAt(child: ChildProcess, fd: number): Socket {
  const stdio: readonly unknown[] = child.stdio; // typed as five, however many there are
  const pipe = stdio[fd];
  if (!(pipe instanceof Socket)) throw new TypeError(`descriptor ${fd} of a child is no pipe`);
  return pipe;
}

function signalKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    const gone = hasCode(error, "ESRCH");
    if (!gone) throw error;
  }
}
