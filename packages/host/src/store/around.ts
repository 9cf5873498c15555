/**
 * What a message stands in, as far as its verdict needs it: the chat, what it refers to, and how much
 * bots have written. Read inside the transaction that stores the message, so few and cheap questions.
 */
import { type Kysely, sql } from "kysely";
import { BOT_WINDOW_MS } from "../core/trigger.ts";
import type { ChatId } from "../core/ids.ts";
import type { Chat } from "./chats.ts";
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
}

export interface Asking {
  readonly platformId: string;
  readonly replyTo?: string | undefined;
  readonly sender: { readonly bot?: boolean | undefined };
  readonly now: number;
}

export async function lookAround(
  trx: Kysely<Database>,
  chat: Chat,
  { platformId, replyTo, sender, now }: Asking,
): Promise<Around> {
  return {
    chat,
    ours: await isOurs(trx, chat.id, platformId),
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
  };
}

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
