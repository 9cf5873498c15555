/**
 * The inbox: what people wrote, each thing once.
 *
 * - Accepting is one transaction: the row, its number, its place in the timeline, and the platform's
 *   cursor (G1). The platform is told only after it.
 * - A chat of a platform is taken only once somebody has registered it. What is written in others is
 *   nobody's business: nothing of it is stored, and the cursor moves.
 * - Who writes to us directly and is a stranger may be held until the owner has decided (newcomers.ts), and
 *   what brings an owner's code is no message (senders.ts).
 * - A thread of a chat that a group has is that group's, from its first message on.
 * - The dedupe key is chat (with channel and account), platform id, kind and version (G2). What was
 *   accepted before is answered with what it became then.
 * - A message that comes while others are being committed shares the next commit with all that
 *   came meanwhile: one sync for many (G28 keeps `synchronous=FULL`, so syncs are what costs).
 */
import { setImmediate } from "node:timers/promises";
import type { Kysely, Selectable } from "kysely";
import type { ButtonId } from "../core/button.ts";
import type { Clock } from "../core/clock.ts";
import type { EventId } from "../core/events.ts";
import {
  type ChatAddress,
  type ChatId,
  chatAddress,
  type GroupFolder,
  InboxId,
  MAIN,
  newId,
  type SenderId,
  type SessionId,
} from "../core/ids.ts";
import { type Around, lookAround, undisturbed } from "./around.ts";
import { commandOf } from "./buttons.ts";
import { admitWaiting, type Chat, describeChat, ensureChat, findChat, findThread, takeSeq } from "./chats.ts";
import { addFiles, type MessageFile } from "./message-files.ts";
import { hold, letGo, type Newcomer, type NotTaken, openIfEmpty } from "./newcomers.ts";
import { owe } from "./outbox.ts";
import { replaceReaction } from "./reactions.ts";
import { type Fate, revise } from "./revisions.ts";
import { archive, currentSession, type Scope, sessionInUse, type Spoken } from "./sessions.ts";
import { type Offered, pair, standingOf } from "./senders.ts";
import type { Database, InboxTable } from "./tables.ts";
import { taintByFile } from "./taints.ts";
import { appendEvent } from "./timeline.ts";
import { anyChat } from "./waiting-chats.ts";
import { failpoint } from "../core/failpoint.ts";

export type InboxRow = Selectable<InboxTable>;

export interface NewMessage {
  readonly chat: ChatId;
  readonly chatTitle?: string | undefined;
  /** It is a thread of that one, and belongs to its group. */
  readonly threadOf?: ChatId | undefined;
  readonly direct?: boolean | undefined;
  readonly platformId: string;
  readonly kind: InboxRow["kind"];
  readonly version: number;
  readonly sender: {
    readonly id: SenderId;
    readonly name: string;
    /** Other ids of the same person. */
    readonly linked?: readonly SenderId[] | undefined;
    readonly bot?: boolean | undefined;
    readonly self?: boolean | undefined;
  };
  readonly text: string;
  readonly nonText?: string | undefined;
  readonly replyTo?: string | undefined;
  /** What was quoted of that. */
  readonly quote?: string | undefined;
  /** Whose words these are, where they are not the sender's; empty: nobody knows. */
  readonly forwarded?: string | undefined;
  /** Of kind `button`: which; undefined where what came is the id of none. Its command becomes the text. */
  readonly button?: ButtonId | undefined;
  readonly sentAt?: number | undefined;
  /** Called inside the transaction, where it is known what the message stands in. Pure. */
  readonly judge: (around: Around) => Judged | "drop";
  readonly cursor?: string | undefined;
  /** Rows from this commit on, unless the message is refused; their bytes come after it. */
  readonly files?: readonly MessageFile[] | undefined;
  /** It is held where no group has its chat. */
  readonly newcomer?: Newcomer | undefined;
  /** It may bring an owner's code. */
  readonly codes?: Offered | undefined;
  /** It makes its chat part of `main`, where no group has it, if an owner wrote it. `owner`: as configured. */
  readonly claims?: { readonly owner: boolean } | undefined;
  /** It was held, under this number, and is let in now. */
  readonly held?: number | undefined;
}

/** Admission's word on a message. */
export interface Judged {
  readonly verdict: InboxRow["verdict"];
  readonly reason: string;
  /** It is not for a turn by itself, and rides along with the next one. */
  readonly context?: boolean | undefined;
  readonly role: InboxRow["sender_role"];
  readonly tainted: boolean;
  /** What the chat is told on top. */
  readonly notice?: string | undefined;
  /** Under this key it is told once, however many messages it is about. */
  readonly noticeKey?: string | undefined;
  /** It is a chat command, and the host itself answers it. */
  readonly command?: CommandRow | undefined;
  /** It is a command of the engine's own. */
  readonly engineCommand?: boolean | undefined;
  /**
   * Plugins look at it before anybody reads it (`hooks`), or it keeps its place behind what they look at
   * (store/hooked-inbox.ts).
   */
  readonly hooks?: "hooks" | "place" | undefined;
}

