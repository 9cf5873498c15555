/**
 * Approvals: what owners were asked, and what they said.
 *
 * - One that waits, or is approved and not used, ends with its time. Each is used once, in the transaction of
 *   what it allows. All else is final.
 * - `hash` says what exactly is asked and who would do it: an answer holds for that and nothing else.
 */
import { RejectedError } from "@bellhop/sdk";
import { type Kysely, type Selectable, sql } from "kysely";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder } from "../core/ids.ts";
import { type Approval, ApprovalChoice, ApprovalId, newShortId } from "../core/trust.ts";
import type { ApprovalsTable, Database } from "./tables.ts";

export type ApprovalRow = Selectable<ApprovalsTable> & { readonly folder: GroupFolder };

export type NewApproval = Pick<
  ApprovalRow,
  | "kind"
  | "hash"
  | "session_id"
  | "group_id"
  | "chat_id"
  | "effect"
  | "target"
  | "words"
  | "detail"
  | "choices"
>;

/** How long an owner has to answer, and then the agent to make use of it. */
export const APPROVAL_MS = 15 * 60_000;
/** Decided ones that a list shows. */
const RECENT = 20;

const Choices = z.array(ApprovalChoice);

export type Approvals = ReturnType<typeof createApprovals>;

export function createApprovals(db: Kysely<Database>, clock: Clock) {
  const rows = (trx: Kysely<Database>) =>
    trx
      .selectFrom("approvals")
      .innerJoin("groups", "groups.id", "approvals.group_id")
      .selectAll("approvals")
      .select("groups.folder");
  /** Literal, because only then does SQLite use the index of those that are open. */
  const isOpen = sql<boolean>`approvals.state IN ('waiting', 'approved')`;

  async function find(trx: Kysely<Database>, id: ApprovalId): Promise<ApprovalRow | undefined> {
    return await rows(trx).where("approvals.id", "=", id).executeTakeFirst();
  }

  return {
    find: (id: ApprovalId, trx: Kysely<Database> = db): Promise<ApprovalRow | undefined> => find(trx, id),

    /** The open one of this hash; else the one that was denied a short while ago. */
    async standing(hash: string, trx: Kysely<Database> = db): Promise<ApprovalRow | undefined> {
      const now = clock.now();
      const open = await rows(trx)
        .where("hash", "=", hash)
        .where(isOpen)
        .where("expires_at", ">", now)
        .orderBy("asked_at", "desc")
        .limit(1)
        .executeTakeFirst();
      if (open) return open;
      return await rows(trx)
        .where("hash", "=", hash)
        .where(sql<boolean>`approvals.state = 'denied'`)
        .where("choice", "is", null) // what is refused for good stands as a grant, which can be revoked
        .where("decided_at", ">", now - APPROVAL_MS)
        .orderBy("decided_at", "desc")
        .limit(1)
        .executeTakeFirst();
    },

    /** @throws RejectedError when so many of the group wait already */
    async ask(
      asked: NewApproval,
      most: number,
    ): Promise<{ readonly row: ApprovalRow; readonly fresh: boolean }> {
      return await db.transaction().execute(async (trx) => {
        const now = clock.now();
        const known = await rows(trx)
          .where("hash", "=", asked.hash)
          .where(isOpen)
          .where("expires_at", ">", now)
          .limit(1)
          .executeTakeFirst();
        if (known) return { row: known, fresh: false };
        const { count } = await trx
          .selectFrom("approvals")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where("group_id", "=", asked.group_id)
          .where(isOpen)
          .where("expires_at", ">", now)
          .executeTakeFirstOrThrow();
        if (count >= most)
          throw new RejectedError(
            `${count} questions of this group wait for the owner already; ask no more until they are answered.`,
          );
        const id = newShortId(ApprovalId);
        await trx
          .insertInto("approvals")
          .values({
            ...asked,
            id,
            state: "waiting",
            choice: null,
            asked_at: now,
            expires_at: now + APPROVAL_MS,
            decided_at: null,
            decided_by: null,
            used_at: null,
          })
          .execute();
        const row = await find(trx, id);
        if (!row) throw new Error(`the approval ${id} is gone`);
        return { row, fresh: true };
      });
    },

    /** Whether it still waited. An answer is good for as long again as the question was. */
    async decide(
      trx: Kysely<Database>,
      id: ApprovalId,
      { state, choice, by }: Pick<ApprovalRow, "state" | "choice"> & { readonly by: string },
    ): Promise<boolean> {
      const now = clock.now();
      const { numUpdatedRows } = await trx
        .updateTable("approvals")
        .set({ state, choice, decided_at: now, decided_by: by, expires_at: now + APPROVAL_MS })
        .where("id", "=", id)
        .where("state", "=", "waiting")
        .where("expires_at", ">", now)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    /**
     * Takes it for the one time that it is good for. Only inside the transaction of what it allows.
     * @throws RejectedError when it was used, or its time is over
     */
    async use(trx: Kysely<Database>, id: ApprovalId): Promise<void> {
      const now = clock.now();
      const { numUpdatedRows } = await trx
        .updateTable("approvals")
        .set({ state: "used", used_at: now })
        .where("id", "=", id)
        .where("state", "=", "approved")
        .where("expires_at", ">", now)
        .executeTakeFirst();
      if (numUpdatedRows === 0n)
        throw new RejectedError(`The approval ${id} was used, or its time is over; ask again.`);
    },

    /** Those whose time is over by now, as they were. */
    async expire(trx: Kysely<Database>): Promise<ApprovalRow[]> {
      const over = await rows(trx).where(isOpen).where("expires_at", "<=", clock.now()).execute();
      for (const { id } of over)
        await trx.updateTable("approvals").set({ state: "expired" }).where("id", "=", id).execute();
      return over;
    },

    /** When the next of the open ones ends. */
    async nextExpiry(): Promise<number | undefined> {
      const row = await db
        .selectFrom("approvals")
        .select("expires_at")
        .where(isOpen)
        .orderBy("expires_at")
        .limit(1)
        .executeTakeFirst();
      return row?.expires_at;
    },

    /** Those that wait, oldest first; with `all` also the last that were decided. */
    async list(all: boolean): Promise<ApprovalRow[]> {
      const waiting = await rows(db)
        .where(isOpen)
        .where("approvals.state", "=", "waiting")
        .where("expires_at", ">", clock.now())
        .orderBy("asked_at")
        .execute();
      if (!all) return waiting;
      const decided = await rows(db)
        .where("approvals.state", "<>", "waiting")
        .orderBy("asked_at", "desc")
        .limit(RECENT)
        .execute();
      return [...decided.toReversed(), ...waiting];
    },
  };
}

export function toApproval(row: ApprovalRow): Approval {
  return {
    id: row.id,
    kind: row.kind,
    group: row.folder,
    chat: row.chat_id,
    effect: row.effect,
    target: row.target,
    words: row.words,
    choices: choicesOf(row),
    state: row.state,
    choice: row.choice,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
  };
}

export function choicesOf({ choices }: Pick<ApprovalRow, "choices">): z.infer<typeof Choices> {
  return Choices.parse(JSON.parse(choices));
}
