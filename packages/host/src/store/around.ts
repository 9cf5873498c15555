/**
 * What a message stands in, as far as its verdict needs it: the chat, what it refers to, and how much
 * bots have written. Read inside the transaction that stores the message, so few and cheap questions.
 */
import { type Kysely, sql } from "kysely";
import { BOT_WINDOW_MS } from "../core/trigger.ts";
import type { ChatId, SenderId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
import { type Standing, standingOf } from "./senders.ts";
import type { Database } from "./tables.ts";

export interface Around {
  readonly chat: Chat;
  /** We sent it: its platform gives us back what we write (G2). */
  readonly ours: boolean;
  /** It replies to a message of ours. */
  readonly answersUs: boolean;
  /** It quotes somebody whose words are tainted. */
  readonly quotesTainted: boolean;
  /** What other bots have got from us in this chat, within the window of their loop budget. */
  readonly bots: { readonly admitted: number; readonly refused: boolean };
  /** What the owner decided of the sender, beside the configuration. */
  readonly standing: Standing | undefined;
  /** How often the assistant was called lately, by others than owners. */
  readonly calls: Calls;
}

export interface Calls {
  /** By this person, wherever that was, under whichever of their ids. */
  readonly minute: number;
  readonly hour: number;
  /** In this chat, by whomever. */
  readonly chatMinute: number;
}

const NONE: Calls = { minute: 0, hour: 0, chatMinute: 0 };
const MINUTE_MS = 60_000;
/** An echo comes at once; so many later messages of ours it does not come. */
const LOOKED_BACK = 50;

export interface Asking {
  readonly platformId: string;
  readonly replyTo?: string | undefined;
  readonly text: string;
  readonly sender: {
    readonly id: SenderId;
    readonly linked?: readonly SenderId[] | undefined;
    readonly bot?: boolean | undefined;
    readonly self?: boolean | undefined;
  };
  readonly now: number;
}

export async function lookAround(
  trx: Kysely<Database>,
  chat: Chat,
  { platformId, replyTo, sender, text, now }: Asking,
): Promise<Around> {
  const ours =
    (await isOurs(trx, chat.id, platformId)) ||
    (sender.self === true && (await isBeingSent(trx, chat.id, text)));
  const standing = ours ? undefined : await standingOf(trx, sender);
  return {
    chat,
    ours,
    standing,
    calls: ours || sender.self || standing === "owner" ? NONE : await callsBy(trx, chat.id, sender, now),
    answersUs: replyTo !== undefined && (await isOurs(trx, chat.id, replyTo)),
    quotesTainted: replyTo !== undefined && (await isTainted(trx, chat.id, replyTo)),
    bots: sender.bot ? await botsIn(trx, chat.id, now - BOT_WINDOW_MS) : { admitted: 0, refused: false },
  };
}

/** For the owner's own desk, where nothing comes back and nobody else writes. */
export function undisturbed(chat: Chat): Around {
  return {
    chat,
    ours: false,
    answersUs: false,
    quotesTainted: false,
    bots: { admitted: 0, refused: false },
    standing: undefined,
    calls: NONE,
  };
}

/**
 * On an account that we share with its owner, what we send may come back before its id has been written
 * down, or where nobody knows that it arrived. It ends as what was sent, behind the name that it carries.
 */
async function isBeingSent(trx: Kysely<Database>, chat: ChatId, text: string): Promise<boolean> {
  const newest = await trx
    .selectFrom("outbox")
    .select(["text", "platform_id", "first_sent_at", "uncertain"])
    .where("chat_id", "=", chat)
    .orderBy("seq", "desc")
    .limit(LOOKED_BACK)
    .execute();
  const said = text.trim();
  return newest.some(({ text: sent, platform_id, first_sent_at, uncertain }) => {
    const unknown = (platform_id === null && first_sent_at !== null) || uncertain > 0;
    return unknown && (said === sent.trim() || said.endsWith(`: ${sent.trim()}`));
  });
}

async function callsBy(
  trx: Kysely<Database>,
  chat: ChatId,
  { id, linked = [] }: Asking["sender"],
  now: number,
): Promise<Calls> {
  const hour = await trx
    .selectFrom("inbox")
    .select((eb) => [
      eb.fn.countAll<number>().as("hour"),
      sql<number | null>`sum(accepted_at > ${now - MINUTE_MS})`.as("minute"),
    ])
    .where("sender_id", "in", [id, ...linked])
    .where("accepted_at", ">", now - 60 * MINUTE_MS)
    .where(CALLS)
    .executeTakeFirstOrThrow();
  const { chatMinute } = await trx
    .selectFrom("inbox")
    .select((eb) => eb.fn.countAll<number>().as("chatMinute"))
    .where("chat_id", "=", chat)
    .where("accepted_at", ">", now - MINUTE_MS)
    .where(CALLS)
    .executeTakeFirstOrThrow();
  return { minute: hour.minute ?? 0, hour: hour.hour, chatMinute };
}

/** Literal: see the indexes inbox_calls_by_sender and inbox_calls_by_chat. */
const CALLS = sql<boolean>`sender_role <> 'owner' AND (verdict = 'admitted' OR command IS NOT NULL)`;

async function isOurs(trx: Kysely<Database>, chat: ChatId, platformId: string): Promise<boolean> {
  const row = await trx
    .selectFrom("outbox")
    .select("id")
    .where("chat_id", "=", chat)
    .where("platform_id", "=", platformId)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

async function isTainted(trx: Kysely<Database>, chat: ChatId, platformId: string): Promise<boolean> {
  const row = await trx
    .selectFrom("inbox")
    .select("tainted")
    .where("chat_id", "=", chat)
    .where("platform_id", "=", platformId)
    .where("kind", "=", "message")
    .limit(1)
    .executeTakeFirst();
  return row?.tainted === 1;
}

async function botsIn(trx: Kysely<Database>, chat: ChatId, since: number): Promise<Around["bots"]> {
  const byBots = (verdict: "admitted" | "refused") =>
    trx
      .selectFrom("inbox")
      .where("chat_id", "=", chat)
      .where("verdict", "=", verdict)
      .where("accepted_at", ">", since)
      .where(sql<boolean>`sender_bot = 1`); // literal: see the index inbox_bots
  const { admitted } = await byBots("admitted")
    .select((eb) => eb.fn.countAll<number>().as("admitted"))
    .executeTakeFirstOrThrow();
  const refused = await byBots("refused").select("id").limit(1).executeTakeFirst();
  return { admitted, refused: refused !== undefined };
}
