/**
 * The tables, as Kysely sees them. Times are ms since 1970 by the wall clock; they are for people.
 * Order and novelty come from sequence numbers and event ids (G3).
 */
import type { ColumnType, Generated } from "kysely";
import type { ChatId, GroupFolder, InboxId, OutboxId, SenderId, SessionId, TurnId } from "../core/ids.ts";
import type { EventId } from "../core/events.ts";

/** Set once, never updated. */
type Fixed<T> = ColumnType<T, T, never>;

export interface GroupsTable {
  id: Generated<number>;
  folder: Fixed<GroupFolder>;
  created_at: Fixed<number>;
}

export interface ChatsTable {
  id: Fixed<ChatId>;
  channel: Fixed<string>;
  account: Fixed<string>;
  native: Fixed<string>;
  group_id: number;
  title: string | null;
  /** The sequence number that the next accepted row of this chat gets (G3). */
  next_seq: number;
  created_at: Fixed<number>;
}

/**
 * `waiting`: for a turn. `claimed`: by `turn_id`, given to its engine or about to be. `done`:
 * answered by `turn_id`, which completed or failed for good. `note`: stored, but never for a turn.
 */
export type InboxState = "waiting" | "claimed" | "done" | "note";

export interface InboxTable {
  id: Fixed<InboxId>;
  chat_id: Fixed<ChatId>;
  group_id: Fixed<number>;
  session_id: SessionId | null;
  seq: Fixed<number>;
  /** With chat (which carries channel and account), kind and version: the dedupe key (G2). */
  platform_id: Fixed<string>;
  kind: Fixed<"message" | "edit" | "delete">;
  version: Fixed<number>;
  sender_id: Fixed<SenderId>;
  sender_name: Fixed<string>;
  sender_role: Fixed<"owner" | "admin" | "member" | "stranger">;
  text: string;
  reply_to: Fixed<string | null>;
  /** What admission decided and why: what `/why` prints. */
  verdict: Fixed<"admitted" | "noted" | "refused">;
  reason: Fixed<string>;
  tainted: Fixed<number>;
  state: InboxState;
  turn_id: TurnId | null;
  sent_at: Fixed<number | null>;
  accepted_at: Fixed<number>;
}

export interface SessionsTable {
  id: Fixed<SessionId>;
  group_id: Fixed<number>;
  scope_kind: Fixed<"group" | "chat" | "thread" | "occurrence">;
  scope_key: Fixed<string>;
  engine: Fixed<"claude" | "acp">;
  provider: Fixed<string>;
  /** The engine's own name of the conversation, once a turn completed in it (G22). */
  engine_session: string | null;
  position: string | null;
  /** Counts up with each claim of a turn: who holds an older one is a zombie (G7). */
  fence: Generated<number>;
  tainted: Generated<number>;
  created_at: Fixed<number>;
  /** A session that ended is never used again; the next one of its scope is fresh. */
  ended_at: number | null;
}

/**
 * `running`: claimed by `boot_id` under `fence`. `waiting`: between two attempts, until `retry_at`.
 * The other three are final.
 */
export type TurnState = "running" | "waiting" | "done" | "failed" | "cancelled";

export interface TurnsTable {
  id: Fixed<TurnId>;
  session_id: SessionId;
  group_id: Fixed<number>;
  /** The one reply target. Never changes. */
  chat_id: Fixed<ChatId>;
  kind: Fixed<"chat" | "task" | "background">;
  state: TurnState;
  /** Attempts charged so far, the present one included. */
  attempt: number;
  /** Attempts that ended with the host's own death: charged apart, against a larger limit. */
  lost: Generated<number>;
  fence: number;
  boot_id: string;
  model: Fixed<string>;
  retry_at: number | null;
  failure_class: string | null;
  failure_detail: string | null;
  created_at: Fixed<number>;
  started_at: number;
  ended_at: number | null;
}

/** G12. `sending` rows of a dead host go through the ambiguity rule (G14). Last three are final. */
export type OutboxState = "pending" | "sending" | "retry" | "sent" | "unknown" | "dead";

export interface OutboxTable {
  id: Fixed<OutboxId>;
  /** Names what is owed (turn, which of its answers, chunk), so that it is never owed twice. */
  key: Fixed<string>;
  chat_id: Fixed<ChatId>;
  group_id: Fixed<number>;
  turn_id: Fixed<TurnId | null>;
  kind: Fixed<"text" | "notice" | "reaction">;
  /** Order within the chat. */
  seq: Fixed<number>;
  text: Fixed<string>;
  sender_name: Fixed<string | null>;
  reply_to: Fixed<string | null>;
  state: OutboxState;
  attempts: Generated<number>;
  due_at: number;
  platform_id: string | null;
  error: string | null;
  created_at: Fixed<number>;
  settled_at: number | null;
}

/** The timeline: one row for each thing a watcher of a chat may see. See core/events.ts. */
export interface EventsTable {
  id: Generated<EventId>;
  chat_id: Fixed<ChatId>;
  kind: Fixed<"in" | "out" | "turn">;
  /** Id of the row in inbox, outbox or turns. */
  ref: Fixed<string>;
  /** Of turn events: what changed, as JSON. */
  data: Fixed<string | null>;
  at: Fixed<number>;
}

export interface CursorsTable {
  channel: Fixed<string>;
  account: Fixed<string>;
  cursor: string;
}

export interface UsageTable {
  id: Generated<number>;
  turn_id: Fixed<TurnId>;
  session_id: Fixed<SessionId>;
  group_id: Fixed<number>;
  provider: Fixed<string>;
  model_asked: Fixed<string>;
  model_served: Fixed<string>;
  kind: Fixed<"turn" | "compaction" | "subagent" | "background">;
  input_tokens: Fixed<number>;
  output_tokens: Fixed<number>;
  cache_read_tokens: Fixed<number>;
  cache_write_tokens: Fixed<number>;
  cost_micros: Fixed<number | null>;
  prices: Fixed<string>;
  http_status: Fixed<number>;
  duration_ms: Fixed<number>;
  at: Fixed<number>;
}

/** API tokens, web logins and single-use login codes, each stored as a SHA-256 only. */
export interface TokensTable {
  hash: Fixed<string>;
  kind: Fixed<"api" | "web" | "code">;
  scope: Fixed<"chat" | "read" | "admin">;
  label: Fixed<string>;
  created_at: Fixed<number>;
  expires_at: number | null;
}

export interface Database {
  groups: GroupsTable;
  chats: ChatsTable;
  inbox: InboxTable;
  sessions: SessionsTable;
  turns: TurnsTable;
  outbox: OutboxTable;
  events: EventsTable;
  cursors: CursorsTable;
  usage: UsageTable;
  tokens: TokensTable;
}
