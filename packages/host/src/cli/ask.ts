/**
 * `bellhop ask`: one message in, its answer out. For people and for scripts.
 *
 * - stdout has the answer and nothing else. Into a pipe or file go the messages as they are stored,
 *   byte for byte; on a terminal the text shows as it is generated.
 * - The message carries an id of its own and the events are read from it on, so a host that restarts
 *   in between neither asks twice nor loses the answer.
 */
import { BellhopError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { Command, InvalidArgumentError } from "commander";
import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import type { ChatEvent, MessageEvent, SharedFile } from "../core/events.ts";
import { EventId } from "../core/events.ts";
import { codeOf } from "../core/error-code.ts";
import type { ChatId, FileId, InboxId } from "../core/ids.ts";
import { type Outcome, createAnswer } from "./answer.ts";
import type { Accepted, Client } from "./client.ts";
import { NoHostError } from "./control.ts";
import { fileInWords } from "./file-words.ts";
import { follow, sleep } from "./follow.ts";
import { chatNamed, clientFor, homeOption } from "./home-option.ts";
import { plain } from "./plain.ts";
import type { Io } from "./io.ts";
import { PAUSED } from "./status.ts";
import { createStreamed } from "./streamed.ts";

interface AskOptions {
  readonly home?: string;
  readonly chat: string;
  readonly json?: true;
  readonly timeout: number;
  readonly file?: string[];
}

export function askCommand(io: Io): Command {
  return new Command("ask")
    .summary("send one message and print its answer")
    .description("Sends one message to the running Bellhop and prints the answer.")
    .argument("[text...]", "the message; - reads it from stdin")
    .addOption(homeOption())
    .option(
      "--chat <name>",
      "the chat to ask in: a terminal chat's name, or a whole address such as web:abc",
      "ask",
    )
    .option("--file <path>", "a file to send with it; may be given several times", gather)
    .option("--timeout <seconds>", "how long to wait for the answer", seconds, 600)
    .option("--json", "print each event of the answer as one line of JSON, the live ones included")
    .addHelpText("after", HELP)
    .action(async (words: string[], options: AskOptions) => {
      const chat = chatNamed(options.chat);
      const text = words.length === 1 && words[0] === "-" ? await readText(io.stdin) : words.join(" ");
      const paths = options.file ?? [];
      if (text.trim() === "" && paths.length === 0)
        throw new RejectedError("There is nothing to send: the message is empty.");
      const client = clientFor(io, options.home);
      const late = new AbortController();
      const cancel = io.clock.after(options.timeout * 1000, () => late.abort());
      try {
        const accepted = await sendOnce({ client, chat, text, paths, io, signal: late.signal });
        const show = options.json ? showFrames(io) : io.stdout.isTTY ? showLive(io) : showMessages(io);
        const outcome = await readAnswer({ client, chat, accepted, io, signal: late.signal, show });
        if (outcome === undefined) throw new TemporaryError(tooLate(options.timeout, chat));
        if (!outcome.ok) throw new RejectedError(plain(outcome.reason));
      } finally {
        cancel();
      }
    });
}

/** A message may be as long as the API takes (G5); more than that need not be read. */
const MAX_BYTES = 1024 * 1024;
/** For replies that are delivered after their turn has ended. */
const DELIVERY_MS = 10_000;
const RETRY_MS = 250;

async function readText(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stdin) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    if (bytes > MAX_BYTES) throw new RejectedError("The message is too long: 1 MiB is the most.");
    pieces.push(buffer);
  }
  return Buffer.concat(pieces)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

interface Sending {
  readonly client: Client;
  readonly chat: ChatId;
  readonly text: string;
  readonly paths: readonly string[];
  readonly io: Io;
  readonly signal: AbortSignal;
}

/** Tries again while a host that was there goes away and comes back; the id makes it one message (G2). */
async function sendOnce({ client, chat, text, paths, io, signal }: Sending): Promise<Accepted> {
  const id = randomUUID();
  await client.status(); // no host at all is an answer, not something to wait for
  const files: FileId[] = [];
  for (const path of paths) files.push((await handOver(client, chat, path)).id);
  for (;;) {
    try {
      const accepted = await client.send(chat, { text, id, files });
      if (accepted.paused) io.stderr.write(`${PAUSED}\n`);
      return accepted;
    } catch (error) {
      if (!(error instanceof TemporaryError) || signal.aborted) throw error;
      await sleep(io.clock, RETRY_MS, signal);
    }
  }
}

/** @throws RejectedError when it cannot be read, or the host does not take it */
async function handOver(client: Client, chat: ChatId, path: string): Promise<SharedFile> {
  try {
    await using file = await open(path);
    if (!(await file.stat()).isFile()) throw new RejectedError(`${path} is not a plain file.`);
    return await client.upload(chat, {
      name: basename(path),
      content: file.createReadStream({ autoClose: false }),
    });
  } catch (cause) {
    const code = codeOf(cause);
    if (cause instanceof BellhopError || code === undefined) throw cause;
    throw new RejectedError(`${path} cannot be read (${code}).`, { cause });
  }
}

const gather = (path: string, before: string[] = []) => [...before, path];

