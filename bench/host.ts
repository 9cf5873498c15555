/**
 * A real host in a process of its own, as people start it (`bellhop up --json`), and a home for it that
 * is gone afterwards. It starts with next to nothing in its environment, so that no credential of the
 * machine's makes it speak to a real model.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { START } from "../packages/host/src/sandbox/launch.ts";

const COMMAND = fileURLToPath(new URL("../packages/host/bin/bellhop.js", import.meta.url));
const ECHO_AGENT = fileURLToPath(new URL("echo-agent/echo-agent.mjs", import.meta.url));

const Ready = z.object({
  url: z.url(),
  token: z.string(),
  pid: z.int(),
  model: z.string(),
  sandbox: z.string(),
});
export type Ready = z.infer<typeof Ready> & {
  /** From the start of the process to the line that says it is ready. */
  readonly readyMs: number;
};

export interface HostProcess {
  readonly pid: number | undefined;
  /** How it ended, once it has. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  signal(name: NodeJS.Signals): void;
  /** When it was spawned, by the monotonic clock. */
  readonly spawnedAt: number;
  /** Rejects with what it said on stderr when it ends before it is ready, unless it was killed. */
  readonly ready: Promise<Ready>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Lets it drain. @throws Error when it does not exit with 0 */
  stop(): Promise<void>;
}

/** Settings of config.yaml. */
export type Settings = Readonly<Record<string, unknown>>;

/** What makes the echo agent answer in place of a model. */
export function withEchoAgent(): Settings {
  const target = "/opt/echo-agent/echo-agent.mjs";
  return {
    engine: "acp",
    acp: { command: ["/opt/bellhop/bin/node", target], mounts: [{ source: ECHO_AGENT, target }] },
  };
}

export interface Home {
  readonly path: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function temporaryHome(settings: Settings = {}): Promise<Home> {
  const root = await mkdtemp(join(await realpath(tmpdir()), "bellhop-bench-"));
  const path = join(root, "home");
  await mkdir(path, { mode: 0o700 });
  await writeFile(join(path, "config.yaml"), JSON.stringify(settings), { mode: 0o600 });
  return { path, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

/** @param nodeFlags for profiles of the host itself, such as `--cpu-prof` */
export function startHost(home: string, nodeFlags: readonly string[] = []): HostProcess {
  return startProgram([
    ...nodeFlags,
    COMMAND,
    "up",
    "--json",
    "--no-terminal",
    "--port",
    "0",
    "--home",
    home,
  ]);
}

/** A program for Node that says that it is ready as `bellhop up --json` does. */
export function startProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): HostProcess {
  const spawnedAt = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...START, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit").then(() => ({ code: child.exitCode, signal: child.signalCode }));
  const said = text(child.stderr);
  const ready = firstLine(child).then(async (line): Promise<Ready> => {
    if (line === undefined) throw new Error(`the host did not start: ${(await said).trim() || "killed"}`);
    return { ...Ready.parse(JSON.parse(line)), readyMs: performance.now() - spawnedAt };
  });
  ready.catch(() => undefined); // whoever waits for it hears of it; one that was killed nobody waits for
  return {
    pid: child.pid,
    exited,
    signal: (name) => void child.kill(name),
    spawnedAt,
    ready,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
      if (child.exitCode !== 0) throw new Error(`the host ended with ${child.exitCode}: ${await said}`);
    },
  };
}

/** undefined when its output ends before. */
async function firstLine({ stdout }: ChildProcess): Promise<string | undefined> {
  if (!stdout) return undefined;
  for await (const line of createInterface({ input: stdout })) return line;
  return undefined;
}
