/** A value that nobody is to see: typed without being shown, or read from a pipe. Never an argument, which others can list. */
import { RejectedError } from "@bellhop/sdk";
import { text } from "node:stream/consumers";
import type { Io } from "./io.ts";

/**
 * What stdin holds, without the end of its last line.
 * @throws RejectedError when it is given up, or is empty and not `optional`
 */
export async function hiddenValue(
  { stdin, stderr }: Io,
  prompt: string,
  { optional = false }: { readonly optional?: boolean | undefined } = {},
): Promise<string> {
  if (!stdin.isTTY) return checked((await text(stdin)).replace(/\r?\n$/, ""), optional);
  const cooked = stdin.isRaw;
  stdin.setRawMode(true); // before it is asked for: what is typed at once is not shown either
  stdin.resume();
  stderr.write(prompt);
  try {
    return checked(await typed(stdin), optional);
  } finally {
    stdin.setRawMode(cooked);
    stdin.pause();
    stderr.write("\n");
  }
}

async function typed(stdin: NodeJS.ReadStream): Promise<string> {
  return await new Promise((resolve, reject) => {
    let value = "";
    function done(settle: () => void): void {
      stdin.off("data", take);
      settle();
    }
    function take(chunk: Buffer): void {
      for (const char of chunk.toString("utf8")) {
        if (char === "\r" || char === "\n") return done(() => resolve(value));
        if (char === "\u0003" || char === "\u0004") {
          return done(() => reject(new RejectedError("Nothing was changed.")));
        }
        if (char === "\u007f" || char === "\b") value = value.replace(/.$/su, "");
        else value += char;
      }
    }
    stdin.on("data", take);
  });
}

function checked(value: string, optional: boolean): string {
  if (value === "" && !optional) throw new RejectedError("There is no value. Nothing was changed.");
  if (/\p{Cc}/u.test(value)) {
    throw new RejectedError(
      "The value has line breaks or control characters, which no request can carry. Nothing was changed.",
    );
  }
  return value;
}
