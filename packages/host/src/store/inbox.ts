/**
 * The inbox: what people wrote, each thing once.
 *
 * - Accepting is one transaction: the row, its number, its place in the timeline, and the platform's
 *   cursor (G1). The platform is told only after it.
 * - The dedupe key is chat (with channel and account), platform id, kind and version (G2). What was
 *   accepted before is answered with what it became then.
 * - A message that comes while others are being committed shares the next commit with all that
 *   came meanwhile: one sync for many (G28 keeps `synchronous=FULL`, so syncs are what costs).
 */
import { setImmediate } from "node:timers/promises";
import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { EventId } from "../core/events.ts";
import {
  type ChatId,
  chatAddress,
  type GroupFolder,
  InboxId,
  newId,
  type SenderId,
  type SessionId,
} from "../core/ids.ts";
import { type Chat, ensureChat, takeSeq } from "./chats.ts";
import { type Scope, sessionInUse } from "./sessions.ts";
import type { Database, InboxTable, SessionsTable } from "./tables.ts";
import { appendEvent } from "./timeline.ts";
import { failpoint } from "../core/failpoint.ts";

export type InboxRow = Selectable<InboxTable>;

export interface NewMessage {
  readonly chat: ChatId;
  readonly chatTitle?: string | undefined;
  /** The group that the chat is bound to if it is new. */
  readonly group: GroupFolder;
  readonly platformId: string;
  readonly kind: InboxRow["kind"];
  readonly version: number;
  readonly sender: { readonly id: SenderId; readonly name: string; readonly role: InboxRow["sender_role"] };
  readonly text: string;
  readonly replyTo?: string | undefined;
  readonly sentAt?: number | undefined;
  readonly verdict: InboxRow["verdict"];
  readonly reason: string;
  readonly tainted: boolean;
  readonly cursor?: string | undefined;
}

/** Which conversation a message belongs to: decided by its chat, known only once the chat is. */
export type RouteOf = (chat: Chat) => {
  readonly scope: Scope;
  readonly engine: SessionsTable["engine"]["__select__"];
  readonly provider: string;
};

export interface Accepted {
  readonly message: InboxId;
  readonly chat: ChatId;
  readonly seq: number;
  readonly event: EventId;
  readonly groupId: number;
  /** Whose turn will answer it; none if none will. */
  readonly session: SessionId | undefined;
  readonly duplicate: boolean;
}

/** More would only make a commit long, not cheaper per message. */
const BATCH = 200;

export type Inbox = ReturnType<typeof createInbox>;

/**
 * @param gather resolves once what has reached this process by now has been accepted too. SQLite commits
 *   without a pause, so without it no message would ever meet another one in the queue.
 */
export function createInbox(
  db: Kysely<Database>,
  clock: Clock,
  routeOf: RouteOf,
  gather: () => Promise<unknown> = setImmediate,
) {
  let queue: {
    message: NewMessage;
    resolve: (accepted: Accepted) => void;
    reject: (error: unknown) => void;
  }[] = [];
  let committing = false;

  async function commitAll(): Promise<void> {
    committing = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH);
      queue = queue.slice(BATCH);
      await commit(batch);
      await gather();
    }
    committing = false;
  }

  async function commit(batch: typeof queue): Promise<void> {
    try {
      failpoint("accept.begin");
      const accepted = await db.transaction().execute(async (trx) => {
        const done: Accepted[] = [];
        for (const { message } of batch) done.push(await insert(trx, message));
        failpoint("accept.inside");
        return done;
      });
      failpoint("accept.committed");
      for (const [index, { resolve, reject }] of batch.entries()) {
        const result = accepted[index];
        if (result) resolve(result);
        else reject(new Error("a message of the batch has no result"));
      }
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) only.reject(error);
      // One that cannot be stored must not take the others with it.
      else for (const one of batch) await commit([one]);
    }
  }

  async function insert(trx: Kysely<Database>, message: NewMessage): Promise<Accepted> {
    const now = clock.now();
    const chat = await ensureChat(trx, {
      id: message.chat,
      group: message.group,
      title: message.chatTitle,
      now,
    });
    // A copy moves the cursor too: what the platform need not send again, it should not.
    if (message.cursor !== undefined) await saveCursor(trx, message.chat, message.cursor);
    failpoint("cursor.saved");
    const known = await findAccepted(trx, message);
    if (known) return known;
    const seq = await takeSeq(trx, chat.id);
    const admitted = message.verdict === "admitted";
    const session = admitted
      ? await sessionInUse(trx, { groupId: chat.group_id, now, ...routeOf(chat) })
      : undefined;
    const id = newId(InboxId);
    await trx
      .insertInto("inbox")
      .values({
        id,
        chat_id: chat.id,
        group_id: chat.group_id,
        session_id: session ?? null,
        seq,
        platform_id: message.platformId,
        kind: message.kind,
        version: message.version,
        sender_id: message.sender.id,
        sender_name: message.sender.name,
        sender_role: message.sender.role,
        text: message.text,
        reply_to: message.replyTo ?? null,
        verdict: message.verdict,
        reason: message.reason,
        tainted: message.tainted ? 1 : 0,
        state: admitted ? "waiting" : "note",
        turn_id: null,
        sent_at: message.sentAt ?? null,
        accepted_at: now,
      })
      .execute();
    const event = await appendEvent(trx, chat.id, now, { kind: "in", ref: id });
    return { message: id, chat: chat.id, seq, event, groupId: chat.group_id, session, duplicate: false };
  }

  return {
    /** Resolves once the message is on disk. */
    accept: (message: NewMessage): Promise<Accepted> =>
      new Promise((resolve, reject) => {
        queue.push({ message, resolve, reject });
        if (!committing) void commitAll();
      }),

    /** Where to go on receiving, as the platform last told us. */
    async cursor(channel: string, account: string): Promise<string | undefined> {
      const row = await db
        .selectFrom("cursors")
        .select("cursor")
        .where("channel", "=", channel)
        .where("account", "=", account)
        .executeTakeFirst();
      return row?.cursor;
    },
  };
}

async function findAccepted(trx: Kysely<Database>, message: NewMessage): Promise<Accepted | undefined> {
  const row = await trx
    .selectFrom("inbox")
    .select(["id", "seq", "group_id", "session_id"])
    .where("chat_id", "=", message.chat)
    .where("platform_id", "=", message.platformId)
    .where("kind", "=", message.kind)
    .where("version", "=", message.version)
    .executeTakeFirst();
  if (!row) return undefined;
  // Newest first: what is delivered twice was mostly delivered a moment ago.
  const { id: event } = await trx
    .selectFrom("events")
    .select("id")
    .where("chat_id", "=", message.chat)
    .where("ref", "=", row.id)
    .where("kind", "=", "in")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  return {
    message: row.id,
    chat: message.chat,
    seq: row.seq,
    event,
    groupId: row.group_id,
    session: row.session_id ?? undefined,
    duplicate: true,
  };
}

async function saveCursor(trx: Kysely<Database>, chat: ChatId, cursor: string): Promise<void> {
  const { channel, account } = chatAddress(chat);
  await trx
    .insertInto("cursors")
    .values({ channel, account, cursor })
    .onConflict((conflict) => conflict.columns(["channel", "account"]).doUpdateSet({ cursor }))
    .execute();
}
