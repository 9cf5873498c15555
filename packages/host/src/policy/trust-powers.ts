/**
 * What owners ask about trust, from the command line, the API and their chats: looking at taint and clearing it,
 * answering questions, granting beforehand. Whatever they change is recorded, in the transaction that changes it.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { GroupFolder } from "../core/ids.ts";
import type {
  Approval,
  ApprovalId,
  AuditRecord,
  Grant,
  GrantId,
  NewGrant,
  TaintReport,
} from "../core/trust.ts";
import type { Anchor, Audit, AuditRow, Verified } from "../store/audit.ts";
import type { Grants } from "../store/grants.ts";
import type { Database } from "../store/tables.ts";
import type { Explain, Explained } from "./explain.ts";
import type { Answer, Decided, Decider, Questions } from "./questions.ts";
import type { TaintKeeper } from "./taint.ts";

export interface TrustPowers {
  taintOf(group: GroupFolder): Promise<TaintReport>;
  clearTaint(group: GroupFolder, by: string): Promise<TaintReport>;
  /** Those that wait; with `all` also the last that were decided. */
  approvals(all: boolean): Promise<readonly Approval[]>;
  /** @throws RejectedError when this one may not answer, or not so */
  decide(ids: readonly ApprovalId[], answer: Answer, by: Decider): Promise<readonly Decided[]>;
  /** Whoever may not has tried to answer: it is recorded. */
  refused(by: Decider): Promise<void>;
  grants(query: { group?: GroupFolder | undefined; all: boolean }): Promise<readonly Grant[]>;
  grant(wanted: NewGrant, by: string): Promise<Grant>;
  /** @throws RejectedError where there is none that is in force */
  revoke(id: GrantId, by: string): Promise<void>;
  explain(group: GroupFolder, action: string): Promise<Explained>;
  auditTail(limit: number): Promise<{ readonly rows: readonly AuditRecord[]; readonly head: Anchor | null }>;
  /** What comes after this row, oldest first. */
  auditPage(after: number, limit: number): Promise<readonly AuditRecord[]>;
  auditVerify(anchor?: Anchor): Promise<Verified>;
}

export interface TrustPowersParts {
  readonly db: Kysely<Database>;
  readonly questions: Questions;
  readonly grants: Grants;
  readonly taint: TaintKeeper;
  readonly audit: Audit;
  readonly explain: Explain;
  readonly clock: Clock;
}

export function createTrustPowers(parts: TrustPowersParts): TrustPowers {
  const { db, questions, grants, taint, audit, clock } = parts;

  async function toRecords(rows: readonly AuditRow[]): Promise<AuditRecord[]> {
    const groups = await db.selectFrom("groups").select(["id", "folder"]).execute();
    const names = new Map(groups.map(({ id, folder }) => [id, folder]));
    return rows.map(({ group_id, allowed, ...row }) => ({
      ...row,
      group: group_id === null ? null : (names.get(group_id) ?? null),
      allowed: allowed === 1,
    }));
  }

  return {
    taintOf: taint.report,
    clearTaint: taint.clear,
    approvals: questions.list,
    decide: questions.decide,

    refused: questions.refused,

    grants: grants.list,

    async grant(wanted, by) {
      if ((wanted.endsAt ?? Infinity) <= clock.now())
        throw new RejectedError("The end of the grant lies in the past.");
      const { id } = await db.transaction().execute(async (trx) => {
        const added = await grants.add(trx, wanted, { by });
        await audit.write(trx, {
          actor: by,
          groupId: added.groupId,
          action: "grant.add",
          subject: `grant:${added.id}`,
          allowed: true,
          detail: JSON.stringify(wanted),
        });
        return added;
      });
      const made = (await grants.list({ all: true })).find((one) => one.id === id);
      if (!made) throw new Error(`the grant ${id} is gone`);
      return made;
    },

    async revoke(id, by) {
      await db.transaction().execute(async (trx) => {
        const groupId = await grants.revoke(trx, id, by);
        if (groupId === undefined)
          throw new RejectedError(
            `There is no grant ${id} that is in force; bellhop grants list shows them.`,
          );
        const subject = `grant:${id}`;
        await audit.write(trx, {
          actor: by,
          groupId,
          action: "grant.revoke",
          subject,
          allowed: true,
          detail: "",
        });
      });
    },

    explain: parts.explain,

    async auditTail(limit) {
      const { rows, head } = await audit.tail(limit);
      return { rows: await toRecords(rows), head };
    },
    auditPage: async (after, limit) => await toRecords(await audit.page(after, limit)),
    auditVerify: audit.verify,
  };
}
