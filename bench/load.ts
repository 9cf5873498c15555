/**
 * Load: many messages over many chats into one host, answered by the echo agent in its sandbox. All
 * chats write side by side, each as fast as its messages are acknowledged; what waits in a chat is
 * answered together by its next turn. Or, `answered`, each waits for its answer before it goes on, and
 * every message is a turn of its own.
 */
import type { DurableEvent } from "../packages/host/src/core/events.ts";
import { ChatId } from "../packages/host/src/core/ids.ts";
import { type Api, createApi } from "./api.ts";
import { startHost, temporaryHome, withEchoAgent } from "./host.ts";
import { type Summary, summarise } from "./stats.ts";
import { judge, type Sent, type Verdict } from "./verdict.ts";
import { createWatch, type Watch } from "./watch.ts";

export interface LoadOptions {
  readonly messages: number;
  readonly chats: number;
  readonly answered: boolean;
  readonly nodeFlags?: readonly string[];
}

export interface LoadReport extends Verdict {
  /** From a POST to its answer, which comes after the commit. */
  readonly acceptMs: Summary;
  readonly acceptedPerSecond: number;
  readonly turns: number;
  readonly answeredPerSecond: number;
  readonly tookMs: number;
}

export async function measureLoad(options: LoadOptions): Promise<LoadReport> {
  const { messages, chats, answered, nodeFlags = [] } = options;
  await using home = await temporaryHome(withEchoAgent());
  const host = startHost(home.path, nodeFlags);
  const api = createApi(await host.ready);
  const watch = createWatch();
  const leave = new AbortController();
  const following = watch.follow(api, leave.signal);

  const began = performance.now();
  const writers = Array.from({ length: chats }, (_, number) => ({
    chat: ChatId.parse(`web:chat-${number}`),
    messages: Math.floor(messages / chats) + (number < messages % chats ? 1 : 0),
  }));
  const written = await Promise.all(writers.map((writer) => write(writer, { api, watch, answered })));
  const acceptedMs = performance.now() - began;
  const sent = written.flatMap((one) => one.sent);
  await Promise.all(written.flatMap((one) => one.settled));
  const tookMs = performance.now() - began;

  const timelines = new Map<ChatId, DurableEvent[]>();
  for (const { chat } of writers) timelines.set(chat, await api.timeline(chat));
  leave.abort();
  await following;
  await host.stop();
  api.close();
  const turns = [...timelines.values()].flat().filter((one) => one.type === "turn" && one.state === "done");
  return {
    ...judge(sent, timelines),
    acceptMs: summarise(written.flatMap((one) => one.acceptMs)),
    acceptedPerSecond: (messages / acceptedMs) * 1_000,
    turns: turns.length,
    answeredPerSecond: (messages / tookMs) * 1_000,
    tookMs,
  };
}

async function write(
  { chat, messages }: { chat: ChatId; messages: number },
  { api, watch, answered }: { api: Api; watch: Watch; answered: boolean },
): Promise<{ sent: Sent[]; settled: Promise<void>[]; acceptMs: number[] }> {
  const sent: Sent[] = [];
  const settled: Promise<void>[] = [];
  const acceptMs: number[] = [];
  for (let n = 0; n < messages; n += 1) {
    const text = `${chat} says ${n}`;
    const posted = performance.now();
    const { message } = await api.post(chat, { id: `load-${n}`, text });
    acceptMs.push(performance.now() - posted);
    sent.push({ chat, text, message, answer: text });
    settled.push(watch.settled(message));
    if (answered) await settled.at(-1);
  }
  return { sent, settled, acceptMs };
}
