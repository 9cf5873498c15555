/**
 * Taint: which conversations have seen words that no owner wrote (design 4). It sticks to what can carry it:
 *
 * - to the conversation, until it ends (/new); with it to its sandbox, which serves no other one;
 * - to the group's folder and its engine's home, which every sandbox of the group can write, until an owner
 *   clears them. So all conversations of the group are tainted meanwhile, and stay so after it;
 * - to the tasks that were made or changed under it, and to the turns that ran under it, whose answers
 *   may be quoted or found later.
 *
 * Every prompt comes here before an engine is given it (`begins`, `takes`), and so does what comes in otherwise
 * (`mark`). What is found is in memory at once and on disk when these resolve. A conversation that nothing
 * is known of counts as tainted.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import { type GroupFolder, MAIN, type SessionId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import type { TaintReport } from "../core/trust.ts";
import type { Audit } from "../store/audit.ts";
import type { Claim } from "../store/claims.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { Database } from "../store/tables.ts";
import type { Taints } from "../store/taints.ts";
import { changesBetween, Snapshot } from "./snapshot.ts";

export interface TaintParts {
  readonly db: Kysely<Database>;
  readonly taints: Taints;
  readonly audit: Pick<Audit, "write">;
  readonly snapshot: (group: GroupFolder) => Promise<Snapshot>;
  /** The claim of the turn that this session's agent works for just now. */
  readonly claimOf: (session: SessionId) => Claim | undefined;
  /** Closes the idle sandboxes of a group, and says whether one was at work and is still there. */
  readonly closeRooms: (group: GroupFolder) => Promise<{ readonly busy: boolean }>;
}

/** More conversations than are open at a time; one that was forgotten counts as tainted until its next turn. */
const MOST_SESSIONS = 10_000;
/** So that a list of causes can be read. */
const CAUSE_LENGTH = 200;

interface Known {
  readonly groupId: number;
  readonly group: GroupFolder;
  tainted: boolean;
  /** Causes that stand on disk already, for the turn that is under way. */
  readonly causes: Set<string>;
}

export type TaintKeeper = Awaited<ReturnType<typeof openTaint>>;