/** Undefined: nobody has registered its chat, and nothing is stored. */
export type Taken = Accepted | NotTaken | undefined;

export interface CommandRow {
  readonly name: string;
  /** The chat's conversation is put away: by the very commit, so that what is said next is in a fresh one. */
  readonly startsAfresh: boolean;
}

/** Which conversation a message belongs to: decided by its chat, known only once the chat is. */
export type RouteOf = (chat: Chat, scope?: Scope["kind"]) => Spoken & { readonly scope: Scope };

export interface Accepted {
  readonly message: InboxId;
  readonly chat: ChatId;
  readonly seq: number;
  readonly event: EventId;
  readonly groupId: number;
  readonly group: GroupFolder;
  /** Whose turn will answer it, or what it has changed; none if none will. */
  readonly session: SessionId | undefined;
  /** What such a turn answers: the message itself, or the one that it was an edit of. */
  readonly answered: InboxId;
  readonly duplicate: boolean;
  /** Its files are to be fetched now. */
  readonly files: boolean;
  /** The chat is owed a notice now. */
  readonly notice: boolean;
  /** It is a chat command, for the host to answer. */
  readonly command: boolean;
  /** Something of its chat waits for plugins. */
  readonly hooks: boolean;
}

/** See core/hooked.ts. */
const PLACED = JSON.stringify({ placed: true });
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
    /** The group that the chat is bound to if it is new. */
    group: GroupFolder | undefined;
    resolve: (accepted: Taken) => void;
    reject: (error: unknown) => void;
  }[] = [];
  let committing = false;

  function enqueue(message: NewMessage, group?: GroupFolder): Promise<Taken> {
    return new Promise((resolve, reject) => {
      queue.push({ message, group, resolve, reject });
      if (!committing) void commitAll();
    });
  }

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
        const done: Taken[] = [];
        for (const { message, group } of batch) {
          done.push(await insert(trx, message, group));
          if (message.held !== undefined) await letGo(trx, message.chat, message.held);
        }
        failpoint("accept.inside");
        return done;
      });
      failpoint("accept.committed");
      for (const [index, { resolve }] of batch.entries()) resolve(accepted[index]);
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) only.reject(error);
      // One that cannot be stored must not take the others with it.
      else for (const one of batch) await commit([one]);
    }
  }

  async function insert(
    trx: Kysely<Database>,
    message: NewMessage,
    group: GroupFolder | undefined,
  ): Promise<Taken> {
    const now = clock.now();
    const paired = message.codes && (await pair(trx, message.codes, now));
    const chat = paired ? undefined : await chatFor(trx, message, group, now);
    // What is not stored, and a copy, move the cursor too: what the platform need not send again, it should not.
    if (message.cursor !== undefined) await saveCursor(trx, chatAddress(message.chat), message.cursor);
    failpoint("cursor.saved");
    if (paired) return { not: "code", owner: paired.owner };
    if (!chat) return message.newcomer && (await hold(trx, message.newcomer, now));
    const known = await findAccepted(trx, message);
    if (known) return known;
    const seed = { groupId: chat.group_id, now, ...routeOf(chat) };
    const sessionOf = () => sessionInUse(trx, seed);
    const { button } = message;
    const pressed = button && (await commandOf(trx, { id: button, chat: chat.id, now }));
    // At the owner's own desk nothing comes back and nobody else writes.
    const around =
      group === undefined
        ? await lookAround(trx, chat, { ...message, now, pressed })
        : { ...undisturbed(chat), pressed };
    const judged = message.judge(around);
    if (judged === "drop") return { not: "dropped" };
    const fate = await fateOf(trx, { message, chat, around, judged }, sessionOf);
    const { command } = judged;
    const waits = judged.hooks !== undefined && (fate.session !== undefined || fate.context);
    const session = waits ? undefined : fate.session;
    const about = command && (await currentSession(trx, chat.group_id, seed.scope));
    const fresh = about && command.startsAfresh ? await archive(trx, about, seed) : undefined;
    const seq = await takeSeq(trx, chat.id);
    const id = newId(InboxId);
    await trx
      .insertInto("inbox")
      .values({
        id,
        chat_id: chat.id,
        group_id: chat.group_id,
        session_id: session ?? about ?? null,
        seq,
        platform_id: message.platformId,
        kind: message.kind,
        version: message.version,
        sender_id: message.sender.id,
        sender_name: message.sender.name,
        sender_role: judged.role,
        sender_bot: message.sender.bot ? 1 : 0,
        text: pressed ?? message.text,
        reply_to: message.replyTo ?? null,
        quote: message.quote ?? null,
        forwarded: message.forwarded ?? null,
        non_text: message.nonText ?? null,
        verdict: fate.verdict,
        reason: fate.reason,
        tainted: judged.tainted ? 1 : 0,
        state: session === undefined ? "note" : "waiting",
        context: fate.context && !waits ? 1 : 0,
        hooks: waits ? "waiting" : null,
        hooked: waits && judged.hooks === "place" ? PLACED : null,
        command: command?.name ?? null,
        engine_command: judged.engineCommand ? 1 : 0,
        turn_id: null,
        sent_at: message.sentAt ?? null,
        accepted_at: now,
      })
      .execute();
    const files = fate.verdict === "refused" ? [] : (message.files ?? []);
    await addFiles(trx, { id, groupId: chat.group_id, now }, files);
    if (judged.tainted && files.length > 0)
      await taintByFile(trx, {
        groupId: chat.group_id,
        cause: `files from ${message.sender.id}`.slice(0, 200),
        now,
      });
    const event = await appendEvent(trx, chat.id, now, { kind: "in", ref: id });
    if (judged.notice !== undefined)
      await owe(trx, { chat: chat.id, groupId: chat.group_id, turn: undefined, now }, [
        { key: judged.noticeKey ?? `${id}:refused`, kind: "notice", text: judged.notice },
      ]);
    return {
      message: id,
      chat: chat.id,
      seq,
      event,
      groupId: chat.group_id,
      group: chat.folder,
      session: session ?? fate.wakes?.session ?? fresh,
      answered: fate.wakes?.message ?? id,
      duplicate: false,
      files: files.length > 0,
      notice: judged.notice !== undefined,
      command: command !== undefined,
      hooks: judged.hooks !== undefined,
    };
  }

  return {
    /** Of the owner's own desk, where a chat that is new is bound to `group`. Resolves once it is on disk. */
    async accept(message: NewMessage, group: GroupFolder): Promise<Accepted> {
      const accepted = await enqueue(message, group);
      if (!accepted || "not" in accepted) throw new Error(`the chat ${message.chat} was not made`);
      return accepted;
    },

    /** From a platform. Undefined, and nothing is stored but the cursor, if nobody has registered its chat. */
    receive: (message: NewMessage): Promise<Taken> => enqueue(message),

    /** Moves the cursor over what cannot be stored. */
    skip: (channel: string, account: string, cursor: string): Promise<void> =>
      saveCursor(db, { channel, account }, cursor),

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

async function chatFor(
  trx: Kysely<Database>,
  { chat: id, chatTitle: title, direct, sender, claims, held, threadOf }: NewMessage,
  group: GroupFolder | undefined,
  now: number,
): Promise<Chat | undefined> {
  if (group !== undefined) return await ensureChat(trx, { id, group, title, direct, now });
  let chat = held === undefined ? await findChat(trx, id) : await anyChat(trx, id);
  if (!chat && threadOf !== undefined)
    chat = await findThread(trx, { id, parent: threadOf, title, direct, now });
  if (!chat && claims && (await mayClaim(trx, id, sender, claims.owner))) {
    // Where something is held, this comes behind it.
    if (!(await admitWaiting(trx, id, MAIN)))
      return await ensureChat(trx, { id, group: MAIN, title, direct, now });
    await openIfEmpty(trx, id);
    chat = await findChat(trx, id);
  }
  return chat && (await describeChat(trx, chat, { title, direct }));
}

/** Whether an owner wrote it, in a chat that no group has. */
async function mayClaim(
  trx: Kysely<Database>,
  chat: ChatId,
  sender: NewMessage["sender"],
  owner: boolean,
): Promise<boolean> {
  if ((await anyChat(trx, chat))?.standing === "open") return false;
  return owner || (await standingOf(trx, sender)) === "owner";
}

/** What is to become of the row of a message, and of the rows that it is about. */
async function fateOf(
  trx: Kysely<Database>,
  { message, chat, around, judged }: { message: NewMessage; chat: Chat; around: Around; judged: Judged },
  sessionOf: () => Promise<SessionId>,
): Promise<Fate> {
  const { verdict, reason, context = false } = judged;
  const { platformId, kind, version, sender, text } = message;
  if (kind === "reaction") {
    const told =
      context && (await replaceReaction(trx, { ...message, chat, sender: sender.id, emoji: text }));
    return { verdict, reason, context: told };
  }
  if (kind === "message" || kind === "button" || verdict === "refused" || around.ours)
    return { verdict, reason, context, session: verdict === "admitted" ? await sessionOf() : undefined };
  const revision = {
    chat,
    platformId,
    kind,
    version,
    sender: sender.id,
    text,
  };
  return await revise(trx, { ...revision, verdict: { verdict, reason } }, sessionOf);
}

async function findAccepted(trx: Kysely<Database>, message: NewMessage): Promise<Accepted | undefined> {
  const row = await trx
    .selectFrom("inbox")
    .innerJoin("groups", "groups.id", "inbox.group_id")
    .select(["inbox.id", "seq", "group_id", "folder", "session_id", "hooks"])
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
    group: row.folder,
    session: row.session_id ?? undefined,
    answered: row.id,
    duplicate: true,
    files: false,
    notice: false,
    command: false,
    hooks: row.hooks === "waiting",
  };
}

async function saveCursor(
  trx: Kysely<Database>,
  { channel, account }: Pick<ChatAddress, "channel" | "account">,
  cursor: string,
): Promise<void> {
  await trx
    .insertInto("cursors")
    .values({ channel, account, cursor })
    .onConflict((conflict) => conflict.columns(["channel", "account"]).doUpdateSet({ cursor }))
    .execute();
}
