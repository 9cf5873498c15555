/**
 * The real command in processes of its own, for whole journeys: what it is given on stdin and in its
 * environment, what it says, how it ends. Each process ends with its test at the latest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const PROGRAM = fileURLToPath(new URL("../bin/bellhop.js", import.meta.url));

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as this user; only root can. */
  readonly uid?: number;
  /** Another program than the one of this repository: its path. */
  readonly program?: string;
  /** What that other program is to be told before it comes to Node and the command. */
  readonly before?: readonly string[];
  readonly cwd?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once stdout or stderr has held the text; rejects when the process ends or 20 s pass without it. */
  says(text: string | RegExp): Promise<void>;
  /** All that it has said so far, both streams as they came. */
  said(): string;
  type(text: string): void;
}

/** Without a credential of the machine's, so that the rehearsal model answers. */
const NO_CREDENTIALS = {
  ANTHROPIC_API_KEY: "",
  CLAUDE_CODE_OAUTH_TOKEN: "",
  ANTHROPIC_AUTH_TOKEN: "",
  ANTHROPIC_BASE_URL: "",
  /** Nor its policies. */
  XDG_CONFIG_HOME: join(tmpdir(), `bellhop-policies-${process.pid}`),
};

const PATIENCE_MS = 20_000;
const running = new Set<ChildProcess>();

export function start(args: readonly string[], options: RunOptions = {}): Running {
  const [command, all] = options.program
    ? [options.program, options.before ? [...options.before, process.execPath, PROGRAM, ...args] : [...args]]
    : [process.execPath, [PROGRAM, ...args]];
  return watch(
    spawn(command, all, {
      cwd: options.cwd,
      env: { ...process.env, ...NO_CREDENTIALS, ...options.env },
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    }),
    options.input,
  );
}

/** In a terminal of its own, by `script` of util-linux; what is typed goes to `type`. */
export function startInTerminal(args: readonly string[]): Running {
  return commandInTerminal([process.execPath, PROGRAM, ...args]);
}

/** Any command in a terminal of its own. */
export function commandInTerminal(words: readonly string[], options: Pick<RunOptions, "cwd"> = {}): Running {
  const command = words.map((word) => `'${word}'`).join(" ");
  return watch(
    spawn("script", ["-qefc", `stty cols 100 rows 30; exec ${command}`, "/dev/null"], {
      cwd: options.cwd,
      env: { ...process.env, ...NO_CREDENTIALS, TERM: "xterm" },
    }),
  );
}

export function run(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(args, { input: "", ...options }).ended;
}

function watch(child: ChildProcess, input?: string): Running {
  running.add(child);
  const said = { stdout: "", stderr: "", all: "" };
  const waiting = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
      said.all += text;
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, stdout: said.stdout, stderr: said.stderr });
      for (const look of waiting) look();
    });
  });
  if (input !== undefined) child.stdin?.end(input);

  return {
    process: child,
    ended,
    says(text) {
      return new Promise((resolve, reject) => {
        let patient = true;
        const look = () => {
          const found = typeof text === "string" ? said.all.includes(text) : text.test(said.all);
          if (!found && patient && running.has(child)) return;
          clearTimeout(timer);
          waiting.delete(look);
          if (found) resolve();
          else reject(new Error(`it did not say ${String(text)}; it said:\n${said.all}`));
        };
        const timer = setTimeout(() => {
          patient = false;
          look();
        }, PATIENCE_MS);
        waiting.add(look);
        look();
      });
    },
    said: () => said.all,
    type: (text) => void child.stdin?.write(text),
  };
}

const Ready = z.strictObject({
  url: z.url(),
  token: z.string().min(1),
  pid: z.int().positive(),
  model: z.string(),
  sandbox: z.string(),
});

export interface Host extends Running, z.infer<typeof Ready> {
  readonly home: string;
}

/** Starts a host on `home` and waits for its line. */
export async function startHost(home: string, options: RunOptions = {}): Promise<Host> {
  const host = start(["up", "--json", "--port", "0", "--home", home], options);
  await host.says(/^\{.*\}\n/m);
  const ready = Ready.parse(
    JSON.parse(
      host
        .said()
        .split("\n")
        .find((line) => line.startsWith("{")) ?? "",
    ),
  );
  return { ...host, ...ready, home };
}

/** A place for a home; short, because a socket's path must be. Removed by `cleanUp`. */
export function freshHome(): string {
  const folder = mkdtempSync(join(tmpdir(), "bh-"));
  chmodSync(folder, 0o711);
  folders.push(folder);
  return join(folder, "home");
}
const folders: string[] = [];

/** Ends what still runs and removes what was made. */
export async function cleanUp(): Promise<void> {
  const left = [...running];
  await Promise.all(
    left.map((child) => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      child.kill("SIGKILL");
      return closed;
    }),
  );
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
