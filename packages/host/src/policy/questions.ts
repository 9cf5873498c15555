/**
 * What owners are asked, from the card that is shown to them to their answer.
 *
 * - An answer is an owner's, who is known by the channel, the login or the control socket, never by what a
 *   text says. Whoever else answers changes nothing, and that is recorded.
 * - It is not given in the chat in which the agent is at work, unless nobody but the owner and the assistant is
 *   there: then nobody else can press for it, and what the agent says there is not the owner's.
 * - Once it is decided, or its time is over, its cards say so: that is owed by the same transaction.
 * - No answer is a denial. Questions outlive a restart; who waited for one does not, and asks again.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { ChatId } from "../core/ids.ts";
import type { Approval, ApprovalId } from "../core/trust.ts";
import type { Log } from "../log.ts";
import { amend } from "../store/amendments.ts";
import { type Approvals, type ApprovalRow, choicesOf, toApproval } from "../store/approvals.ts";
import type { Audit } from "../store/audit.ts";
import type { Claim } from "../store/claims.ts";
import type { Grants } from "../store/grants.ts";
import { noticeKey } from "../store/outbox.ts";
import type { Database } from "../store/tables.ts";
import { cardKey, closedCard } from "./card.ts";
import { sorted } from "./normal.ts";
import type { Action, Choice } from "./policy.ts";

/** Who answers, as the host knows them. */
export interface Decider {
  /** In words, for the record. */
  readonly who: string;
  readonly owner: boolean;
  /** Where they answer, if in a chat. `alone`: nobody else reads or writes there. */
  readonly chat?: { readonly id: ChatId; readonly alone: boolean } | undefined;
}

export type Answer = Choice | "deny";

export interface Decided {
  readonly id: string;
  /** `gone`: there is no such question, or it is not open any more. */
  readonly outcome: "approved" | "denied" | "gone";
  readonly words: string;
}

