/**
 * The ledger: what is spent on models, against what may be. Asked before each call and told after it, at the
 * broker, which sees them all: those of titles, compaction, subagents and work in the background too.
 *
 * - A call is reserved by an estimate, settled by the provider's own count. A call that does not fit beside
 *   others under way waits for them; alone, it is refused. So calls at the same time go over a limit by no more
 *   than their estimates were wrong.
 * - Sums of days and months are read from the usage rows at the start and kept in memory. A host that is killed
 *   forgets what usage.ts says it loses, and reservations, whose calls died with it.
 * - The owner is told at four fifths of a day's or month's budget, and when it is used up; each once.
 */
import {
  type Amount,
  type BudgetId,
  budgetId,
  type BudgetState,
  dollars,
  exceeded,
  inTokens,
  type Limit,
  NOTHING,
  partsOf,
  type Payer,
  type Period,
  plus,
  shareOf,
  spentWords,
  usedUp,
  whoseWords,
} from "../core/budget.ts";
import type { Clock } from "../core/clock.ts";
import { type GroupFolder, SenderId, type SessionId, type TurnId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import type { Notices } from "../outbox/notices.ts";
import type { Lift } from "../store/budgets.ts";
import type { EngineFailure } from "../turns/engine.ts";
import type { Reserved, Spending } from "../turns/broker.ts";
import { type Stretch, stretchAt } from "./calendar.ts";

/** From this share of it on, the owner hears of a budget. */
const MOST_OF_IT = 0.8;
/** Sessions whose last sender is remembered. */
const MOST_SESSIONS = 1_000;

export interface LedgerParts {
  /** What is configured for a budget. */
  readonly limitOf: (id: BudgetId) => Limit;
  /** Of a group, or of the install. */
  readonly timezoneOf: (group: GroupFolder | undefined) => string;
  /** What was spent in a day or month by its label, up to the start of this ledger. */
  readonly spentBefore: SpentBefore;
  /** Of several ids of one person the one under which what they spend is counted. */
  readonly payerOf: (sender: SenderId) => SenderId;
  /** What a turn has spent by now, of all its calls. */
  readonly spentBy: (turn: TurnId) => Promise<Amount>;
  readonly lifts: readonly Lift[];
  readonly notices: Pick<Notices, "tell">;
  readonly clock: Clock;
}

export type SpentBefore = (payer: Payer, period: string) => Amount;

/** A turn, as far as money goes. */
export interface Spender {
  readonly turn: TurnId;
  readonly session: SessionId;
  readonly group: GroupFolder;
  /** Whose message it begins with. */
  readonly sender: SenderId | undefined;
  readonly task:
    | { readonly id: TaskId; readonly maxTokens: number | null; readonly maxMicros: number | null }
    | undefined;
  /** Nothing was tried before, so nothing was spent. */
  readonly fresh: boolean;
}

interface Account {
  /** Undefined: what a task says itself of one of its runs. */
  readonly id: BudgetId | undefined;
  readonly stretch: Stretch | undefined;
  readonly limit: () => Limit;
  /** Of a sender whose ids were linked or parted since: where it is counted now. */
  heir?: () => Account | undefined;
  spent: Amount;
  reserved: Amount;
}

export function createLedger({ clock, notices, payerOf, ...parts }: LedgerParts) {
  let { spentBefore } = parts;
  const accounts = new Map<string, Account>();
  const lifts = new Map(parts.lifts.map((lift) => [`${lift.budget}@${lift.period}`, lift]));
  /** Those who wait until something is settled. */
  const waiting = new Set<() => void>();
  const lastSender = new Map<SessionId, SenderId>();
  let pruneAt = 0;

  const zoneOf = (payer: Payer, group: GroupFolder) =>
    parts.timezoneOf(payer.startsWith("group:") || payer.startsWith("task:") ? group : undefined);

  /** A budget of one turn is lifted for a day. */
  function stretchOf(period: Period, timezone: string): Stretch {
    return stretchAt(timezone, period === "month" ? "month" : "day", clock.now());
  }

  function limitNow(id: BudgetId, { label }: Stretch): Limit {
    const lift = lifts.get(`${id}@${label}`);
    return lift ? { micros: lift.micros ?? undefined, tokens: lift.tokens ?? undefined } : parts.limitOf(id);
  }

  /** Of a day or month; undefined where it has no bound. */
  function account(payer: Payer, period: "day" | "month", timezone: string): Account | undefined {
    const id = budgetId(payer, period);
    const stretch = stretchOf(period, timezone);
    const key = `${id}@${stretch.label}`;
    const known = accounts.get(key);
    if (known) return known;
    if (!isBounded(limitNow(id, stretch))) return undefined;
    prune();
    const spent = spentBefore(payer, stretch.label);
    const made = { id, stretch, limit: () => limitNow(id, stretch), spent, reserved: NOTHING };
    accounts.set(key, made);
    return made;
  }

  /** What is over is forgotten, once a day. */
  function prune(): void {
    const now = clock.now();
    if (now < pruneAt) return;
    pruneAt = now + DAY_MS;
    // A call that began in it may still be settled, and holds the account itself.
    for (const [key, { stretch }] of accounts) if (stretch && stretch.until <= now) accounts.delete(key);
    for (const [key, { until }] of lifts) if (until <= now) lifts.delete(key);
  }

  function ofTurn(payers: readonly Payer[], { task, group }: Spender, spent: Amount): Account[] {
    const made = payers.flatMap((payer): Account[] => {
      const id = budgetId(payer, "turn");
      const limit = () => limitNow(id, stretchOf("turn", zoneOf(payer, group)));
      return isBounded(limit()) ? [{ id, stretch: undefined, limit, spent, reserved: NOTHING }] : [];
    });
    if (task === undefined || (task.maxTokens === null && task.maxMicros === null)) return made;
    const own = { tokens: task.maxTokens ?? undefined, micros: task.maxMicros ?? undefined };
    return [...made, { id: undefined, stretch: undefined, limit: () => own, spent, reserved: NOTHING }];
  }

  async function open(spender: Spender): Promise<Spending> {
    const { group, task } = spender;
    const sender = senderOf(spender);
    const payers = (): readonly Payer[] => [
      "install",
      `group:${group}`,
      ...(sender === undefined ? [] : [`sender:${payerOf(sender)}` as const]),
      ...(task === undefined ? [] : [`task:${task.id}` as const]),
    ];
    const spent = spender.fresh ? NOTHING : await parts.spentBy(spender.turn);
    const own = ofTurn(payers(), spender, spent);
    const all = () => [
      ...own,
      ...payers().flatMap((payer) =>
        (["day", "month"] as const).flatMap((period) => account(payer, period, zoneOf(payer, group)) ?? []),
      ),
    ];
    return {
      sender,
      task: task?.id,
      usedUp() {
        const full = all().find((one) => usedUp(one.spent, one.limit()));
        return full && refused(full, NOTHING);
      },
      reserve: (estimate, gone) => reserve(all, estimate, gone),
    };
  }

  /** Work that ended by itself is on whoever wrote last in its conversation. A task's run is on nobody. */
  function senderOf({ session, sender, task }: Spender): SenderId | undefined {
    if (task !== undefined) return undefined;
    if (sender === undefined) return lastSender.get(session);
    lastSender.delete(session);
    lastSender.set(session, sender);
    const [oldest] = lastSender.keys();
    if (oldest !== undefined && lastSender.size > MOST_SESSIONS) lastSender.delete(oldest);
    return sender;
  }

  async function reserve(
    all: () => readonly Account[],
    estimate: Amount,
    gone: AbortSignal,
  ): Promise<Reserved> {
    for (;;) {
      const charged = all();
      const tight = charged.filter(({ spent, reserved, limit }) =>
        exceeded(plus(plus(spent, reserved), estimate), limit()),
      );
      if (tight.length === 0) {
        for (const one of charged) one.reserved = plus(one.reserved, estimate);
        return { may: true, settle: once((used) => settle(charged, estimate, used)) };
      }
      const never = tight.find(({ spent, limit }) => exceeded(plus(spent, estimate), limit()));
      if (never) return { may: false, failure: refused(never, estimate) };
      if (gone.aborted) return { may: false, failure: LEFT };
      await nextSettled(gone);
    }
  }

  function nextSettled(gone: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        waiting.delete(go);
        gone.removeEventListener("abort", go);
        resolve();
      };
      waiting.add(go);
      gone.addEventListener("abort", go);
    });
  }

  function settle(charged: readonly Account[], estimate: Amount, used: Amount): void {
    for (const one of charged) {
      one.reserved = {
        micros: one.reserved.micros - estimate.micros,
        tokens: one.reserved.tokens - estimate.tokens,
      };
      one.spent = plus(one.spent, used);
      const heir = one.heir?.();
      if (heir) heir.spent = plus(heir.spent, used);
      if (one.stretch && shareOf(one.spent, one.limit()) >= MOST_OF_IT) tellOf(one, "most");
    }
    for (const go of waiting) go();
  }

  function refused(account: Account, estimate: Amount): EngineFailure {
    const { id, spent, stretch } = account;
    const limit = account.limit();
    const which = usedUp(spent, limit) ?? exceeded(plus(spent, estimate), limit) ?? "micros";
    if (stretch) tellOf(account, "all");
    if (id === undefined) return OWN_RUN;
    return { class: "budget", detail: `${id} is used up`, words: spentWords(id, limit, which) };
  }

  /** Once for each limit: one that was lifted may be reached again. */
  function tellOf({ id, stretch, spent, limit }: Account, what: "most" | "all"): void {
    if (id === undefined || stretch === undefined) return;
    const { micros, tokens } = limit();
    const key = `budget:${id}:${stretch.label}:${micros ?? ""}:${tokens ?? ""}:${what}`;
    if (told.has(key)) return;
    told.add(key);
    if (told.size > MOST_TOLD) told.clear(); // the notices themselves are told once by their key
    const much = what === "most" ? "most of" : "all of";
    const parts = [
      ...(micros === undefined ? [] : [`${dollars(spent.micros)} of ${dollars(micros)}`]),
      ...(tokens === undefined ? [] : [`${spent.tokens.toLocaleString("en")} of ${inTokens(tokens)}`]),
    ];
    const when = partsOf(id).period === "day" ? "today" : "this month";
    void notices.tell(
      key,
      `${capital(whoseWords(id))} has used ${much} what may be spent ${when}: ${parts.join(", ")}. To allow more: bellhop usage lift ${id}`,
    );
  }
  const told = new Set<string>();

  function state(id: BudgetId, group: GroupFolder): BudgetState {
    const { payer, period } = partsOf(id);
    const timezone = zoneOf(payer, group);
    const stretch = stretchOf(period, timezone);
    const { micros = null, tokens = null } = limitNow(id, stretch);
    const known = accounts.get(`${id}@${stretch.label}`);
    const spent = known?.spent ?? (period === "turn" ? NOTHING : spentBefore(payer, stretch.label));
    const lifted = lifts.has(`${id}@${stretch.label}`);
    return { id, period: stretch.label, limit: { micros, tokens }, spent, lifted };
  }

  return {
    open,
    state,

    /** Its configured limit, and until when another one would hold. */
    liftable(id: BudgetId, group: GroupFolder): { readonly limit: Limit; readonly stretch: Stretch } {
      const { payer, period } = partsOf(id);
      return { limit: parts.limitOf(id), stretch: stretchOf(period, zoneOf(payer, group)) };
    },

    /**
     * Ids of senders were linked or parted: what they have spent is counted anew, from what was spent until now. Calls
     * under way are added to it when they are settled.
     */
    regroup(before: SpentBefore): void {
      spentBefore = before;
      for (const [key, one] of accounts) {
        const sender = one.id && senderOfBudget(one.id);
        if (one.id === undefined || sender === undefined) continue;
        const { period } = partsOf(one.id);
        accounts.delete(key);
        if (period === "turn") continue;
        one.heir = () => account(`sender:${payerOf(sender)}`, period, parts.timezoneOf(undefined));
      }
      for (const go of waiting) go();
    },

    /** It is on disk. Whoever waits looks again. */
    lifted(lift: Lift): void {
      lifts.set(`${lift.budget}@${lift.period}`, lift);
      for (const go of waiting) go();
    },
  };
}

const DAY_MS = 24 * 3_600_000;
const MOST_TOLD = 1_000;
const LEFT: EngineFailure = { class: "budget", detail: "the caller left while it waited for others" };
const OWN_RUN: EngineFailure = { class: "budget", detail: "the run has used up what it may spend" };

/** Whose it is, if it is a sender's. */
export function senderOfBudget(id: BudgetId): SenderId | undefined {
  const { payer } = partsOf(id);
  return payer.startsWith("sender:") ? SenderId.safeParse(payer.slice("sender:".length)).data : undefined;
}

function isBounded({ micros, tokens }: Limit): boolean {
  return micros !== undefined || tokens !== undefined;
}

function once(settle: (used: Amount) => void): (used: Amount) => void {
  let open = true;
  return (used) => {
    if (open) settle(used);
    open = false;
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
