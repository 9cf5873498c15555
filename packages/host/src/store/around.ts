/**
 * What a message stands in, as far as its verdict needs it: the chat, what it refers to, and how much
 * bots have written. Read inside the transaction that stores the message, so few and cheap questions.
 */
import { type Kysely, sql } from "kysely";
import { BOT_WINDOW_MS } from "../core/trigger.ts";
import type { ChatId, SenderId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
import { type Standing, standingOf } from "./senders.ts";
import type { Database, InboxTable } from "./tables.ts";

export interface Around {
  readonly chat: Chat;
  /** Of a button that was pressed: the command that it stands for, if it is known and its time is not over. */
  readonly pressed?: string | undefined;
  /** We sent it: its platform gives us back what we write (G2). */
  readonly ours: boolean;
  /** It replies to a message of ours. */
  readonly answersUs: boolean;
  /** It quotes somebody whose words are tainted, or of whom nothing is known. */
  readonly quotesTainted: boolean;
  /** What it replies or reacts to is known in this chat, and was said in front of its group. */
  readonly aboutKnown: boolean;
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
  readonly kind: InboxTable["kind"]["__select__"];
  readonly platformId: string;
  readonly replyTo?: string | undefined;
  readonly quote?: string | undefined;
  readonly pressed: string | undefined;
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
  { kind, platformId, replyTo, quote, sender, text, pressed, now }: Asking,
): Promise<Around> {
  // A reaction and a press have ids of their own, which may be those of other messages.
  const aMessage = kind !== "reaction" && kind !== "button";
  const ours =
    aMessage &&
    ((await groupOfOurs(trx, chat.id, platformId)) !== undefined ||
      (sender.self === true && (await isBeingSent(trx, chat.id, text))));
  const standing = ours ? undefined : await standingOf(trx, sender);
  const answered = replyTo === undefined ? undefined : await groupOfOurs(trx, chat.id, replyTo);
  const quoted = replyTo === undefined ? undefined : await aboutOf(trx, chat.id, replyTo);
  return {
    chat,
    pressed,
    ours,
    standing,
    calls: ours || sender.self || standing === "owner" ? NONE : await callsBy(trx, chat.id, sender, now),
    answersUs: answered !== undefined,
    quotesTainted: quoted ? quoted.tainted === 1 : quote !== undefined && answered === undefined,
    aboutKnown: answered === chat.group_id || quoted?.group_id === chat.group_id,
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
    aboutKnown: false,
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

/** Of a message of ours with this id: the group to whom it was said. */
async function groupOfOurs(
  trx: Kysely<Database>,
  chat: ChatId,
  platformId: string,
): Promise<number | undefined> {
  const row = await trx
    .selectFrom("outbox")
    .select("group_id")
    .where("chat_id", "=", chat)
    .where("platform_id", "=", platformId)
    .limit(1)
    .executeTakeFirst();
  return row?.group_id;
}

async function aboutOf(trx: Kysely<Database>, chat: ChatId, platformId: string) {
  return await trx
    .selectFrom("inbox")
    .select(["tainted", "group_id"])
    .where("chat_id", "=", chat)
    .where("platform_id", "=", platformId)
    .where("kind", "=", "message")
    .limit(1)
    .executeTakeFirst();
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
