/**
 * A past: messages, turns, answers, what the timeline shows of them, and the index over it all, as a
 * host would have left them, written the fast way. The same seed writes the same words.
 */
import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ChatId, newId, SessionId, TurnId, InboxId, OutboxId } from "../packages/host/src/core/ids.ts";
import { scopeOf } from "../packages/host/src/store/sessions.ts";
import { createChance } from "./random.ts";
import type { BenchStore } from "./store.ts";

export interface Past {
  /** Half of them are answers. */
  readonly messages: number;
  readonly chats: number;
  readonly groups: number;
  readonly seed: number;
}

/** What people talk about; the first ones far more often than the last. */
export const WORDS: readonly string[] = Array.from({ length: 5_000 }, (_, n) => `word${n.toString(36)}`);
export function chatNumber(n: number): ChatId {
  return ChatId.parse(`web:chat-${n}`);
}

/** Exchanges in one transaction. */
const BATCH = 5_000;
const MINUTE = 60_000;
/** A tenth of everything was said in one chat. */
const BUSIEST = 0.1;

export async function fillHistory(store: BenchStore, past: Past): Promise<void> {
  const numbers = Array.from({ length: past.chats }, (_, n) => n);
  await store.bind(numbers.map((n) => [chatNumber(n), `group-${n % past.groups}`]));
  const chats = [];
  for (const n of numbers) {
    const chat = await store.chats.find(chatNumber(n));
    if (!chat) throw new Error("a chat was not bound");
    const { id, group_id: groupId, folder } = chat;
    chats.push({ id, groupId, scope: scopeOf(id, folder), session: newId(SessionId), seq: 1 });
  }
  const chance = createChance(past.seed);
  const db = new DatabaseSync(store.path);
  db.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000");
  const insert = prepare(db);
  let at = Date.now() - past.messages * MINUTE;
  for (const { groupId, scope, session } of chats)
    insert.session.run(session, groupId, scope.kind, scope.key, at);

  const exchanges = Math.floor(past.messages / 2);
  for (let done = 0; done < exchanges; done += BATCH) {
    db.exec("BEGIN");
    for (let n = done; n < Math.min(exchanges, done + BATCH); n += 1) {
      const chat = chats[chance.happens(BUSIEST) ? 0 : Math.floor(chance.between(0, chats.length))];
      if (!chat) throw new Error("there are no chats");
      at += MINUTE;
      exchange(insert, chat, { asked: sentence(chance), answered: sentence(chance), at });
    }
    db.exec("COMMIT");
  }
  for (const { id, seq } of chats) db.prepare("UPDATE chats SET next_seq = ? WHERE id = ?").run(seq, id);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.close();
}

function exchange(
  insert: ReturnType<typeof prepare>,
  chat: { id: string; groupId: number; session: string; seq: number },
  { asked, answered, at }: { asked: string; answered: string; at: number },
): void {
  const [inbox, turn, outbox] = [newId(InboxId), newId(TurnId), newId(OutboxId)];
  const { id, groupId, session } = chat;
  insert.turn.run(turn, session, groupId, id, at, at, at);
  insert.inbox.run(inbox, id, groupId, session, chat.seq++, randomUUID(), asked, turn, at);
  const { lastInsertRowid: asking } = insert.event.run(id, "in", inbox, null, at);
  insert.event.run(id, "turn", turn, JSON.stringify({ state: "started", inputs: [inbox], replies: [] }), at);
  insert.outbox.run(outbox, `${turn}:1`, id, groupId, turn, chat.seq++, answered, at, randomUUID(), at, at);
  const { lastInsertRowid: answering } = insert.event.run(id, "out", outbox, null, at);
  insert.event.run(
    id,
    "turn",
    turn,
    JSON.stringify({ state: "done", inputs: [inbox], replies: [outbox] }),
    at,
  );
  insert.usage.run(turn, session, groupId, at);
  insert.history.run(asking, `group${groupId}`, asked);
  insert.history.run(answering, `group${groupId}`, answered);
}

function prepare(db: DatabaseSync) {
  return {
    session:
      db.prepare(`INSERT INTO sessions (id, group_id, scope_kind, scope_key, engine, provider, created_at)
      VALUES (?, ?, ?, ?, 'acp', 'bench', ?)`),
    turn: db.prepare(`INSERT INTO turns (id, session_id, group_id, chat_id, kind, state, attempt, fence, boot_id, model,
      created_at, started_at, ended_at) VALUES (?, ?, ?, ?, 'chat', 'done', 1, 1, 'bench', 'echo', ?, ?, ?)`),
    inbox:
      db.prepare(`INSERT INTO inbox (id, chat_id, group_id, session_id, seq, platform_id, kind, version, sender_id,
      sender_name, sender_role, text, verdict, reason, tainted, state, turn_id, accepted_at)
      VALUES (?, ?, ?, ?, ?, ?, 'message', 0, 'web:owner', 'Owner', 'owner', ?, 'admitted', 'bench', 0, 'done', ?, ?)`),
    outbox:
      db.prepare(`INSERT INTO outbox (id, key, chat_id, group_id, turn_id, kind, seq, text, state, attempts, due_at,
      platform_id, created_at, settled_at) VALUES (?, ?, ?, ?, ?, 'text', ?, ?, 'sent', 1, ?, ?, ?, ?)`),
    event: db.prepare("INSERT INTO events (chat_id, kind, ref, data, at) VALUES (?, ?, ?, ?, ?)"),
    usage:
      db.prepare(`INSERT INTO usage (turn_id, session_id, group_id, provider, model_asked, model_served, kind,
      input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, prices, http_status, duration_ms, at)
      VALUES (?, ?, ?, 'bench', 'echo', 'echo', 'turn', 100, 20, 0, 0, '', 200, 5, ?)`),
    history: db.prepare("INSERT INTO history (rowid, scope, text) VALUES (?, ?, ?)"),
  };
}

function sentence(chance: ReturnType<typeof createChance>): string {
  const length = Math.floor(chance.between(4, 20));
  // Squared, so that some words are everywhere and most are rare.
  const word = () => WORDS[Math.floor(chance.next() ** 2 * WORDS.length)] ?? "";
  return Array.from({ length }, word).join(" ");
}
