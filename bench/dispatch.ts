/**
 * Dispatch: whether everybody is served, in order and fairly, when far more groups write than there are
 * sandboxes; and what the dispatcher costs per message, which must not depend on how many groups wait.
 */
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../packages/host/src/core/clock.ts";
import type { DurableEvent } from "../packages/host/src/core/events.ts";
import { ChatId, type SessionId } from "../packages/host/src/core/ids.ts";
import { createDispatcher } from "../packages/host/src/dispatch/dispatcher.ts";
import { silentLog } from "../packages/host/src/log.ts";
import type { Claim } from "../packages/host/src/store/claims.ts";
import { type Api, createApi } from "./api.ts";
import { startHost, temporaryHome, withEchoAgent } from "./host.ts";
import { scriptedRooms } from "./scripted-rooms.ts";
import { percentile, type Summary, summarise } from "./stats.ts";
import { type BenchStore, temporaryStore } from "./store.ts";
import { judge, type Sent, type Verdict } from "./verdict.ts";
import { createWatch, type Watch } from "./watch.ts";

export interface BurstOptions {
  readonly groups: number;
  /** Of each group. */
  readonly messages: number;
  readonly sandboxes: number;
  readonly nodeFlags?: readonly string[];
}

export interface BurstReport extends Verdict {
  readonly groups: number;
  /** The slowest group's mean wait over the median group's. */
  readonly fairness: number;
  /** Each group's mean wait for its answers, ms. */
  readonly waitMs: Summary;
  readonly turns: number;
  readonly tookMs: number;
}

/** All groups write at once; echo agents in real sandboxes answer. */
export async function measureBurst(options: BurstOptions): Promise<BurstReport> {
  const chats = Array.from({ length: options.groups }, (_, n) => ({
    group: `group-${n}`,
    chat: ChatId.parse(`web:group-${n}`),
  }));
  await using home = await temporaryHome({
    ...withEchoAgent(),
    limits: { sandboxes: options.sandboxes },
    groups: Object.fromEntries(chats.map(({ group, chat }) => [group, { chats: [chat] }])),
  });
  const host = startHost(home.path, options.nodeFlags);
  const api = createApi(await host.ready);
  const watch = createWatch();
  const leave = new AbortController();
  const following = watch.follow(api, leave.signal);

  const began = performance.now();
  const written = await Promise.all(
    chats.map(({ chat }) => writeBurst(chat, options.messages, { api, watch })),
  );
  const waits = await Promise.all(written.map(async ({ waited }) => mean(await Promise.all(waited))));
  const tookMs = performance.now() - began;

  const timelines = new Map<ChatId, DurableEvent[]>();
  for (const { chat } of chats) timelines.set(chat, await api.timeline(chat));
  leave.abort();
  await following;
  await host.stop();
  api.close();
  const turns = [...timelines.values()].flat().filter((one) => one.type === "turn" && one.state === "done");
  return {
    ...judge(
      written.flatMap(({ sent }) => sent),
      timelines,
    ),
    groups: options.groups,
    fairness: Math.max(...waits) / percentile(waits, 0.5),
    waitMs: summarise(waits),
    turns: turns.length,
    tookMs,
  };
}

async function writeBurst(
  chat: ChatId,
  messages: number,
  { api, watch }: { api: Api; watch: Watch },
): Promise<{ sent: Sent[]; waited: Promise<number>[] }> {
  const sent: Sent[] = [];
  const waited: Promise<number>[] = [];
  for (let n = 0; n < messages; n += 1) {
    const text = `${chat} says ${n}`;
    const posted = performance.now();
    const { message } = await api.post(chat, { id: `burst-${n}`, text });
    sent.push({ chat, text, message, answer: text });
    waited.push(watch.settled(message).then(() => performance.now() - posted));
  }
  return { sent, waited };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export interface CostOptions {
  readonly groups: readonly number[];
  /** At least so many messages are served per sample: fewer groups write more often. */
  readonly messages: number;
  readonly samples: number;
  readonly sandboxes: number;
}

export interface Cost {
  readonly groups: number;
  /** From the claim to the end of its turn, us per message: real SQLite, each commit synced. */
  readonly served: Summary;
  /** The dispatcher alone, without a store, us of processor time per message. */
  readonly alone: Summary;
}

/** What the logarithm of a thousand times as many may cost, with room for what else the machine does. */
const MOST_RATIO = 2;
/** Without a store a message takes microseconds: it takes many to measure one. */
const MESSAGES_ALONE = 20_000;

/** Judged by the dispatcher alone: a commit takes a hundred times as long, and hides what it costs. */
export function isFlat(costs: readonly Cost[]): boolean {
  const [least] = costs;
  return costs.every(({ alone }) => !least || alone.p50 <= MOST_RATIO * least.alone.p50);
}

export async function measureDispatchCost(options: CostOptions): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const groups of options.groups) {
    await using store = await temporaryStore();
    const chats = Array.from({ length: groups }, (_, n) => ChatId.parse(`web:group-${n}`));
    await store.bind(chats.map((chat, n) => [chat, `group-${n}`]));
    const served: number[] = [];
    const alone: number[] = [];
    const house = await crowd(store, chats, options.sandboxes);
    for (let sample = 0; sample < options.samples; sample += 1) {
      served.push(await house.serve(options.messages));
      alone.push(await serveAlone(groups, Math.ceil(MESSAGES_ALONE / groups), options.sandboxes));
    }
    await house.close();
    costs.push({ groups, served: summarise(served), alone: summarise(alone) });
  }
  return costs;
}

