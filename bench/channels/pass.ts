/**
 * Messages in and their answers out. Each chat waits for its answer before it writes again, so that there is an answer
 * to each message. Where there are more chats than write at the same time, some write all of theirs, and then others.
 * Judged by what the platform shows: each answer once, in its chat.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Summary, summarise } from "../stats.ts";
import type { BenchChat, BenchPlatform, OpenPlatform } from "./platform.ts";

export interface Passed {
  /** From when a person wrote until the answer stands on the platform. */
  readonly ms: Summary;
  readonly perSecond: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface PassOptions {
  readonly messages: number;
  /** As many chats write at the same time; all of them where it is absent. */
  readonly atOnce?: number;
  /** From one message of a chat to the next. */
  readonly everyMs: number;
}

/** From one message of a chat to the next, ms, so that neither it nor the account is written in too fast. */
export function paceOf(
  { everyMs, accountEveryMs = 0 }: Pick<BenchPlatform, "everyMs" | "accountEveryMs">,
  atOnce: number,
): number {
  return Math.max(everyMs, accountEveryMs * atOnce);
}

/**
 * How many people there have to be, for so many at once, that nobody is sent more than `burst` messages, with the word
 * before the first one.
 */
export function peopleFor(
  { burst }: Pick<BenchPlatform, "burst">,
  { messages, atOnce }: { readonly messages: number; readonly atOnce: number },
): number {
  return burst === undefined ? atOnce : atOnce * Math.max(1, Math.ceil(messages / (atOnce * (burst - 1))));
}

export async function pass(
  { chats, changed }: Pick<OpenPlatform, "chats" | "changed">,
  { messages, atOnce = chats.length, everyMs }: PassOptions,
): Promise<Passed> {
  /** How long it took. */
  async function ask({ says, shown }: BenchChat, text: string): Promise<number> {
    const from = performance.now();
    await says(text);
    for (let change = changed(); !shown().includes(text); change = changed()) await change;
    const ms = performance.now() - from;
    await pause(Math.max(0, everyMs - ms));
    return ms;
  }

  const written = chats.map((chat, n) => ({
    chat,
    texts: Array.from(
      { length: Math.floor(messages / chats.length) + (n < messages % chats.length ? 1 : 0) },
      (_, at) => `message ${at} of ${chat.sender}`,
    ),
  }));
  const ms: number[] = [];
  let tookMs = 0;
  for (let first = 0; first < chats.length; first += atOnce) {
    const writing = written.slice(first, first + atOnce);
    await Promise.all(writing.map(({ chat }) => ask(chat, "good morning"))); // sandboxes are up then
    const began = performance.now();
    await Promise.all(
      writing.map(async ({ chat, texts }) => {
        for (const text of texts) ms.push(await ask(chat, text));
      }),
    );
    tookMs += performance.now() - began;
  }
  const times = written.flatMap(({ chat, texts }) => {
    const shown = chat.shown();
    return texts.map((text) => shown.filter((one) => one === text).length);
  });
  return {
    ms: summarise(ms),
    perSecond: (messages / tookMs) * 1_000,
    lost: times.filter((n) => n === 0).length,
    doubled: times.filter((n) => n > 1).length,
  };
}
