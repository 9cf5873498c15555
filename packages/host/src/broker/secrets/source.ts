/**
 * Gets a secret's value from where it is kept. A command runs without a shell, in a process group of its
 * own that ends with its time. Why there is no value is one sentence, which never holds any of it.
 */
import { spawn } from "node:child_process";
import { open } from "node:fs/promises";
import { ConfigError, TemporaryError } from "@bellhop/sdk";
import type { Environment } from "../../config.ts";
import type { Clock } from "../../core/clock.ts";
import { codeOf } from "../../core/error-code.ts";
import type { Source } from "./file.ts";

const MOST_BYTES = 64 * 1024;

export interface SourceParts {
  /** What is in `.env` now. */
  readonly dotEnv: Environment;
  readonly environment: Environment;
  /** Folders that agents write in: nothing in them is a secret's source. */
  readonly agents: readonly string[];
  /** Values that are no agent's secret: the model's credentials. */
  readonly forbidden: readonly string[];
  readonly clock: Clock;
}

/**
 * @throws ConfigError when somebody has to mend it
 * @throws TemporaryError when a command failed or took too long
 */
export async function valueOf(source: Source, parts: SourceParts): Promise<string> {
  const value = (await raw(source, parts)).trim();
  if (value === "") throw new ConfigError("it is empty");
  if (/\p{Cc}/u.test(value)) throw new ConfigError("it holds line breaks or control characters");
  if (parts.forbidden.includes(value)) throw new ConfigError("it is the model's credential");
  return value;
}

async function raw(source: Source, parts: SourceParts): Promise<string> {
  switch (source.kind) {
    case ".env":
    case "env": {
      const value = (source.kind === "env" ? parts.environment : parts.dotEnv)[source.variable];
      if (value !== undefined) return value;
      throw new ConfigError(
        `there is no ${source.variable} in ${source.kind === "env" ? "the environment" : ".env"}`,
      );
    }
    case "file":
      return await readSource(source.path, parts.agents);
    case "command":
      return await run(source, parts);
    default:
      return source satisfies never;
  }
}

async function readSource(path: string, agents: readonly string[]): Promise<string> {
  if (agents.some((folder) => path.startsWith(`${folder}/`))) {
    throw new ConfigError(`${path} lies where agents write`);
  }
  try {
    await using handle = await open(path, "r");
    if (!(await handle.stat()).isFile()) throw new ConfigError(`${path} is no plain file`);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
    if (bytesRead > MOST_BYTES) throw new ConfigError(`${path} is larger than 64 KiB`);
    return buffer.toString("utf8", 0, bytesRead);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${path} cannot be read (${codeOf(cause) ?? "it failed"})`, { cause });
  }
}

/** With the host's environment, for a password manager's own session, but without the model's credentials. */
async function run(
  { argv: [program = "", ...words], seconds }: Extract<Source, { kind: "command" }>,
  { environment, clock }: SourceParts,
): Promise<string> {
  const env = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(ANTHROPIC_|CLAUDE_CODE_OAUTH)/.test(name)),
  );
  const child = spawn(program, words, { env, cwd: "/", detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const out: Buffer[] = [];
  let bytes = 0;
  let why: string | undefined;
  function end(reason: string): void {
    why ??= reason;
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if (codeOf(error) !== "ESRCH") throw error;
    }
  }
  child.stdout.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) out.push(chunk);
    else end("printed more than 64 KiB");
  });
  const cancel = clock.after(seconds * 1_000, () => end(`was not done after ${seconds} s`));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (why === undefined && code !== 0)
      why = `ended with ${code === null ? "a signal" : `exit code ${code}`}`;
  } catch (cause) {
    throw new ConfigError(`${program} cannot be run (${codeOf(cause) ?? "it failed"})`, { cause });
  } finally {
    cancel();
  }
  if (why !== undefined) throw new TemporaryError(`${program} ${why}`);
  return Buffer.concat(out).toString("utf8");
}
