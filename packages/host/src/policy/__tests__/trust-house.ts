/** Trust over a database of a test's own, put together as `assembly/trust.ts` does it. */
import type { Kysely } from "kysely";
import type { Clock } from "../../core/clock.ts";
import type { ChatId, GroupFolder, SessionId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { type ApprovalRow, createApprovals } from "../../store/approvals.ts";
import { createAudit } from "../../store/audit.ts";
import type { Claim } from "../../store/claims.ts";
import { createGrants } from "../../store/grants.ts";
import type { Database } from "../../store/tables.ts";
import { createTaints } from "../../store/taints.ts";
import { createExplain } from "../explain.ts";
import { createPolicy } from "../judge.ts";
import { createQuestions } from "../questions.ts";
import type { Snapshot } from "../snapshot.ts";
import { openTaint } from "../taint.ts";
import { createTrustPowers } from "../trust-powers.ts";

export interface Around {
  readonly clock: Clock;
  readonly claimOf?: (session: SessionId) => Claim | undefined;
  readonly snapshot?: (group: GroupFolder) => Promise<Snapshot>;
  readonly closeRooms?: () => Promise<{ readonly busy: boolean }>;
  readonly secrets?: readonly string[];
  readonly deliver?: (chat: ChatId) => void;
}

export async function trustOver(db: Kysely<Database>, around: Around) {
  const { clock, claimOf = () => undefined, secrets = [] } = around;
  const redact = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
  const audit = createAudit(db, { clock, redact });
  const approvals = createApprovals(db, clock);
  const grants = createGrants(db, clock);
  const taint = await openTaint({
    db,
    taints: createTaints(db, clock),
    audit,
    snapshot: around.snapshot ?? (async () => ({ whole: true, files: {} })),
    claimOf,
    closeRooms: around.closeRooms ?? (async () => ({ busy: false })),
  });
  const cards: ApprovalRow[] = [];
  const questions = createQuestions({
    db,
    approvals,
    grants,
    audit,
    show: async (card) => void (cards.some(({ id }) => id === card.id) || cards.push(card)),
    deliver: (chat) => around.deliver?.(chat),
    clock,
    log: silentLog,
  });
  const policy = createPolicy({ db, approvals, grants, questions, taint, audit, claimOf });
  const explain = createExplain({ db, grants, taint });
  const powers = createTrustPowers({ db, questions, grants, taint, audit, explain, clock });
  return { audit, taint, questions, policy, powers, cards };
}
