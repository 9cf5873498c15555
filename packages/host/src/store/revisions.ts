/**
 * Edits and deletions: what they do to the message that they are about.
 *
 * - As long as no turn has taken a message in, an edit replaces its text and a deletion takes it away.
 *   An edit that makes a call of what was only context makes it wait for a turn.
 * - What a turn has taken in was shown to the agent: then the edit or deletion is told as one, to the turn
 *   if it is still under way, else along with the next message.
 * - What plugins are still to look at has been taken by nobody: they look at what it reads now.
 * - Only the author edits: nobody's edit may become somebody else's words.
 */
import type { Kysely, Selectable } from "kysely";
import type { InboxId, SenderId, SessionId, TurnId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
import type { Database, InboxTable } from "./tables.ts";

export interface Revision {
  readonly chat: Pick<Chat, "id" | "group_id" | "context_from">;
  readonly platformId: string;
  readonly kind: "edit" | "delete";
  readonly version: number;
  readonly sender: SenderId;
  readonly text: string;
  /** Of an edit: what the verdict would be if the new text had been written at once. */
  readonly verdict: { readonly verdict: "admitted" | "noted" | "refused"; readonly reason: string };
}

/** What becomes of a row that is accepted. */
export interface Fate {
  readonly verdict: "admitted" | "noted" | "refused";
  readonly reason: string;
  readonly context: boolean;
  /** The session whose turn answers it: it waits for one. */
  readonly session?: SessionId | undefined;
  /** Another row waits now, in this session. */
  readonly wakes?: { readonly message: InboxId; readonly session: SessionId } | undefined;
}

type Row = Pick<
  Selectable<InboxTable>,
  | "id"
  | "seq"
  | "kind"
  | "version"
  | "sender_id"
  | "group_id"
  | "state"
  | "context"
  | "turn_id"
  | "verdict"
  | "hooks"
>;

/** @param sessionOf the session that answers what waits in this chat */
export async function revise(
  trx: Kysely<Database>,
  revision: Revision,
  sessionOf: () => Promise<SessionId>,
): Promise<Fate> {
  const known = await rowsOf(trx, revision);
  const original = known.find(({ kind }) => kind === "message");
  if (!original || original.group_id !== revision.chat.group_id)
    return note(`${WHAT[revision.kind]} of a message that is not known here`);
  const untaken = known.filter((row) => isUntaken(row, revision.chat));
  const shown = known.some((row) => row.turn_id !== null && !untaken.includes(row));
  return revision.kind === "edit"
    ? await edit(trx, revision, { original, known, untaken: untaken.at(-1), shown }, sessionOf)
    : await remove(trx, untaken, shown);
}

const WHAT = { edit: "an edit", delete: "a deletion" } as const;

async function edit(
  trx: Kysely<Database>,
  { sender, version, text, verdict }: Revision,
  {
    original,
    known,
    untaken,
    shown,
  }: { original: Row; known: readonly Row[]; untaken: Row | undefined; shown: boolean },
  sessionOf: () => Promise<SessionId>,
): Promise<Fate> {
  if (original.sender_id !== sender) return note("an edit by somebody else than the author");
  if (known.some((row) => row.kind === "edit" && row.version > version))
    return note("an edit that a later one has replaced");
  if (untaken && isBeforeHooks(untaken)) {
    const calls = untaken.kind === "message" && verdict.verdict === "admitted";
    await change(trx, [untaken.id], {
      text,
      written: null,
      hooks: "waiting",
      hooked: null,
      ...(calls && verdict),
    });
    return note("an edit that took effect before the message was taken up");
  }
  if (untaken) {
    const calls = untaken.state === "note" && untaken.kind === "message" && verdict.verdict === "admitted";
    const session = calls ? await sessionOf() : undefined;
    await change(trx, [untaken.id], {
      text,
      written: null,
      ...(session && { ...verdict, state: "waiting", context: 0, session_id: session }),
    });
    return {
      ...note("an edit that took effect before the message was taken up"),
      wakes: session && { message: untaken.id, session },
    };
  }
  const live = original.verdict === "admitted" && (await liveSession(trx, original.turn_id));
  if (live)
    return {
      verdict: "admitted",
      reason: "an edit of a message that is being answered",
      context: false,
      session: live,
    };
  return shown
    ? { ...note("an edit of a message that was taken up; told with the next one"), context: true }
    : note("an edit of a message that was not taken up");
}

/** @param shown an agent has seen it, or is about to */
async function remove(trx: Kysely<Database>, untaken: readonly Row[], shown: boolean): Promise<Fate> {
  const ids = untaken.map(({ id }) => id);
  await change(trx, ids, {
    verdict: "noted",
    reason: "deleted before it was answered",
    state: "note",
    context: 0,
    session_id: null,
    hooks: null,
  });
  if (shown)
    return { ...note("a deletion of a message that was taken up; told with the next one"), context: true };
  return note(
    untaken.length > 0
      ? "a deletion that took effect before the message was taken up"
      : "a deletion of a message that was not taken up",
  );
}

/** The message and its edits, oldest first. */
async function rowsOf(trx: Kysely<Database>, { chat, platformId }: Revision): Promise<Row[]> {
  const rows = await trx
    .selectFrom("inbox")
    .select([
      "id",
      "seq",
      "kind",
      "version",
      "sender_id",
      "group_id",
      "state",
      "context",
      "turn_id",
      "verdict",
      "hooks",
    ])
    .where("chat_id", "=", chat.id)
    .where("platform_id", "=", platformId)
    .where("kind", "in", ["message", "edit", "delete"]) // a reaction and a press have ids of their own
    .execute();
  return rows.toSorted((a, b) => a.seq - b.seq); // asked for in order, SQLite would read the whole chat
}

/** A turn may yet take it in. */
function isUntaken(row: Row, chat: Revision["chat"]): boolean {
  const { state, context, seq } = row;
  return state === "waiting" || isBeforeHooks(row) || (context === 1 && seq >= chat.context_from);
}

function isBeforeHooks({ hooks }: Row): boolean {
  return hooks === "waiting" || hooks === "held";
}

async function change(
  trx: Kysely<Database>,
  ids: readonly InboxId[],
  to: Partial<
    Pick<
      Selectable<InboxTable>,
      "text" | "written" | "verdict" | "reason" | "state" | "context" | "session_id" | "hooks" | "hooked"
    >
  >,
): Promise<void> {
  if (ids.length > 0) await trx.updateTable("inbox").set(to).where("id", "in", ids).execute();
}

async function liveSession(trx: Kysely<Database>, turn: TurnId | null): Promise<SessionId | undefined> {
  if (turn === null) return undefined;
  const row = await trx
    .selectFrom("turns")
    .select("session_id")
    .where("id", "=", turn)
    .where("ended_at", "is", null)
    .executeTakeFirst();
  return row?.session_id;
}

function note(reason: string): Fate {
  return { verdict: "noted", reason, context: false };
}