export async function openTaint(parts: TaintParts) {
  const { db, taints, audit } = parts;
  const known = new Map<SessionId, Known>();
  const groups = new Set(await taints.groups());
  const remembered = new Set(await taints.remembered());
  /** Groups that an owner clears just now: no turn of theirs begins meanwhile. */
  const clearing = new Map<number, Promise<unknown>>();
  /** Snapshots that are being taken, per group. */
  const snapshots = new Map<number, Promise<string>>();

  const isTainted = (session: SessionId): boolean => {
    const one = known.get(session);
    return one === undefined || one.tainted || groups.has(one.groupId);
  };

  /** What the folders hold before anything tainted is at work in them. */
  function snapshotOf({ groupId, group }: Known): Promise<string> {
    const under = snapshots.get(groupId);
    if (under) return under;
    const taking = parts
      .snapshot(group)
      .then((taken) => JSON.stringify(taken))
      .finally(() => snapshots.delete(groupId));
    snapshots.set(groupId, taking);
    return taking;
  }

  async function add(
    session: SessionId,
    one: Known,
    causes: readonly string[],
    turn = parts.claimOf(session)?.turn,
  ): Promise<void> {
    one.tainted = true; // before anything is waited for
    const snapshot = remembered.has(one.groupId) ? undefined : await snapshotOf(one);
    groups.add(one.groupId);
    await taints.add({ groupId: one.groupId, session, turn, causes, snapshot });
    remembered.add(one.groupId);
    for (const cause of causes) one.causes.add(cause);
  }

  function remember({ session, chat }: Claim): Known {
    const before = known.get(session.id);
    known.delete(session.id); // and to the end of the line
    const tainted = session.tainted === 1 || before?.tainted === true;
    const one: Known = { groupId: chat.group_id, group: chat.folder, tainted, causes: new Set() };
    known.set(session.id, one);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_SESSIONS) break;
      known.delete(oldest);
    }
    return one;
  }

  /** Of those that are given to the engine: who of them is no owner, and what they quote. */
  async function causesOf(claim: Claim, rows: readonly InboxRow[]): Promise<string[]> {
    const foreign = rows.filter(({ tainted }) => tainted === 1);
    const quoted = rows.flatMap(({ reply_to }) => reply_to ?? []);
    return [
      ...foreign.map((row) => cut(causeOf(row))),
      ...((await taints.inAnswers(claim, quoted))
        ? [cut(`a quote of what was said under taint, in ${claim.chat.id}`)]
        : []),
    ];
  }

  async function mark(session: SessionId, cause: string): Promise<void> {
    const one = known.get(session);
    if (!one) throw new RejectedError("No turn of this conversation has begun, so nothing may come in.");
    const words = cut(cause);
    if (one.tainted && groups.has(one.groupId) && one.causes.has(words)) return;
    await add(session, one, [words]);
  }

  /** @throws RejectedError where there is no such group */
  async function report(group: GroupFolder): Promise<TaintReport> {
    const found = await taints.of(group);
    if (!found) throw new RejectedError(`There is no group ${group}.`);
    const before = found.files ? Snapshot.parse(JSON.parse(found.files)) : undefined;
    const now = before && (await parts.snapshot(group));
    return {
      group,
      tainted: found.tainted,
      causes: found.causes,
      conversations: found.sessions.map(({ scope }) => scope),
      snapshotAt: before ? found.at : null,
      changes: before && now ? changesBetween(before, now) : [],
      whole: before !== undefined && now !== undefined && before.whole && now.whole,
    };
  }

  return {
    of: isTainted,

    mark,

    /** A turn begins, or goes on with more: before its engine, or a script of its, is given anything. */
    async begins(claim: Claim): Promise<void> {
      await clearing.get(claim.chat.group_id);
      const one = remember(claim);
      const causes = await causesOf(claim, [...claim.inputs, ...claim.context.rows]);
      if (claim.task?.tainted) causes.push(`the task ${claim.task.id}, which was made under taint`);
      if (causes.length === 0 && one.tainted && !groups.has(one.groupId))
        causes.push(cut(`a conversation that is tainted since before (${claim.session.scope_key})`));
      if (causes.length > 0 || isTainted(claim.session.id))
        await add(claim.session.id, one, causes, claim.turn);
    },

    /** These are about to be given to the turn that is under way. */
    async takes(claim: Claim, rows: readonly InboxRow[]): Promise<void> {
      const causes = await causesOf(claim, rows);
      const one = known.get(claim.session.id) ?? remember(claim);
      if (causes.length > 0) await add(claim.session.id, one, causes, claim.turn);
    },

    /** An agent is told of these tasks. */
    async readsTasks(session: SessionId, ids: readonly TaskId[]): Promise<void> {
      if (await taints.inTasks(ids)) await mark(session, "what tainted tasks say");
    },

    /** The shared memory is composed into this group's: it may hold what a tainted `main` has written. */
    async sharesMemory(session: SessionId): Promise<void> {
      const one = known.get(session);
      if (!one || one.group === MAIN || isTainted(session)) return;
      const main = await taints.of(MAIN);
      if (!main?.tainted) return;
      if (main.files) {
        const before = Snapshot.parse(JSON.parse(main.files));
        const changes = changesBetween(before, await parts.snapshot(MAIN));
        if (!changes.some(({ path }) => path.startsWith("global/"))) return;
      }
      await mark(session, "the shared memory, which main has changed under taint");
    },

    isGroupTainted: (groupId: number): boolean => groups.has(groupId),

    report,

    /**
     * An owner has seen what changed and answers for it. Conversations stay tainted until they end.
     * @throws RejectedError while a turn of the group is under way, which could write again
     */
    async clear(group: GroupFolder, by: string): Promise<TaintReport> {
      const before = await report(group);
      const found = await taints.of(group);
      if (!found) throw new RejectedError(`There is no group ${group}.`);
      const cleared = Promise.withResolvers<void>();
      clearing.set(found.id, cleared.promise);
      try {
        const { busy } = await parts.closeRooms(group);
        if (busy)
          throw new RejectedError(
            `An answer is under way in ${group}, which may still write there: wait for it, or /stop it, and clear then.`,
          );
        await db.transaction().execute(async (trx) => {
          await taints.clear(trx, found.id);
          await audit.write(trx, {
            actor: by,
            groupId: found.id,
            action: "taint.clear",
            subject: `group:${group}`,
            allowed: true,
            detail: `${before.causes.length} causes, ${before.changes.length} changed files`,
          });
        });
        groups.delete(found.id);
        remembered.delete(found.id);
      } finally {
        clearing.delete(found.id);
        cleared.resolve();
      }
      return await report(group);
    },

    /** On disk a group may have been tainted by somebody else than this: a file that came. */
    async look(): Promise<void> {
      for (const id of await taints.groups()) groups.add(id);
    },
  };
}

/** Why words in a row that was taken as tainted are no owner's. */
function causeOf({ sender_id, sender_role, chat_id, forwarded }: InboxRow): string {
  if (sender_role !== "owner") return `what ${sender_id} wrote in ${chat_id}`;
  return `a message that ${forwarded === null ? "quotes" : "hands on the words of"} others, in ${chat_id}`;
}

function cut(cause: string): string {
  return cause.length <= CAUSE_LENGTH ? cause : `${cause.slice(0, CAUSE_LENGTH).toWellFormed()}…`;
}
