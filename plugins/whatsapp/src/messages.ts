/**
 * Messages of the last days, ours and others', as far as WhatsApp asks for them again: our words where a phone could
 * not open them, and whose a message was where it is quoted, reacted to, changed or taken back.
 *
 * What we send is here before it is sent, under an id that comes of its key: it is the same message however often it
 * is sent.
 */
import { createHash } from "node:crypto";
import type { Store } from "./store.ts";

export type Messages = ReturnType<typeof createMessages>;

export interface Kept {
  /** As WhatsApp names them; undefined: us. */
  readonly author: string | undefined;
  /** The beginning of it. */
  readonly text: string;
  /** Of ours: all of it, encoded. */
  readonly content: Uint8Array | undefined;
  readonly at: number;
}

const DAY_MS = 24 * 60 * 60_000;
const KEEP_MS = 7 * DAY_MS;
const MOST = 20_000;
const MOST_QUOTED = 300;
const PRUNE_EVERY = 500;

export function createMessages({ db }: Store, now: () => number) {
  const write = db.prepare(
    "insert or ignore into messages (chat, id, author, text, content, at) values (?, ?, ?, ?, ?, ?)",
  );
  const read = db.prepare("select author, text, content, at from messages where chat = ? and id = ?");
  const anyIn = db.prepare("select 1 from messages where chat = ? limit 1");
  const dropOld = db.prepare("delete from messages where at < ?");
  const dropMost = db.prepare(
    "delete from messages where at < (select at from messages order by at desc limit 1 offset ?)",
  );
  let written = PRUNE_EVERY;

  return {
    /** @param chat Bellhop's own id of it */
    keep(chat: string, id: string, { author, text, content, at = now() }: Partial<Kept>): void {
      const beginning = (text ?? "").slice(0, MOST_QUOTED).toWellFormed();
      write.run(chat, id, author ?? null, beginning, content ?? null, at);
      written += 1;
      if (written < PRUNE_EVERY) return;
      written = 0;
      dropOld.run(now() - KEEP_MS);
      dropMost.run(MOST);
    },

    find(chat: string, id: string): Kept | undefined {
      const row = read.get(chat, id);
      if (!row) return undefined;
      const { author, text, content, at } = row;
      return {
        author: typeof author === "string" ? author : undefined,
        text: String(text),
        content: content instanceof Uint8Array ? content : undefined,
        at: Number(at),
      };
    },

    /** Whether anything was said there lately. */
    hasChat: (chat: string): boolean => anyIn.get(chat) !== undefined,
  };
}

/** The id of a message of ours, as ids of WhatsApp Web look; the same for the same key. */
export function idFor(chat: string, key: string): string {
  const digest = createHash("sha256").update(chat).update("\0").update(key).digest("hex");
  return `3EB0${digest.slice(0, 18).toUpperCase()}`;
}
