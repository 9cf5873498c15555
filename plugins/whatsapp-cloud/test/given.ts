/** A number on the fake, as tests of what is WhatsApp's own need it. */
import { createWire, type Inbound, type Json, type Logger } from "@bellhop/sdk";
import { onTestFinished } from "vitest";
import { createNumber, type NumberOptions } from "../src/number.ts";
import { openPeople } from "../src/people.ts";
import { createWebhook, type Subscriber } from "../src/webhook.ts";
import { type FakeGraphOptions, NUMBER, openFakeGraph } from "./fake/graph-api.ts";
import { createMeta, type Post } from "./fake/peer.ts";

export const DAY_MS = 24 * 60 * 60_000;
/** Friday, 27 November 2026, noon. */
const NOON = Date.UTC(2026, 10, 27, 12);
export const ANN = { id: "491511111111", name: "Ann" };
export const BEN = { id: "491522222222", name: "Ben" };

export interface Logged {
  readonly level: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, Json>>;
}

export async function givenNumber(more: Partial<NumberOptions> = {}, fake: FakeGraphOptions = {}) {
  let now = NOON;
  const clock = () => now;
  const graph = await openFakeGraph({ now: clock, ...fake });
  const people = openPeople(":memory:");
  const wire = createWire();
  const logged: Logged[] = [];
  const note =
    (level: string) =>
    (text: string, fields: Readonly<Record<string, Json>> = {}) =>
      void logged.push({ level, text, fields });
  const log: Logger = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };

  function start(also: Partial<NumberOptions> = {}) {
    const { account, credentials } = { account: "", credentials: NUMBER, ...more, ...also };
    const number = createNumber({
      graphUrl: graph.url,
      wire,
      people: people.of(account),
      template: undefined,
      readReceipts: true,
      now: clock,
      log,
      ...more,
      ...also,
      account,
      credentials,
    });
    const subscriber: Subscriber = { account, ...credentials, verifyToken: "verify me", take: number.take };
    return { ...number, subscriber };
  }

  const number = start();
  const { channel } = number;
  const heard: Inbound[] = [];
  /** Replaced by tests in which the disk is slow, or full. */
  const disk: { write: (inbound: Inbound) => Promise<void> } = { write: async () => undefined };
  const stop = new AbortController();
  const over = channel.listen?.(
    undefined,
    async (inbound) => {
      await disk.write(inbound);
      heard.push(inbound);
    },
    stop.signal,
  );
  over?.catch(() => undefined); // who cares looks at it
  const route: Post = createWebhook([number.subscriber], log);
  const meta = createMeta(graph, route);
  onTestFinished(async () => {
    stop.abort(new Error("the test is over"));
    meta.close();
    await over?.catch(() => undefined);
    wire.close();
    await graph.server.close();
    people.close();
  });

  return {
    graph,
    world: graph.world,
    server: graph.server,
    channel,
    route,
    meta,
    heard,
    logged,
    log,
    disk,
    stop,
    over,
    start,
    people: people.of(""),
    advance(ms: number): void {
      now += ms;
    },
    /** Resolves with the first that fits, heard already or heard then. */
    hears: (fits: (inbound: Inbound) => boolean) => graph.server.changes.until(() => heard.find(fits)),
    /** They have just written, and are in their chat. */
    person(who: typeof ANN) {
      const opened = graph.world.open(who);
      people.of("").heard(who.id, opened.userId, now);
      return { ...opened, chat: meta.chat(opened), opened };
    },
  };
}

export const { signal } = new AbortController();
export const text = (chat: string, words: string) => ({ kind: "text", key: "k", chat, text: words }) as const;
