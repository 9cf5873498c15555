/**
 * Chats in which somebody wrote and which no group has: so that the owner can give them to one. Their address,
 * title, last sender and the time, and nothing of what was said (docs/decisions/unregistered-chats-are-not-stored.md).
 *
 * - The newest 1,000 are kept, for 90 days. Whoever floods us with new ones drives out older ones, and no more.
 * - They are kept in memory and written a moment later, many at once: a message in a chat that a group has costs
 *   nothing here. A host that is killed forgets that moment.
 */
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import type { ChatId, SenderId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Database } from "./tables.ts";

/** Who wrote in a chat of nobody's. */
export interface Unregistered {
  readonly chat: ChatId;
  readonly title: string | null;
  readonly sender: SenderId;
  readonly senderName: string;
}

export interface SeenChat extends Unregistered {
  readonly messages: number;
  readonly lastAt: number;
}

const MOST = 1_000;
const KEPT_MS = 90 * 24 * 60 * 60_000;
const BEHIND_MS = 1_000;

export type SeenChats = Awaited<ReturnType<typeof openSeenChats>>;

export async function openSeenChats(db: Kysely<Database>, clock: Clock, log: Log) {
  const rows = await db.selectFrom("seen_chats").selectAll().orderBy("last_at").execute();
  /** The one heard from longest ago comes first. */
  const seen = new Map<ChatId, SeenChat>(
    rows.map((row) => [
      row.id,
      {
        chat: row.id,
        title: row.title,
        sender: row.sender_id,
        senderName: row.sender_name,
        messages: row.messages,
        lastAt: row.last_at,
      },
    ]),
  );
  const changed = new Set<ChatId>();
  let written = Promise.resolve();
  let cancel: (() => void) | undefined;
  dropOld();

  function dropOld(): void {
    for (const [chat, { lastAt }] of seen) {
      if (seen.size <= MOST && lastAt > clock.now() - KEPT_MS) return;
      drop(chat);
    }
  }

  function drop(chat: ChatId): void {
    if (!seen.delete(chat)) return;
    changed.add(chat);
    writeLater();
  }

  function writeLater(): void {
    cancel ??= clock.after(BEHIND_MS, () => void write());
  }

  function write(): Promise<void> {
    cancel?.();
    cancel = undefined;
    const chats = [...changed];
    changed.clear();
    if (chats.length > 0)
      written = written
        .then(() => store(chats))
        .catch((error: unknown) => {
          log.error(
            { err: error },
            "which chats were seen could not be stored; it is tried with the next one",
          );
          for (const chat of chats) changed.add(chat);
        });
    return written;
  }

  async function store(chats: readonly ChatId[]): Promise<void> {
    await db.transaction().execute(async (trx) => {
      for (const chat of chats) {
        const now = seen.get(chat);
        if (!now) {
          await trx.deleteFrom("seen_chats").where("id", "=", chat).execute();
          continue;
        }
        const { title, sender: sender_id, senderName: sender_name, messages, lastAt: last_at } = now;
        const row = { title, sender_id, sender_name, messages, last_at };
        await trx
          .insertInto("seen_chats")
          .values({ id: chat, ...row })
          .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
          .execute();
      }
    });
  }

  return {
    /** Whether it is the first time, and the owner is to be told: of a flood they are not told one by one. */
    saw(stranger: Unregistered): boolean {
      const known = seen.get(stranger.chat);
      const news = !known && seen.size < MOST;
      seen.delete(stranger.chat); // it is the newest from now on
      seen.set(stranger.chat, { ...stranger, messages: (known?.messages ?? 0) + 1, lastAt: clock.now() });
      changed.add(stranger.chat);
      dropOld();
      writeLater();
      return news;
    },

    /** A group has it. */
    forget: drop,

    /** Newest first. */
    list: (): readonly SeenChat[] => [...seen.values()].toReversed(),

    /** Resolves when what is known is stored. */
    settled: (): Promise<void> => write(),
  };
}