/** How the events of an answer are shown. `notice` is the host's own word about it. */
interface Show {
  event(event: ChatEvent): void;
  end(outcome: Outcome): void;
}

interface Reading {
  readonly client: Client;
  readonly chat: ChatId;
  readonly accepted: Accepted;
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly show: Show;
}

/** Shows the answer as it comes. Resolves with undefined when `signal` aborts before it is complete. */
async function readAnswer({
  client,
  chat,
  accepted,
  io,
  signal,
  show,
}: Reading): Promise<Outcome | undefined> {
  const answer = createAnswer(accepted.message);
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  let cancel = () => {};
  let outcome: Outcome | undefined;
  let earlier: ReadonlySet<string> | undefined;
  const from = EventId.parse(Math.max(0, accepted.event - 1));
  const onLost = () => {
    if (io.stderr.isTTY) io.stderr.write("The host has gone away; waiting for it to come back.\n");
  };
  try {
    for await (const event of follow({
      client,
      chat,
      after: from,
      clock: io.clock,
      signal: either,
      onLost,
    })) {
      const progress = answer.take(event);
      for (const frame of progress.frames) show.event(frame);
      ({ outcome } = progress);
      if (!outcome) continue;
      if (progress.missing.size === 0) break;
      // A message that joined a live turn is not owed the replies from before it came.
      earlier ??= await seenBefore(client, chat, accepted);
      const owed = [...progress.missing].filter((reply) => !earlier?.has(reply));
      if (owed.length === 0) break;
      cancel();
      cancel = io.clock.after(DELIVERY_MS, () => enough.abort());
    }
  } finally {
    cancel();
  }
  if (signal.aborted && !outcome) return undefined;
  outcome ??= { ok: false, reason: "The answer was cut off." };
  show.end(outcome);
  return outcome;
}

async function seenBefore(
  client: Client,
  chat: ChatId,
  { event }: Accepted,
): Promise<ReadonlySet<InboxId | string>> {
  try {
    const { events } = await client.history(chat, { before: event, limit: 100 });
    return new Set(events.flatMap((one) => (one.type === "message" ? [one.message] : [])));
  } catch (error) {
    if (error instanceof NoHostError || error instanceof TemporaryError) return new Set(); // then wait for them
    throw error;
  }
}

function showFrames(io: Io): Show {
  return {
    event: (event) => void io.stdout.write(`${JSON.stringify(event)}\n`),
    end: () => undefined,
  };
}

/** Only what is stored: what a pipe gets does not depend on how it was generated. */
function showMessages(io: Io): Show {
  const notices = collectNotices(io);
  return {
    event(event) {
      if (event.type !== "message" || event.direction === "in") return;
      if (isAnswer(event)) io.stdout.write(event.text.endsWith("\n") ? event.text : `${event.text}\n`);
      else notices.take(event);
    },
    end: (outcome) => notices.end(outcome),
  };
}

function showLive(io: Io): Show {
  const streamed = createStreamed();
  const notices = collectNotices(io);
  return {
    event(event) {
      if (event.type === "delta") {
        io.stdout.write(streamed.delta({ text: plain(event.text), reset: event.reset }));
      } else if (event.type === "message" && event.direction === "out") {
        if (isAnswer(event)) io.stdout.write(streamed.message(plain(event.text)));
        else notices.take(event);
      }
    },
    end(outcome) {
      io.stdout.write(streamed.end());
      notices.end(outcome);
    },
  };
}

/** The agent's words; and the host's, where no turn is behind them: that is how a command is answered. */
function isAnswer({ kind, turn }: MessageEvent): boolean {
  return kind === "text" || (kind === "notice" && turn === undefined);
}

/** The host's own words about an answer go to stderr, once: of a failure they are the reason, which is printed anyway. */
function collectNotices(io: Io) {
  const notices: string[] = [];
  return {
    take({ kind, text, files = [] }: MessageEvent) {
      if (kind === "notice" || (kind === "file" && text !== "")) notices.push(text);
      notices.push(...files.map((file) => `— ${fileInWords(file)}`));
    },
    end(outcome: Outcome) {
      for (const text of outcome.ok ? notices : []) io.stderr.write(`${plain(text)}\n`);
    },
  };
}

function tooLate(timeout: number, chat: ChatId): string {
  return (
    `No answer within ${timeout} s. The message was taken and is still being worked on; ` +
    `the answer will be in the chat: bellhop chat --chat ${chat}`
  );
}

export function seconds(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number) && number > 0 && number <= 86_400) return number;
  throw new InvalidArgumentError("It is a number of seconds, more than 0 and at most 86400.");
}

const HELP = `
The message goes to the chat terminal:ask unless --chat names another; what is
asked there is one conversation, and two questions at once may get one answer.

On a terminal the answer shows as it is generated. A pipe or a file gets the
finished messages, one after the other, each ended by a line feed.

Examples:
  bellhop ask "remember that the bins go out on Tuesday"
  git diff | bellhop ask - --chat review > review.md
  bellhop ask --file photo.jpg "what is this plant?"
  bellhop ask --json --timeout 60 "hello" | jq -r 'select(.type == "delta").text'

Exit codes: 0 answered; 1 not answered (the reason is on stderr): no Bellhop is
running, the message was refused, the turn failed, or the time was up.`;
