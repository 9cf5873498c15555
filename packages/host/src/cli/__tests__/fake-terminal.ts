/** A terminal with somebody at it who answers questions, as far as commands of the command line can tell. */
import { PassThrough, Writable } from "node:stream";
import type { Environment } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import type { Io } from "../io.ts";
import { runProgram } from "../program.ts";

/** Answers by what a question says; a function is asked each time. */
export type Answers = readonly (readonly [question: RegExp, answer: string])[];

export interface Ran {
  readonly code: number;
  readonly out: string;
  /** What was said beside the result, questions too. */
  readonly told: string;
  readonly asked: readonly string[];
}

/** @param answers undefined: nobody is there */
export async function runAt(args: readonly string[], env: Environment, answers?: Answers): Promise<Ran> {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: answers !== undefined,
    isRaw: false,
    setRawMode: () => stdin,
  });
  if (!answers) stdin.end();
  const asked: string[] = [];
  const told: string[] = [];
  const out: string[] = [];
  const stderr = writable((text) => {
    told.push(text);
    if (text.endsWith("\n")) return;
    asked.push(text.trim());
    const answer = answers?.find(([question]) => question.test(text))?.[1];
    if (answer === undefined) throw new Error(`nobody knows an answer to: ${text}`);
    stdin.write(`${answer}\n`);
  });
  const io = { env, stdin, stdout: writable((text) => void out.push(text)), stderr, clock: systemClock };
  // oxlint-disable-next-line no-unsafe-type-assertion -- as much of a terminal as commands use
  const code = await runProgram(args, io as unknown as Io);
  return { code, out: out.join(""), told: told.join(""), asked };
}

function writable(take: (text: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(chunk.toString("utf8"));
      done();
    },
  });
}
