/**
 * The policy (policy.ts has what others know of it): one function that everything which reaches beyond its
 * own chat passes. What is read, and what is written at home, needs nobody's leave; all else does once the turn
 * is tainted: a standing grant of an owner's, or an approval of exactly this.
 *
 * - An approval or a grant is used in the transaction of what it allows (`weigh`), so a crash in between uses
 *   neither or both. Who has no such transaction (`judge`) has used it up before it acts.
 * - Without a live turn nothing is allowed. What is refused is recorded, and so is what was allowed by an owner.
 * - What an owner has to judge is shown whole, or cannot be asked.
 */
import type { Kysely } from "kysely";
import type { SessionId } from "../core/ids.ts";
import type { Audit } from "../store/audit.ts";
import { type Approvals, APPROVAL_MS, type ApprovalRow } from "../store/approvals.ts";
import type { Claim } from "../store/claims.ts";
import type { Grants, GrantRow } from "../store/grants.ts";
import type { Database } from "../store/tables.ts";
import { hashOf } from "./normal.ts";
import type { Action, Choice, Policy, Taint } from "./policy.ts";
import type { Questions } from "./questions.ts";

/** A ruling whose approval or grant is not used yet. */
export type Weighed =
  /** Call `spend` in the transaction of the action. @throws RejectedError when it was used meanwhile */
  | { readonly may: true; readonly by: string; readonly spend: (trx: Kysely<Database>) => Promise<void> }
  | { readonly may: false; readonly reason: string };

export interface JudgeParts {
  readonly db: Kysely<Database>;
  readonly approvals: Pick<Approvals, "standing" | "use">;
  readonly grants: Pick<Grants, "find" | "use">;
  readonly questions: Pick<Questions, "put" | "answered">;
  readonly taint: Pick<Taint, "of">;
  readonly audit: Pick<Audit, "write" | "note">;
  /** The claim of the turn that this session's agent works for just now. */
  readonly claimOf: (session: SessionId) => Claim | undefined;
}

/** What an owner can be expected to read. */
const MOST_SHOWN = 4_000;

export interface Judge extends Policy {
  weigh(action: Action, asker: SessionId, waitMs: number): Promise<Weighed>;
}

