/**
 * History: whether a past of a million messages slows the present down. The same steps run on two
 * databases in turns, one with a day of messages in it and one with years, so that whatever else the
 * machine does falls on both. (Nothing at all would be no measure: what finds no rows reads none.)
 */
import { chatNumber, fillHistory, WORDS } from "./fill-history.ts";
import { percentile } from "./stats.ts";
import { createChance } from "./random.ts";
import { type BenchStore, temporaryStore } from "./store.ts";

export interface HistoryOptions {
  /** Messages in the database with a past. */
  readonly messages: number;
  readonly samples: number;
  readonly seed: number;
}

export interface StepCost {
  readonly step: string;
  readonly youngP50: number;
  readonly youngP99: number;
  readonly oldP50: number;
  readonly oldP99: number;
  /** Of the p99s: the median of the rounds, because a machine that does other things spoils some. */
  readonly ratio: number;
}

export interface HistoryReport {
  readonly steps: readonly StepCost[];
  readonly fillMs: number;
  /** No p99 grew by more than a fifth. */
  readonly ok: boolean;
}

const STEPS = [
  "accept a message",
  "claim a turn",
  "complete a turn",
  "claim what is owed",
  "settle it as sent",
  "a page of the timeline",
  "a recap",
  "a search",
] as const;
type Step = (typeof STEPS)[number];

/** How long each step took, ms. */
type Taken = Map<Step, number[]>;
interface Round {
  readonly young: Taken;
  readonly old: Taken;
}

/** What a day leaves. */
const YOUNG_MESSAGES = 2_000;
const MOST_RATIO = 1.2;
/** Messages of one database in a row, before it is the other one's turn. */
const BLOCK = 10;
const ROUNDS = 5;
const WARM_UP = 50;
const CHATS = 20;
const GROUPS = 10;
const PAGE = 50;
const RECAP_TOKENS = 2_000;

export async function measureHistory({ messages, samples, seed }: HistoryOptions): Promise<HistoryReport> {
  await using young = await temporaryStore();
  await using old = await temporaryStore();
  const shape = { chats: CHATS, groups: GROUPS, seed };
  const began = performance.now();
  await fillHistory(young, { ...shape, messages: Math.min(messages, YOUNG_MESSAGES) });
  await fillHistory(old, { ...shape, messages });
  const fillMs = performance.now() - began;

  const chances = { young: createChance(seed), old: createChance(seed) }; // both are asked the same
  await run(young, WARM_UP, new Map(), chances.young);
  await run(old, WARM_UP, new Map(), chances.old);
  const rounds: Round[] = [];
  for (let n = 0; n < ROUNDS; n += 1) {
    const round: Round = { young: new Map(), old: new Map() };
    for (let done = 0; done < samples / ROUNDS; done += BLOCK) {
      const order = (done / BLOCK) % 2 === 0 ? (["young", "old"] as const) : (["old", "young"] as const);
      for (const which of order)
        await run(which === "young" ? young : old, BLOCK, round[which], chances[which]);
    }
    rounds.push(round);
  }
  const steps = STEPS.map((step) => costOf(step, rounds));
  return { steps, fillMs, ok: steps.every(({ ratio }) => ratio <= MOST_RATIO) };
}

function costOf(step: Step, rounds: readonly Round[]): StepCost {
  const median = (of: (round: Round) => number) => percentile(rounds.map(of), 0.5);
  const at = (which: keyof Round, share: number) => (round: Round) =>
    percentile(round[which].get(step) ?? [], share);
  return {
    step,
    youngP50: median(at("young", 0.5)),
    youngP99: median(at("young", 0.99)),
    oldP50: median(at("old", 0.5)),
    oldP99: median(at("old", 0.99)),
    ratio: median((round) => at("old", 0.99)(round) / at("young", 0.99)(round)),
  };
}

/** One message each time, from its acceptance to the delivery of its answer, and what people look up meanwhile. */
async function run(
  store: BenchStore,
  times: number,
  taken: Taken,
  chance: { between(from: number, to: number): number },
): Promise<void> {
  async function time<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    const list = taken.get(step) ?? [];
    taken.set(step, list);
    list.push(performance.now() - began);
    return result;
  }

  const { turns, outbox, timeline, history } = store;
  for (let i = 0; i < times; i += 1) {
    // Every other one in the busiest chat of all.
    const chat = chatNumber(i % 2 === 0 ? 0 : Math.floor(chance.between(0, CHATS)));
    const { session, groupId } = await time("accept a message", () => store.write(chat, "how is it going?"));
    const claim = session && (await time("claim a turn", () => turns.claim(session)));
    if (!claim || "notBefore" in claim) throw new Error("there is nothing to claim");
    await time("complete a turn", () =>
      turns.complete(claim, {
        outbound: [{ key: `${claim.turn}:answer`, kind: "text", text: "fine, thank you" }],
        carried: [],
      }),
    );
    const owed = await time("claim what is owed", () => outbox.claim(chat));
    if (!owed || !("row" in owed)) throw new Error("nothing is owed");
    await time("settle it as sent", () => outbox.sent(owed.row, `platform-${owed.row.id}`));
    await time("a page of the timeline", () => timeline.before(chat, undefined, PAGE));
    await time("a recap", () => turns.recap(claim, RECAP_TOKENS));
    const words = WORDS[Math.floor(chance.between(0, WORDS.length))] ?? "";
    await time("a search", () => history.search({ groupId, words, limit: 20 }));
  }
}
