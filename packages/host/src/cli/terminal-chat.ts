/**
 * A chat in a terminal, against a host that runs here or elsewhere on this machine: what is typed is
 * sent at once, also while an answer is being given (the host steers, queues or interrupts by the
 * group's choice), and what happens in the chat shows as it happens.
 */
import { BellhopError, TemporaryError } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { EventId } from "../core/events.ts";
import type { ChatId } from "../core/ids.ts";
import { createChatView } from "./chat-view.ts";
import type { Client, History } from "./client.ts";
import { RefusedError } from "./control.ts";
import { follow, sleep } from "./follow.ts";
import type { Io } from "./io.ts";
import { openPrompt } from "./prompt.ts";
import type { Screen } from "./screen.ts";
import { PAUSED } from "./status.ts";

export interface TerminalChatOptions {
  readonly io: Io;
  readonly client: Client;
  readonly chat: ChatId;
  readonly screen: Screen;
  readonly historyFile: string;
  /** Ctrl-C on an empty line. */
  readonly onInterrupt: () => void;
  /** `/exit` or Ctrl-D. */
  readonly onLeave: () => void;
  /** What `/help` says of leaving. */
  readonly leaving: string;
  /** The host runs in this process: when it goes, so do we, and there is nothing to say of it. */
  readonly hostIsHere?: boolean;
}

export interface TerminalChat {
  /** Takes no more input; goes on showing what happens. */
  closeInput(): void;
  /** Ends once the connection to the host has: what it sent is shown. At most `ms` later. Never rejects. */
  close(ms: number): Promise<void>;
  /** Rejects when the chat cannot go on; resolves after `close`. */
  readonly finished: Promise<void>;
}

/** On entry, that many messages of what was said before. */
const PAST = 10;
const RETRY_MS = 500;

/** @throws what the host refuses the first look into the chat with */
export async function openTerminalChat(options: TerminalChatOptions): Promise<TerminalChat> {
  const {
    io,
    client,
    chat,
    screen,
    historyFile,
    onInterrupt,
    onLeave,
    leaving,
    hostIsHere = false,
  } = options;
  const { clock } = io;
  const ended = new AbortController();
  const view = createChatView(screen, io.stdout);
  const own = new Set<string>();
  /** Messages on their way, in the order in which they were typed. */
  let sending: Promise<void> = Promise.resolve();
  let ending = false;

  const { events } = await past(client, chat);
  view.past(events.filter(({ type }) => type === "message").slice(-PAST));
  view.say(`${chat}. /help says how this works.`);

  async function send(text: string, id: string): Promise<void> {
    for (;;) {
      try {
        const { message, paused } = await client.send(chat, { text, id });
        own.add(message);
        if (paused) view.say(PAUSED);
        return;
      } catch (error) {
        if (!(error instanceof BellhopError)) throw error;
        if (error instanceof TemporaryError && !ending && !ended.signal.aborted) {
          await sleep(clock, RETRY_MS, ended.signal);
          continue;
        }
        return view.say(`not sent: ${error.message}`);
      }
    }
  }

  function onMessage(text: string) {
    const typed = text.trim();
    if (typed === "/exit") return onLeave();
    if (typed === "/help") view.say(help(leaving)); // of these keys; the host adds its commands
    const id = randomUUID();
    sending = sending.then(() => send(text, id));
  }

  async function watch(): Promise<void> {
    const after = events.at(-1)?.id ?? EventId.parse(0);
    const stream = follow({
      client,
      chat,
      after,
      clock,
      signal: ended.signal,
      goOn: () => !ending,
      ...(hostIsHere
        ? {}
        : {
            onLost: () => view.say("the host has gone away; waiting for it"),
            onBack: () => view.say("it is back"),
          }),
    });
    for await (const event of stream) {
      // Whether it was typed here is known once the host has answered.
      if (event.type === "message" && event.direction === "in") await sending;
      view.show(event, (message) => own.has(message));
    }
  }

  const prompt = openPrompt({
    stdin: io.stdin,
    stdout: io.stdout,
    screen,
    historyFile,
    onMessage,
    onInterrupt,
    onEnd: onLeave,
  });
  const finished = watch().finally(() => prompt.close());

  return {
    closeInput: () => prompt.close(),
    finished,
    async close(ms) {
      ending = true;
      prompt.close();
      const cancel = clock.after(ms, () => ended.abort());
      await Promise.allSettled([finished]); // what went wrong, `finished` tells
      cancel();
      ended.abort();
      screen.endLine();
    },
  };
}

/** A terminal's chat comes into being by its first message; until then it has no past. */
async function past(client: Client, chat: ChatId): Promise<History> {
  try {
    // Turns are among the events: three for each message is more than there are.
    return await client.history(chat, { limit: PAST * 4 });
  } catch (error) {
    if (error instanceof RefusedError && error.code === "not_found") return { events: [], more: false };
    throw error;
  }
}

function help(leaving: string): string {
  return [
    "Type a message and press Enter. You may go on while the answer comes: it is sent at once.",
    "  several lines   end a line with \\, or paste a block; then press Enter",
    "  earlier input   arrow up and down",
    "  Ctrl-C          drops what you have typed; on an empty line it leaves",
    `  /exit, Ctrl-D   ${leaving}`,
  ].join("\n");
}
