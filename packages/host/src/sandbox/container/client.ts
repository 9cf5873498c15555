/**
 * The command line client of a container engine. Every call has a deadline and none blocks the host.
 *
 * - It gets the environment that it is found by (`DOCKER_HOST`, `CONTAINERS_CONF`, …) and nothing else: no
 *   credential of ours passes through it.
 * - Whatever it prints is data: it is parsed where it is used.
 */
import { execFile, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { TemporaryError } from "@bellhop/sdk";
import { hasCode } from "../../core/error-code.ts";
import { UnfitError } from "../unfit.ts";

/** The engine said no, in its own words. */
export class RefusedError extends TemporaryError {
  readonly printed: string;
  constructor(program: string, verb: string, printed: string, options?: ErrorOptions) {
    super(`${program} ${verb} failed: ${printed || "it said nothing"}`, options);
    this.printed = printed;
  }
}

export interface Client {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * What it prints.
   * @throws RefusedError when it ends otherwise than well, TemporaryError when it takes too long
   * @throws UnfitError when it is not installed
   */
  run(words: readonly string[], deadlineMs: number): Promise<string>;
  /** Its stdio are those of what it runs. It is no part of our process group: Ctrl-C reaches the host alone. */
  start(words: readonly string[]): ChildProcessWithoutNullStreams;
}

/** What an engine may print at once: a description of itself is some 10 KB. */
const MAX_PRINTED_BYTES = 8 * 1024 * 1024;
/** Of what it says when it refuses. */
const MAX_WORDS = 1_000;

export function createClient(
  program: string,
  env: Readonly<Record<string, string>>,
  install: string,
): Client {
  return {
    program,
    env,
    run(words, deadlineMs) {
      const [verb = ""] = words;
      return new Promise((resolve, reject) => {
        const options = {
          env,
          timeout: deadlineMs,
          killSignal: "SIGKILL" as const,
          maxBuffer: MAX_PRINTED_BYTES,
        };
        execFile(program, words, options, (cause, stdout, stderr) => {
          if (!cause) return resolve(stdout);
          if (hasCode(cause, "ENOENT"))
            return reject(new UnfitError(`${program} is not installed`, install, { cause }));
          if (cause.killed)
            return reject(
              new TemporaryError(`${program} ${verb} did not end within ${deadlineMs / 1_000} s`, { cause }),
            );
          reject(new RefusedError(program, verb, stderr.trim().slice(-MAX_WORDS), { cause }));
        });
      });
    },
    start: (words) => spawn(program, words, { env, cwd: "/", detached: true }),
  };
}