/** All groups wait. Whoever was served writes again once the clock stands, so that all of them wait again. */
async function crowd({ turns, write }: BenchStore, chats: readonly ChatId[], sandboxes: number) {
  const rooms = scriptedRooms();
  const answered: ChatId[] = [];
  let paused = true;
  let looked = (): void => undefined;
  const dispatcher = createDispatcher({
    turns,
    rooms,
    start: (claim) =>
      running(claim, async () => {
        const room = rooms.enter(claim.session.id, claim.chat.group_id);
        await turns.complete(claim, {
          outbound: [{ key: `${claim.turn}:answer`, kind: "text", text: "done" }],
          carried: [],
        });
        rooms.idle(room);
        answered.push(claim.chat.id);
        looked();
      }),
    bury: never,
    sandboxes,
    paused: () => paused,
    clock: systemClock,
    log: silentLog,
  });

  async function askAll(asking: readonly ChatId[]): Promise<void> {
    const accepted = await Promise.all(asking.map((chat) => write(chat, "hello")));
    for (const { session, groupId } of accepted) if (session) dispatcher.wake(session, groupId);
  }

  async function serveSome(number: number): Promise<number> {
    const enough = Promise.withResolvers<void>();
    looked = () => answered.length >= number && enough.resolve();
    const began = performance.now();
    paused = false;
    dispatcher.look();
    await enough.promise;
    const us = ((performance.now() - began) * 1_000) / answered.length;
    paused = true;
    while (dispatcher.running().length > 0) await setImmediate();
    await askAll(answered.splice(0));
    return us;
  }

  await askAll(chats);
  return {
    /** @returns us per message */
    async serve(messages: number): Promise<number> {
      const chunk = Math.min(messages, chats.length);
      const times: number[] = [];
      for (let done = 0; done < messages; done += chunk) times.push(await serveSome(chunk));
      return mean(times);
    },
    close: () => dispatcher.drain(0, Promise.resolve()),
  };
}

/** The dispatcher with turns that cost nothing. @returns us of processor time per message */
async function serveAlone(groups: number, rounds: number, sandboxes: number): Promise<number> {
  const rooms = scriptedRooms();
  const answered = counter();
  const sessions = Array.from({ length: groups }, () => crypto.randomUUID() as SessionId);
  const groupOf = new Map(sessions.map((session, n) => [session, n]));
  const dispatcher = createDispatcher({
    turns: {
      async claim(session) {
        const room = rooms.enter(session, groupOf.get(session) ?? 0);
        await setImmediate(); // a turn that takes some time
        rooms.idle(room);
        answered.up();
        return undefined;
      },
      waitsIn: async () => undefined,
      due: async () => [],
      claimBackground: never,
      release: never,
      cancelWaiting: never,
    },
    rooms,
    start: never,
    bury: never,
    sandboxes,
    clock: systemClock,
    log: silentLog,
  });
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    for (const [session, group] of groupOf) dispatcher.wake(session, group);
    await answered.reaches(groups);
  }
  const { user, system } = process.cpuUsage(before);
  await dispatcher.drain(0, Promise.resolve());
  return (user + system) / (rounds * groups);
}

function running(claim: Claim, serve: () => Promise<void>) {
  return {
    claim,
    state: "running" as const,
    snapshot: () => [],
    hint: () => undefined,
    release: () => undefined,
    stop: () => undefined,
    over: serve().then(() => ({})),
  };
}

function never(): never {
  throw new Error("this bench has nothing to release, to bury or to start");
}

/** Counts to a number and starts anew. */
function counter() {
  let count = 0;
  let target = Infinity;
  let reached = (): void => undefined;
  const look = () => {
    if (count < target) return;
    count -= target;
    target = Infinity;
    reached();
  };
  return {
    up(): void {
      count += 1;
      look();
    },
    async reaches(number: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      target = number;
      reached = resolve;
      look();
      await promise;
    },
  };
}