export function createPolicy(parts: JudgeParts): Judge {
  const { db, approvals, grants, questions, taint, audit } = parts;

  async function refuse(action: Action, claim: Claim | undefined, reason: string): Promise<Weighed> {
    await audit.note({ ...about(action, claim), allowed: false, detail: reason });
    return { may: false, reason };
  }

  /** Written in the transaction that uses it up. */
  const allow = (
    action: Action,
    claim: Claim,
    by: string,
    use: (trx: Kysely<Database>) => Promise<void>,
  ): Weighed => ({
    may: true,
    by,
    async spend(trx) {
      await use(trx);
      await audit.write(trx, { ...about(action, claim), allowed: true, detail: `${by}: ${action.words}` });
    },
  });

  const byGrant = (action: Action, claim: Claim, grant: GrantRow): Weighed =>
    allow(action, claim, `the grant ${grant.id}`, (trx) =>
      grants.use(trx, grant.id, claim.turn, action.target),
    );

  const byApproval = (action: Action, claim: Claim, row: ApprovalRow): Weighed =>
    allow(action, claim, `the approval ${row.id}`, (trx) => approvals.use(trx, row.id));

  function grantFor(action: Action, claim: Claim): Promise<GrantRow | undefined> {
    const { effect, target } = action;
    return grants.find({ groupId: claim.chat.group_id, task: claim.task?.id, effect, target });
  }

  async function weigh(action: Action, asker: SessionId, waitMs: number): Promise<Weighed> {
    const claim = parts.claimOf(asker);
    if (!claim) return await refuse(action, claim, "No turn is under way, so there is nothing to act for.");
    if (action.effect === "read" || action.effect === "write-here") return FREE;
    const grant = await grantFor(action, claim);
    if (grant?.never === 1)
      return await refuse(action, claim, `The owner has refused ${action.target} for good (${grant.id}).`);
    if (!taint.of(asker)) return FREE;
    if (grant) return byGrant(action, claim, grant);
    if (action.words.length > MOST_SHOWN) return await refuse(action, claim, TOO_LONG); // nobody approves what they were not shown
    const hash = hashOf(action, `session:${asker}`);
    const known = await approvals.standing(hash);
    if (known?.state === "approved") return byApproval(action, claim, known);
    if (known?.state === "denied")
      return await refuse(action, claim, `The owner has refused this (${known.id}); do not ask again.`);
    if (waitMs <= 0) return await refuse(action, claim, unattended(action, claim));
    const asked = await questions.put(action, claim, { kind: "approval", hash, choices: ["once"] });
    const answer = await questions.answered(asked.id, waitMs);
    if (answer?.state === "approved") return byApproval(action, claim, answer);
    if (answer?.state === "denied")
      return await refuse(action, claim, `The owner has refused this (${answer.id}).`);
    return await refuse(action, claim, waiting(asked));
  }

  return {
    weigh,

    async judge(action, asker, waitMs) {
      const weighed = await weigh(action, asker, waitMs);
      if (weighed.may && weighed !== FREE) await db.transaction().execute(weighed.spend);
      return weighed.may ? { may: true, by: weighed.by } : weighed;
    },

    async ask(action, asker, choices, waitMs): Promise<Choice | "unattended" | "unanswered"> {
      const claim = parts.claimOf(asker);
      if (!claim) return "unattended";
      const spend = async (weighed: Weighed) =>
        weighed.may ? await db.transaction().execute(weighed.spend) : undefined;
      const grant = await grantFor(action, claim);
      if (grant?.never === 1) return "never";
      if (grant) {
        await spend(byGrant(action, claim, grant));
        return grant.max_uses === null && grant.per_day === null && grant.task_id === null ? "group" : "once";
      }
      const hash = hashOf(action, `group:${claim.chat.group_id}`);
      const known = await approvals.standing(hash);
      if (known?.state === "denied") return "unanswered";
      if (known?.state === "approved") {
        await spend(byApproval(action, claim, known));
        return "once";
      }
      if (claim.kind !== "chat" || waitMs <= 0) return "unattended";
      const asked = await questions.put(action, claim, { kind: "question", hash, choices });
      const answer = await questions.answered(asked.id, waitMs);
      if (answer?.choice === "group" || answer?.choice === "never") return answer.choice;
      if (answer?.choice !== "once") return "unanswered";
      await spendShared(answer);
      return "once";
    },
  };

  /** Several may have waited for the same answer: whoever comes first has used it up for all. */
  async function spendShared(row: ApprovalRow): Promise<void> {
    await db.transaction().execute(async (trx) => {
      const now = await approvals.standing(row.hash, trx);
      if (now?.id === row.id && now.state === "approved") await approvals.use(trx, row.id);
    });
  }
}

/** By the policy itself: there is nothing to be used up. */
const FREE: Weighed = { may: true, by: "the policy", spend: async () => undefined };

const TOO_LONG = `This is too long to be shown to the owner whole, which an approval needs. Use at most ${MOST_SHOWN} characters at a time.`;

function about({ effect, target }: Action, claim: Claim | undefined) {
  return {
    actor: claim ? `the agent of ${claim.chat.folder}` : "an agent without a turn",
    groupId: claim?.chat.group_id ?? null,
    action: `policy.${effect}`,
    subject: target,
  };
}

function unattended({ effect, target }: Action, { chat: { folder }, task }: Claim): string {
  const only = task ? ` --task ${task.id}` : "";
  return (
    `Something from outside was read, and nobody is here to approve ${effect} to ${target}. ` +
    `The owner can allow it beforehand: bellhop grants add ${folder} ${effect} '${target}'${only}`
  );
}

function waiting({ id }: ApprovalRow): string {
  return (
    `Something from outside was read in this conversation, so this needs the owner's approval ${id}, which waits for an answer ` +
    `(${APPROVAL_MS / 60_000} minutes). Say so, and call again exactly like this once it was approved.`
  );
}
