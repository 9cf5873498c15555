/**
 * A program of this machine, called for each recording.
 *
 * - It is started with its arguments as they are, by no shell.
 * - What it prints is the text. What it says on stderr may hold words of the recording, and is left unread.
 * - It and all that it started end with its time, or with the plugin.
 */
import { ConfigError, RejectedError } from "@bellhop/sdk";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { MOST_TEXT, type Transcribe } from "./transcriber.ts";

/** @param env what the program is to find in its environment */
export function byCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Transcribe {
  return async (file, signal) => {
    const [program = "", ...words] = argv.map((word) => word.replaceAll("{file}", file));
    const child = spawn(program, words, {
      cwd: dirname(file),
      env: { PATH: env["PATH"], LANG: env["LANG"] ?? "C.UTF-8", HOME: dirname(file), TMPDIR: dirname(file) },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true, // a group of its own, which can be ended as one
    });
    const end = () => void (child.pid !== undefined && killGroup(child.pid));
    signal.addEventListener("abort", end, { once: true });
    try {
      const closed = once(child, "close"); // rejects where it could not be started
      closed.catch(() => undefined);
      const said = await textOf(child.stdout, end);
      const [code, killedBy] = (await closed) as [number | null, string | null];
      signal.throwIfAborted();
      if (said === undefined) throw new RejectedError("the program printed more than any speech is");
      if (code === 0) return said;
      throw new RejectedError(
        killedBy === null
          ? `the program ended with exit code ${code}`
          : `the program was ended by ${killedBy}, as happens where memory runs out`,
      );
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EACCES"))
        throw new ConfigError(`the program ${program} cannot be started (${error.code})`, { cause: error });
      throw error;
    } finally {
      signal.removeEventListener("abort", end);
      end(); // what it may have left running
    }
  };
}

/** Undefined, and the program is ended, where it is too much. */
async function textOf(stdout: AsyncIterable<Buffer>, end: () => void): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdout) {
    bytes += chunk.length;
    if (bytes <= MOST_TEXT) chunks.push(chunk);
    else end();
  }
  return bytes > MOST_TEXT ? undefined : Buffer.concat(chunks).toString("utf8");
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
