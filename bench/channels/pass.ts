/**
 * Messages in and their answers out. Each chat waits for its answer before it writes again, so that there is an answer
 * to each message. Judged by what the platform shows: each answer once, in its chat.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Summary, summarise } from "../stats.ts";
import type { BenchChat, OpenPlatform } from "./platform.ts";

export interface Passed {
  /** From when a person wrote until the answer stands on the platform. */
  readonly ms: Summary;
  readonly perSecond: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface PassOptions {
  readonly messages: number;
  /** From one message of a chat to the next. */
  readonly everyMs: number;
}

export async function pass(
  { chats, changed }: Pick<OpenPlatform, "chats" | "changed">,
  { messages, everyMs }: PassOptions,
): Promise<Passed> {
  const ms: number[] = [];
  async function ask({ says, shown }: BenchChat, text: string): Promise<void> {
    const from = performance.now();
    await says(text);
    for (let change = changed(); !shown().includes(text); change = changed()) await change;
    ms.push(performance.now() - from);
    await pause(Math.max(0, from + everyMs - performance.now()));
  }

  await Promise.all(chats.map((chat) => ask(chat, "good morning"))); // sandboxes are up then
  ms.length = 0;
  const began = performance.now();
  const written = chats.map((chat, n) => ({
    chat,
    texts: Array.from(
      { length: Math.floor(messages / chats.length) + (n < messages % chats.length ? 1 : 0) },
      (_, at) => `message ${at} of ${chat.sender}`,
    ),
  }));
  await Promise.all(
    written.map(async ({ chat, texts }) => {
      for (const text of texts) await ask(chat, text);
    }),
  );
  const perSecond = (messages / (performance.now() - began)) * 1_000;
  const times = written.flatMap(({ chat, texts }) => {
    const shown = chat.shown();
    return texts.map((text) => shown.filter((one) => one === text).length);
  });
  return {
    ms: summarise(ms),
    perSecond,
    lost: times.filter((n) => n === 0).length,
    doubled: times.filter((n) => n > 1).length,
  };
}
