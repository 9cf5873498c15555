/**
 * Runs npm or git and waits for its end. Nothing of a plugin is run by it: which arguments see to that is
 * said where they are given.
 *
 * - The program sees the variables that it is found, configured and let through proxies by, and none else.
 * - What it takes is bounded, in time and in what it prints.
 */
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { execFile } from "node:child_process";
import type { Environment } from "../../config.ts";
import { hasCode } from "../../core/error-code.ts";
import { given } from "../../core/given.ts";

export interface HowToRun {
  readonly cwd: string;
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** Of npm's own settings those that say where packages are and who asks for them. */
const PASSED_ON =
  /^(PATH|HOME|USER|LANG|LC_ALL|TMPDIR|SSH_AUTH_SOCK|NPM_TOKEN|NODE_AUTH_TOKEN|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO|((https?|all|no)_proxy)|npm_config_(registry|userconfig|globalconfig|cache|(https?_)?proxy|noproxy|cafile|ca|strict_ssl|fetch_.+|@.+:registry|\/\/.+))$/i;

const DEADLINE_MS = 300_000;
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
const LINES_TOLD = 8;

/**
 * @returns what it printed
 * @throws RejectedError with its last words, where it failed
 * @throws ConfigError where there is no such program
 * @throws TemporaryError where it took too long
 */
export async function runProgram(
  program: "npm" | "git",
  args: readonly string[],
  { cwd, env, signal }: HowToRun,
): Promise<string> {
  const passed = Object.fromEntries(Object.entries(env).filter(([name]) => PASSED_ON.test(name)));
  const options = {
    cwd,
    env: { ...passed, GIT_TERMINAL_PROMPT: "0", NO_UPDATE_NOTIFIER: "1", NO_COLOR: "1" },
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL" as const,
    maxBuffer: MOST_OUTPUT_BYTES,
    ...given({ signal }),
  };
  return await new Promise<string>((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(failure(program, args, error, stderr));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

function failure(program: string, args: readonly string[], cause: Error, stderr: string): Error {
  if (hasCode(cause, "ENOENT")) {
    return new ConfigError(`There is no ${program} on this machine's PATH; install it first.`, { cause });
  }
  if (hasCode(cause, "ABORT_ERR"))
    return new RejectedError("It was stopped; nothing was changed.", { cause });
  if ("killed" in cause && cause.killed === true) {
    return new TemporaryError(
      `${program} ${args[0] ?? ""} took longer than ${DEADLINE_MS / 60_000} minutes; try again.`,
      {
        cause,
      },
    );
  }
  const said = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/A complete log of this run|npm notice/.test(line))
    .slice(-LINES_TOLD)
    .join("\n");
  return new RejectedError(`${program} ${args[0] ?? ""} failed:\n${said}`, { cause });
}