export interface QuestionsParts {
  readonly db: Kysely<Database>;
  readonly approvals: Approvals;
  readonly grants: Pick<Grants, "add">;
  readonly audit: Pick<Audit, "write" | "note">;
  /** Shows a card to the owners. Never fails. */
  readonly show: (card: ApprovalRow) => Promise<void>;
  /** The chat is owed something. */
  readonly deliver: (chat: ChatId) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** More than an owner wants to answer; an agent that went wild asks no further. */
const MOST_OPEN = 20;

export type Questions = ReturnType<typeof createQuestions>;

export function createQuestions(parts: QuestionsParts) {
  const { db, approvals, grants, audit, clock, log } = parts;
  const waiting = new Map<ApprovalId, Set<() => void>>();
  let cancelTimer = (): void => undefined;
  let closed = false;

  function tellWaiting(id: ApprovalId): void {
    for (const go of waiting.get(id) ?? []) go();
  }

  /** Its cards read what became of it, wherever they are shown. Only inside the transaction that decides it. */
  async function closeCards(trx: Kysely<Database>, row: ApprovalRow): Promise<readonly ChatId[]> {
    const key = noticeKey(cardKey(row.id));
    const below = `${cardKey(row.id)}:`;
    return await amend(trx, { key, below, text: closedCard(row), now: clock.now() });
  }

  /** One timer, for the next question whose time ends. */
  async function arm(): Promise<void> {
    const next = await approvals.nextExpiry();
    cancelTimer();
    if (next === undefined || closed) return;
    cancelTimer = clock.after(Math.max(0, next - clock.now()), () => {
      expire().catch((error: unknown) => log.error({ err: error }, "questions could not be ended"));
    });
  }

  async function expire(): Promise<void> {
    if (closed) return;
    const { over, chats } = await db.transaction().execute(async (trx) => {
      const rows = await approvals.expire(trx);
      const owed: ChatId[] = [];
      for (const row of rows) {
        await audit.write(trx, recordOf(row, "the host", false, "nobody answered in time"));
        if (row.state === "waiting") owed.push(...(await closeCards(trx, row)));
      }
      return { over: rows, chats: owed };
    });
    for (const { id } of over) tellWaiting(id);
    for (const chat of chats) parts.deliver(chat);
    await arm();
  }

  /** It was answered before the last of its cards was owed. */
  async function closeLate(id: ApprovalId): Promise<void> {
    const row = await approvals.find(id);
    if (!row || row.state === "waiting") return;
    const chats = await db.transaction().execute(async (trx) => await closeCards(trx, row));
    for (const chat of chats) parts.deliver(chat);
  }

  async function decideOne(id: ApprovalId, answer: Answer, by: Decider): Promise<Decided> {
    const row = await approvals.find(id);
    if (!row) return { id, outcome: "gone", words: "" };
    const why = refusalOf(row, answer, by);
    if (why !== undefined) {
      await audit.note(recordOf(row, by.who, false, why));
      throw new RejectedError(why);
    }
    const state = answer === "deny" || answer === "never" ? "denied" : "approved";
    // The same answer again, by a command that is run twice, is the same answer.
    if (row.state === state || (row.state === "used" && state === "approved"))
      return { id, outcome: state, words: row.words };
    const chats = await db.transaction().execute(async (trx) => {
      const choice = answer === "deny" ? null : answer;
      // What holds for longer stands as a grant from now on: there is nothing left to be used.
      const kept = answer === "group" ? "used" : state;
      if (!(await approvals.decide(trx, id, { state: kept, choice, by: by.who }))) return undefined;
      if (answer === "group" || answer === "never")
        await grants.add(
          trx,
          { group: row.folder, effect: grantable(row), target: row.target.replaceAll("*", "") },
          { by: by.who, never: answer === "never" },
        );
      await audit.write(trx, recordOf(row, by.who, state === "approved", `${answer}: ${row.words}`));
      return await closeCards(trx, { ...row, state: kept, choice, decided_by: by.who });
    });
    if (!chats) return { id, outcome: "gone", words: row.words };
    tellWaiting(id);
    for (const chat of chats) parts.deliver(chat);
    return { id, outcome: state, words: row.words };
  }

  return {
    /** Asks, unless the same is asked already. Shown to the owners before it resolves. */
    async put(
      { effect, target, words, detail }: Action,
      claim: Claim,
      { kind, hash, choices }: Pick<ApprovalRow, "kind" | "hash"> & { readonly choices: readonly Choice[] },
    ): Promise<ApprovalRow> {
      const asked = {
        kind,
        hash,
        session_id: claim.session.id,
        group_id: claim.chat.group_id,
        chat_id: claim.chat.id,
        effect,
        target,
        words,
        detail: JSON.stringify(Object.fromEntries(sorted(detail))),
        choices: JSON.stringify(choices),
      };
      const { row, fresh } = await approvals.ask(asked, MOST_OPEN);
      if (fresh) await audit.note(recordOf(row, `the agent of ${row.folder}`, true, `asked: ${words}`));
      await parts.show(row); // again, where a host died before it was shown; a card is shown once
      await closeLate(row.id);
      await arm();
      return row;
    },

    /** What became of it, as soon as it is answered; undefined after `ms`. */
    async answered(id: ApprovalId, ms: number): Promise<ApprovalRow | undefined> {
      const heard = Promise.withResolvers<void>();
      const all = waiting.get(id) ?? new Set();
      waiting.set(id, all);
      all.add(heard.resolve);
      const cancel = clock.after(ms, heard.resolve);
      try {
        const before = await approvals.find(id); // it may have been answered while we came here
        if (before?.state === "waiting" && !closed) await heard.promise;
        const now = closed ? undefined : await approvals.find(id);
        return now?.decided_at === null ? undefined : now;
      } finally {
        cancel();
        all.delete(heard.resolve);
        if (all.size === 0) waiting.delete(id);
      }
    },

    /**
     * One after the other.
     * @throws RejectedError when this one may not answer, or not so; what came before it stands
     */
    async decide(ids: readonly ApprovalId[], answer: Answer, by: Decider): Promise<Decided[]> {
      const decided: Decided[] = [];
      for (const id of ids) decided.push(await decideOne(id, answer, by));
      return decided;
    },

    /** Whoever may not even try: it is recorded. */
    async refused(by: Decider): Promise<void> {
      const entry = { actor: by.who, groupId: null, action: "approval.decide", subject: "approval" };
      await audit.note({ ...entry, allowed: false, detail: ONLY_OWNERS });
    },

    list: async (all: boolean): Promise<Approval[]> => (await approvals.list(all)).map(toApproval),

    async show(id: ApprovalId): Promise<Approval | undefined> {
      const row = await approvals.find(id);
      return row && toApproval(row);
    },

    /** Ends what has run out while nobody was here, and goes on with the rest. */
    recover: expire,

    /** Nobody waits any longer. What is open stays open. */
    close(): void {
      closed = true;
      cancelTimer();
      for (const id of waiting.keys()) tellWaiting(id);
    },
  };
}

const ONLY_OWNERS = "Only the owner may answer this.";

function refusalOf(row: ApprovalRow, answer: Answer, { owner, chat }: Decider): string | undefined {
  if (!owner) return ONLY_OWNERS;
  if (chat?.id === row.chat_id && !chat.alone)
    return `This is the chat in which it was asked for, and others are here. Answer ${row.id} in a chat of yours, in the web chat, or with: bellhop approvals approve ${row.id}`;
  const choices = choicesOf(row);
  if (answer !== "deny" && !choices.includes(answer))
    return `${row.id} can be answered with ${[...choices, "deny"].join(", ")}.`;
  return undefined;
}

/** Reading and writing at home is never asked about. */
function grantable({ effect }: ApprovalRow) {
  if (effect === "read" || effect === "write-here") throw new Error(`nobody is asked about ${effect}`);
  return effect;
}

function recordOf(row: ApprovalRow, actor: string, allowed: boolean, detail: string) {
  return {
    actor,
    groupId: row.group_id,
    action: `approval.${row.effect}`,
    subject: `approval:${row.id}`,
    allowed,
    detail,
  };
}
