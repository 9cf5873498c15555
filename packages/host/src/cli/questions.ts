/**
 * Questions to a person at a terminal, one at a time. On stderr, so that stdout holds results alone. Where
 * nobody can answer, nothing is asked: a command says what it needs instead.
 */
import { RejectedError } from "@bellhop/sdk";
import { hiddenValue } from "./hidden.ts";
import type { Io } from "./io.ts";

export interface Questions {
  /** @returns what was typed, or `usual` for an empty line. @throws RejectedError when it is given up */
  ask(text: string, usual?: string): Promise<string>;
  /** Not shown while it is typed. Empty only where it is `optional`. */
  secret(text: string, options?: { readonly optional?: boolean | undefined }): Promise<string>;
  /** An empty line is no. */
  confirm(text: string): Promise<boolean>;
}

/** Undefined where there is no terminal. */
export function questionsAt(io: Io): Questions | undefined {
  if (!io.stdin.isTTY) return undefined;
  async function ask(text: string, usual = ""): Promise<string> {
    io.stderr.write(usual === "" ? `${text} ` : `${text} [${usual}] `);
    const line = (await nextLine(io.stdin)).trim();
    return line === "" ? usual : line;
  }
  return {
    ask,
    secret: (text, options) => hiddenValue(io, `${text} `, options),
    confirm: async (text) => /^y(es)?$/i.test(await ask(`${text} (yes or no)`, "no")),
  };
}

async function nextLine(stdin: NodeJS.ReadStream): Promise<string> {
  return await new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    function done(settle: () => void): void {
      stdin.off("data", take);
      stdin.off("end", end);
      stdin.pause();
      settle();
    }
    function take(chunk: Buffer | string): void {
      held = Buffer.concat([held, Buffer.from(chunk)]);
      const at = held.indexOf("\n");
      if (at < 0) return;
      done(() => {
        // What was typed ahead is for the next question.
        if (at + 1 < held.length) stdin.unshift(held.subarray(at + 1));
        resolve(held.subarray(0, at).toString("utf8").replace(/\r$/, ""));
      });
    }
    function end(): void {
      done(() => reject(new RejectedError("Nothing was changed.")));
    }
    stdin.on("data", take);
    stdin.on("end", end);
    stdin.resume();
  });
}
