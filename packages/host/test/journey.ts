/**
 * Whole journeys: a real host in this process, with a real home, database, sandboxes and engine, spoken
 * to over its control socket by the client that the commands use.
 */
import type { Channel } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createAnswer } from "../src/cli/answer.ts";
import { type Client, createClient } from "../src/cli/client.ts";
import { homePaths } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import type { ChatEvent } from "../src/core/events.ts";
import { ChatId, type FileId, type InboxId } from "../src/core/ids.ts";
import { type Host, type HostOptions, startHost } from "../src/main.ts";
import { configured, shortWaits } from "./configured.ts";

export interface Told {
  readonly message: InboxId;
  /** Every event that belongs to the message, in order. */
  readonly frames: readonly ChatEvent[];
  /** What the chat was told, notices included, in order. */
  readonly answer: string;
  /** Of the turn; a chat command, which has none, is done. */
  readonly state: "done" | "failed" | "cancelled";
}

export interface Journey {
  readonly home: string;
  readonly client: Client;
  readonly host: () => Host;
  /** Sends, and waits for the whole answer. */
  ask(text: string, chat?: string, files?: readonly FileId[]): Promise<Told>;
  /** Sends; `told` waits for the answer, `shows` for the first event that fits. */
  send(text: string, chat?: string, files?: readonly FileId[]): Promise<Sent>;
  restart(): Promise<void>;
}

export interface Sent {
  readonly message: InboxId;
  readonly told: Promise<Told>;
  shows(fits: (event: ChatEvent) => boolean): Promise<ChatEvent>;
}

export interface JourneyOptions {
  /** Of `config.yaml`. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Beside the owner's own desk. */
  readonly channels?: readonly Channel[];
  readonly network?: HostOptions["network"];
  readonly plugins?: HostOptions["plugins"];
  readonly connectable?: HostOptions["connectable"];
}

export async function givenHost({
  config = "",
  env = {},
  channels = [],
  network,
  plugins,
  connectable,
}: JourneyOptions = {}): Promise<Journey> {
  const home = join(await mkdtemp(join(tmpdir(), "bellhop-journey-")), "home");
  const policies = { XDG_CONFIG_HOME: join(home, "..", "config") };
  const start = async () =>
    startHost({
      config: configured({ home, env: { ...policies, ...env }, flags: { port: 0 } }),
      channels,
      random: shortWaits,
      ...(network && { network }),
      ...(plugins && { plugins }),
      ...(connectable && { connectable }),
    });
  if (config !== "") {
    await mkdir(home, { mode: 0o700 });
    await writeFile(homePaths(home).config, config);
  }
  let host = await start();
  const over = new AbortController();
  onTestFinished(async () => {
    over.abort();
    await host.stop();
    await rm(join(home, ".."), { recursive: true, force: true });
  });
  const client = createClient({ home, socket: homePaths(home).socket, clock: systemClock });

  async function send(text: string, name = "web:journey", files: readonly FileId[] = []): Promise<Sent> {
    const chat = ChatId.parse(name);
    const accepted = await client.send(chat, { text, id: randomUUID(), files });
    const answer = createAnswer(accepted.message);
    const frames: ChatEvent[] = [];
    let waiting: { fits: (event: ChatEvent) => boolean; resolve: (event: ChatEvent) => void }[] = [];

    async function listen(): Promise<Told> {
      for await (const event of client.events(chat, { after: accepted.event, signal: over.signal })) {
        const { frames: fresh, outcome, missing } = answer.take(event);
        frames.push(...fresh);
        for (const { fits, resolve } of waiting) for (const one of fresh.filter(fits)) resolve(one);
        waiting = waiting.filter(({ fits }) => !fresh.some(fits));
        if (outcome && missing.size === 0) return tell();
      }
      throw new Error(`the host closed the stream before ${JSON.stringify(text)} was answered`);
    }

    function tell(): Told {
      const said = frames.flatMap((event) =>
        event.type === "message" && event.direction === "out" ? event.text : [],
      );
      const ends = frames.findLast((event) => event.type === "turn");
      const isCommand = frames.some(({ type, turn }) => type === "message" && turn === undefined);
      const state = isCommand ? "done" : ends?.state;
      if (state !== "done" && state !== "failed" && state !== "cancelled")
        throw new Error("the turn has not ended");
      return { message: accepted.message, frames, answer: said.join("\n"), state };
    }

    const told = listen();
    told.catch(() => undefined); // a journey that ends before the answer does not wait for it
    return {
      message: accepted.message,
      told,
      shows: (fits) => {
        const shown = frames.find(fits);
        if (shown) return Promise.resolve(shown);
        return new Promise((resolve) => waiting.push({ fits, resolve }));
      },
    };
  }

  return {
    home,
    client,
    host: () => host,
    send,
    ask: async (text, chat, files) => await (await send(text, chat, files)).told,
    async restart() {
      await host.drain();
      host = await start();
    },
  };
}
