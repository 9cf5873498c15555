/** Questions that somebody answers at a terminal, or a pipe with a line each. */
import { RejectedError } from "@bellhop/sdk";
import { createInterface } from "node:readline";
import type { Io } from "./io.ts";
import { type Questions, questionsAt } from "./questions.ts";

type Asked = Pick<Questions, "ask" | "secret"> & Disposable;

/** Both throw RejectedError when nothing comes, or it is given up. */
export function askedOf(io: Io): Asked {
  const questions = questionsAt(io);
  if (questions) return { ...questions, [Symbol.dispose]: () => undefined };
  const readline = createInterface({ input: io.stdin });
  const lines = readline[Symbol.asyncIterator]();
  async function line(): Promise<string> {
    const { value, done } = await lines.next();
    if (done) throw new RejectedError("There is no line left to answer with. Nothing was changed.");
    return value;
  }
  return { ask: line, secret: line, [Symbol.dispose]: () => readline.close() };
}
