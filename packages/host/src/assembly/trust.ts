/**
 * Trust: what is tainted, what needs an owner's leave, what owners were asked and have granted, and the record of
 * it all. It is made before what it watches; `join` tells it where that is.
 */
import { MAIN } from "../core/ids.ts";
import type { ChatId, GroupFolder, SessionId } from "../core/ids.ts";
import { cardKey, cardOf, cardOffer } from "../policy/card.ts";
import { createExplain } from "../policy/explain.ts";
import { createPolicy } from "../policy/judge.ts";
import { createQuestions } from "../policy/questions.ts";
import { takeSnapshot } from "../policy/snapshot.ts";
import { openTaint } from "../policy/taint.ts";
import { createTrustPowers } from "../policy/trust-powers.ts";
import { type ApprovalRow, createApprovals } from "../store/approvals.ts";
import type { Claim } from "../store/claims.ts";
import { createGrants } from "../store/grants.ts";
import { createTaints } from "../store/taints.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayOut } from "./way-out.ts";

export type Trust = Awaited<ReturnType<typeof openTrust>>;

/** What the rest of the host is to it. */
interface Joined {
  /** The claim of the turn that this session's agent works for just now. */
  claimOf(session: SessionId): Claim | undefined;
  /** Closes the idle sandboxes of a group, and says whether a turn of it is under way. */
  closeRooms(group: GroupFolder): Promise<{ readonly busy: boolean }>;
  /** Shows a card to the owners. Never fails. */
  show(card: ApprovalRow): Promise<void>;
  /** The chat is owed something. */
  deliver(chat: ChatId): void;
}

/** Before anything is joined nothing runs, so nothing is allowed. */
const NOTHING: Joined = {
  claimOf: () => undefined,
  closeRooms: async () => ({ busy: false }),
  show: async () => undefined,
  deliver: () => undefined,
};

export async function openTrust({ db, paths, clock, log, audit, opened }: Ground) {
  let joined = NOTHING;
  const claimOf = (session: SessionId) => joined.claimOf(session);
  const approvals = createApprovals(db, clock);
  const grants = createGrants(db, clock);
  const taints = createTaints(db, clock);
  const taint = await openTaint({
    db,
    taints,
    audit,
    snapshot: (group) => takeSnapshot(paths, group),
    claimOf,
    closeRooms: (group) => joined.closeRooms(group),
  });
  const questions = createQuestions({
    db,
    approvals,
    grants,
    audit,
    show: (card) => joined.show(card),
    deliver: (chat) => joined.deliver(chat),
    clock,
    log,
  });
  opened.defer(questions.close);
  const policy = createPolicy({ db, approvals, grants, questions, taint, audit, claimOf });
  const explain = createExplain({ db, grants, taint });
  return {
    policy,
    taint,
    questions,
    powers: createTrustPowers({ db, questions, grants, taint, audit, explain, clock }),
    join(rest: Joined): void {
      joined = rest;
    },
  };
}

/** Chats of the owner's in which a card is shown, beside the notices. */
const MOST_SHOWN_IN = 5;

/** In the notices, in the chat that it is about if only the owner is there, and in the owner's own chats elsewhere. */
export async function showCard(
  card: ApprovalRow,
  {
    records: { chats, outbox },
    out: { notices, delivery },
  }: { readonly records: Records; readonly out: WayOut },
): Promise<void> {
  const text = cardOf(card);
  const offer = cardOffer(card);
  await notices.tell(cardKey(card.id), text, undefined, offer);
  const here = await chats.find(card.chat_id);
  const own = (await chats.listDirect(MAIN)).filter((id) => id !== card.chat_id).slice(0, MOST_SHOWN_IN);
  const places: ChatId[] = here?.direct === 1 ? [here.id, ...own] : own;
  for (const id of places) {
    const chat = await chats.find(id);
    if (!chat) continue;
    const owed = { chat: id, groupId: chat.group_id, key: cardKey(card.id, id), text, offer };
    if (await outbox.oweNotice(owed)) delivery.wake(id);
  }
}
