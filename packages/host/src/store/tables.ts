/**
 * The tables, as Kysely sees them. Times are ms since 1970 by the wall clock; they are for people.
 * Order and novelty come from sequence numbers and event ids (G3).
 */
import type { ColumnType, Generated } from "kysely";
import type {
  ChatId,
  FileId,
  GroupFolder,
  InboxId,
  OutboxId,
  SenderId,
  SessionId,
  TurnId,
} from "../core/ids.ts";
import type { BudgetId } from "../core/budget.ts";
import type { ButtonId } from "../core/button.ts";
import type { EventId } from "../core/events.ts";
import type { ApprovalId, EffectName, GrantId } from "../core/trust.ts";
import type { OccurrenceId, OccurrenceState, Task, TaskId } from "../core/task.ts";

/** Set once, never updated. */
type Fixed<T> = ColumnType<T, T, never>;

export interface GroupsTable {
  id: Generated<number>;
  folder: Fixed<GroupFolder>;
  created_at: Fixed<number>;
  /** What was chosen for it while we ran, as JSON (store/group-settings.ts); null: all is as configured. */
  chosen: string | null;
  /** 1: made while we ran, not by the configuration. */
  made: Generated<number>;
  /** 1: its folder and its engine's home were writable while something tainted was at work (design 4). */
  tainted: Generated<number>;
  /** 1: made for somebody who was let in, not by the configuration. */
  guest: Generated<number>;
}

export interface ChatsTable {
  id: Fixed<ChatId>;
  channel: Fixed<string>;
  account: Fixed<string>;
  native: Fixed<string>;
  group_id: number;
  title: string | null;
  /** A conversation of one person with the assistant alone. */
  direct: Generated<number>;
  /** What waits as context is not older than this number: what is was left out, or said in front of another group. */
  context_from: Generated<number>;
  /** The sequence number that the next accepted row of this chat gets (G3). */
  next_seq: number;
  /**
   * `waiting`: known only so that we can write to it; nothing of it is read, and `group_id` is the group that
   * is made for it if it is let in. `entering`: let in, and what was held of it is being admitted.
   */
  standing: Generated<"open" | "waiting" | "entering">;
  /** The chat that it is a thread of. */
  thread_of: Generated<ChatId | null>;
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
  /** Of a reaction the emoji is the text; of a `button` that was pressed, the command that it stands for. */
  kind: Fixed<"message" | "edit" | "delete" | "reaction" | "button">;
  version: Fixed<number>;
  sender_id: Fixed<SenderId>;
  sender_name: Fixed<string>;
  sender_role: Fixed<"owner" | "admin" | "member" | "stranger">;
  /** What the agent reads. */
  text: string;
  reply_to: Fixed<string | null>;
  /** The part of the message in `reply_to` that its sender chose to quote. */
  quote: Fixed<string | null>;
  /** Whose words these are, where the sender has only handed them on; empty: the platform does not say. */
  forwarded: Fixed<string | null>;
  /** What admission decided and why: what `/why` prints. An edit or a deletion may change it while it waits. */
  verdict: "admitted" | "noted" | "refused";
  reason: string;
  tainted: Fixed<number>;
  state: InboxState;
  /** The turn that answers it; of a `note`, the turn that it rode along with as context. */
  turn_id: TurnId | null;
  /** 1: a `note` that waits to ride along with the next message that triggers; see `context_from` of its chat. */
  context: Generated<number>;
  /** What it is where it is no text: `location`, `poll`, … */
  non_text: Fixed<string | null>;
  sender_bot: Generated<number>;
  /** 1: a command of the engine's own, to be given as it is, without a host block. */
  engine_command: Generated<number>;
  /** Of a chat command that the host itself answers: its name. `session_id` is what it was said about. */
  command: Generated<string | null>;
  sent_at: Fixed<number | null>;
  accepted_at: Fixed<number>;
  /**
   * Whether plugins have looked at it; null where none is to. While it is `waiting` or `held` it is a `note`
   * that is no context, and nothing that came later in its chat is before a turn (store/hooked-inbox.ts).
   */
  hooks: Generated<"waiting" | "held" | "done" | "dropped" | null>;
  /** What they made of it, as JSON (core/hooked.ts). */
  hooked: Generated<string | null>;
  /** What was written, where a plugin has put another `text` in its place. */
  written: Generated<string | null>;
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
  /** How long the engine's transcript was when the position was stored: one that is shorter was cut. */
  transcript_bytes: Generated<number | null>;
  /** 1: the conversation before it was lost or cannot be read, so it begins with a recap. */
  recap: Generated<number>;
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
  /** Of a `background` turn: what ended, in words for the agent. */
  cause: Generated<string | null>;
  /** While it waits: the provider that must take our credential again before it is tried (no `retry_at`). */
  held_for: Generated<string | null>;
  /** How many messages of context were left out because they would have been too many. */
  context_left_out: Generated<number>;
  created_at: Fixed<number>;
  started_at: number;
  ended_at: number | null;
  /** A failed one that somebody has looked at (`bellhop dead drop`) or tried again. */
  dropped_at: Generated<number | null>;
  tainted: Generated<number>;
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
  /** `draft`: the beginning of an answer, sent to be edited while it grows. Its answer `replaces` it. */
  kind: ColumnType<
    "text" | "notice" | "reaction" | "file" | "draft",
    "text" | "notice" | "reaction" | "file" | "draft",
    "notice"
  >;
  /** Order within the chat. */
  seq: Fixed<number>;
  text: string;
  file_id: Generated<FileId | null>;
  sender_name: Fixed<string | null>;
  reply_to: Fixed<string | null>;
  /** What it reads instead of `text` where its buttons are shown; null: it has none. */
  with_buttons: Generated<string | null>;
  /** The message that this one is to be edited into: a draft; of a row without a turn, the one that it amends. */
  replaces: Generated<OutboxId | null>;
  state: OutboxState;
  attempts: Generated<number>;
  /** Attempts of which nobody knows whether they arrived: what G14 judges by. */
  uncertain: Generated<number>;
  due_at: number;
  first_sent_at: Generated<number | null>;
  platform_id: string | null;
  error: string | null;
  created_at: Fixed<number>;
  settled_at: number | null;
  /** An undelivered one that somebody has looked at (`bellhop dead drop`). */
  dropped_at: Generated<number | null>;
  /** What plugins made of it before it was first sent, as JSON (core/hooked.ts); null where none has seen it. */
  hooked: Generated<string | null>;
}

/** A button that was sent, and the chat command that whoever presses it gives. */
export interface ButtonsTable {
  id: Fixed<ButtonId>;
  outbox_id: Fixed<OutboxId>;
  chat_id: Fixed<ChatId>;
  /** Their order below the message. */
  place: Fixed<number>;
  label: Fixed<string>;
  command: Fixed<string>;
  expires_at: Fixed<number>;
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

/** What people sent, and what agents send. `coming`: admitted, not fetched yet. `stub`: never will be; why. */
export interface FilesTable {
  id: Fixed<FileId>;
  group_id: Fixed<number>;
  /** The message that it came with; none yet where it was handed over before. */
  inbox_id: InboxId | null;
  /** The turn that sends it. */
  turn_id: Fixed<TurnId | null>;
  /** Safe as the name of a file. */
  name: string;
  type: string;
  bytes: number;
  sha256: string | null;
  /** Below `media/`. */
  path: string | null;
  state: "coming" | "stored" | "stub";
  reason: string | null;
  created_at: Fixed<number>;
}

/** What an agent's tools have done in a turn, so that a second attempt does not do it again (G11). */
export interface JournalTable {
  turn_id: Fixed<TurnId>;
  tool_use_id: Fixed<string>;
  tool: Fixed<string>;
  /** JSON. */
  input: Fixed<string>;
  /** Of a call that was recorded as begun, it changes once more. */
  result: string;
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
  /** Whose message began the turn; null where none did. */
  sender_id: Fixed<SenderId | null>;
  /** Of a run of a task. */
  task_id: Fixed<TaskId | null>;
}

/** A budget's other limit, until its day or month ends. Null: not bounded by that measure. */
export interface BudgetLiftsTable {
  budget: Fixed<BudgetId>;
  /** `2026-11-26` or `2026-11`. */
  period: Fixed<string>;
  micros: number | null;
  tokens: number | null;
  until: Fixed<number>;
}

/**
 * What is to be done at set times. `due_at` is set exactly while it is active and has a time to come: it is
 * that time, `next_at`, with its jitter.
 */
export interface TasksTable {
  id: Fixed<TaskId>;
  group_id: Fixed<number>;
  /** Where it answers. */
  chat_id: ChatId;
  prompt: string;
  script: string | null;
  gate: string | null;
  gate_failure: Task["gateFailure"];
  kind: Task["schedule"]["kind"];
  /** Of a cron task: its fields. */
  cron: string | null;
  /** Of an interval task. Its times are `anchor` + k × `every_ms` (G19). */
  every_ms: number | null;
  /** Of one that runs once: its time. */
  anchor: number | null;
  /** IANA name (G20). */
  timezone: string;
  context: Task["context"];
  model: string | null;
  effort: Task["effort"];
  announce: number;
  misfire: Task["misfire"];
  overlap: Task["overlap"];
  retries: number;
  at_most_once: number;
  ends_at: number | null;
  max_runs: number | null;
  jitter_ms: number;
  timeout_ms: number | null;
  max_tokens: number | null;
  max_micros: number | null;
  state: Task["state"];
  note: string | null;
  next_at: number | null;
  due_at: number | null;
  /** The high-water mark: no time up to this one fires any more (G21). */
  last_at: number;
  /** The version of the zone data by which `next_at` was found. */
  zone_data: string;
  fired: Generated<number>;
  failures: Generated<number>;
  /** Counts every change: who planned by an older one has planned for nothing. */
  revision: Generated<number>;
  created_by: Fixed<string>;
  created_at: Fixed<number>;
  updated_at: number;
  /** 1: a tainted turn has made or changed it. Its runs are tainted. */
  tainted: Generated<number>;
}

/** One time of a task, or one run by hand, and what became of it. `ended_at` is set in the last five states. */
export interface OccurrencesTable {
  id: Fixed<OccurrenceId>;
  task_id: Fixed<TaskId>;
  /** Where its turn is to be; none of what was skipped or missed. */
  session_id: SessionId | null;
  scheduled_for: Fixed<number>;
  manual: Fixed<number>;
  /** How many times were missed that are counted with this one. */
  missed: Fixed<number>;
  state: OccurrenceState;
  reason: string | null;
  turn_id: TurnId | null;
  /** What its gate said, as JSON: kept for its later attempts. */
  gate_said: Generated<string | null>;
  result: Generated<string | null>;
  created_at: Fixed<number>;
  started_at: Generated<number | null>;
  ended_at: number | null;
}

/** Who did what, or was refused it. A chain to which rows are only added (store/audit.ts). */
export interface AuditTable {
  /** 1, 2, 3, … without gaps. */
  id: Fixed<number>;
  at: Fixed<number>;
  /** In words: `the owner`, `the agent of family`, … */
  actor: Fixed<string>;
  group_id: Fixed<number | null>;
  action: Fixed<string>;
  /** `task:ID`, or `task` where it has none. */
  subject: Fixed<string>;
  /** `begun`: it is about to be done; its end is another row. */
  phase: Fixed<"begun" | "done">;
  /** Of an end: the row of its beginning. */
  begun: Fixed<number | null>;
  allowed: Fixed<number>;
  detail: Fixed<string>;
  /** SHA-256 over the hash of the row before and what stands in this one. */
  hash: Fixed<string>;
}

/** Why a group is tainted. Once per cause, until an owner clears it. */
export interface TaintsTable {
  id: Generated<number>;
  group_id: Fixed<number>;
  /** The conversation that it came in by; null where it was none. */
  session_id: Fixed<SessionId | null>;
  cause: Fixed<string>;
  at: Fixed<number>;
  cleared_at: number | null;
}

/** What lay in a group's folders when they were last clean, as JSON (policy/snapshot.ts). */
export interface FolderSnapshotsTable {
  group_id: Fixed<number>;
  at: number;
  files: string;
}

/** What owners were asked. `approved` is not used yet; `used`, `denied` and `expired` are final. */
export interface ApprovalsTable {
  id: Fixed<ApprovalId>;
  /** `question`: one whose answer may hold for longer than once. */
  kind: Fixed<"approval" | "question">;
  /** Of the action and of who may do it: an approval holds for exactly this. */
  hash: Fixed<string>;
  session_id: Fixed<SessionId>;
  group_id: Fixed<number>;
  /** The chat in which the agent was at work: no place to approve it in. */
  chat_id: Fixed<ChatId>;
  effect: Fixed<EffectName>;
  target: Fixed<string>;
  words: Fixed<string>;
  /** JSON. */
  detail: Fixed<string>;
  /** JSON: what may be answered. */
  choices: Fixed<string>;
  state: "waiting" | "approved" | "denied" | "used" | "expired";
  choice: "once" | "group" | "never" | null;
  asked_at: Fixed<number>;
  expires_at: number;
  decided_at: number | null;
  decided_by: string | null;
  used_at: number | null;
}

/** What an owner has approved beforehand (or, with `never`, refused). */
export interface GrantsTable {
  id: Fixed<GrantId>;
  group_id: Fixed<number>;
  /** Only for the runs of this task. */
  task_id: Fixed<TaskId | null>;
  effect: Fixed<EffectName>;
  /** A pattern: `*` stands for anything. */
  target: Fixed<string>;
  never: Fixed<number>;
  /** In all. */
  max_uses: Fixed<number | null>;
  /** Within any 24 hours. */
  per_day: Fixed<number | null>;
  ends_at: Fixed<number | null>;
  created_at: Fixed<number>;
  created_by: Fixed<string>;
  revoked_at: number | null;
  revoked_by: string | null;
}

export interface GrantUsesTable {
  id: Generated<number>;
  grant_id: Fixed<GrantId>;
  turn_id: Fixed<TurnId>;
  target: Fixed<string>;
  at: Fixed<number>;
}

/** What an owner has allowed or denied on the network, by command or by answering a question. */
export interface EgressRulesTable {
  id: Generated<number>;
  /** Null: for every group. */
  group_id: Fixed<number | null>;
  host: Fixed<string>;
  port: Fixed<number | null>;
  /** Separated by commas. */
  methods: Fixed<string | null>;
  path: Fixed<string | null>;
  action: Fixed<"allow" | "deny">;
  write: Fixed<number>;
  /** The address that the host had, or was given, when it was allowed though it is not public. */
  pin: Fixed<string | null>;
  created_by: Fixed<string>;
  created_at: Fixed<number>;
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

/** What the owner said of somebody; for owners and admins beside the configuration. */
export interface SendersTable {
  id: Fixed<SenderId>;
  standing: "owner" | "allowed" | "denied";
  name: string;
  decided_by: string;
  decided_at: number;
}

/** A chat in which somebody wrote, and which no group has. Of what was said, nothing. */
export interface SeenChatsTable {
  id: Fixed<ChatId>;
  title: string | null;
  /** Who wrote there last. */
  sender_id: SenderId;
  sender_name: string;
  /** How many came, as far as they were counted. */
  messages: number;
  last_at: number;
}

/** Somebody who is known by several ids; who has only one is not here. */
export interface PeopleTable {
  id: Generated<number>;
  name: string;
  created_at: Fixed<number>;
}

/** In the order in which they were linked: the first stands for the person where one id has to. */
export interface PersonSendersTable {
  id: Generated<number>;
  sender_id: Fixed<SenderId>;
  person_id: number;
  linked_at: Fixed<number>;
}

/** A code that was given out: `owner`, by `bellhop pair`, `stranger`, to somebody who wrote to us. */
export interface PairingsTable {
  id: Generated<number>;
  kind: Fixed<"owner" | "stranger">;
  code_hash: Fixed<string>;
  /** Of a stranger; of an owner's code that was used, where. */
  chat_id: ChatId | null;
  sender_id: SenderId | null;
  sender_name: string | null;
  state: "pending" | "used" | "denied" | "expired";
  created_at: Fixed<number>;
  expires_at: Fixed<number>;
}

/** Wrong codes, by the chat that they came from; `desk`: the owner's own. */
export interface CodeTriesTable {
  id: Generated<number>;
  place: Fixed<string>;
  at: Fixed<number>;
}

/** What somebody wrote who waits to be let in: an `Inbound` as JSON, under its dedupe key (G2). */
export interface HeldTable {
  id: Generated<number>;
  chat_id: Fixed<ChatId>;
  platform_id: Fixed<string>;
  kind: Fixed<"message" | "edit" | "delete">;
  version: Fixed<number>;
  inbound: Fixed<string>;
  held_at: Fixed<number>;
}

/** The key-value store of each plugin: JSON. */
export interface PluginStateTable {
  plugin: Fixed<string>;
  key: Fixed<string>;
  value: string;
  at: number;
}

export interface Database {
  senders: SendersTable;
  seen_chats: SeenChatsTable;
  people: PeopleTable;
  person_senders: PersonSendersTable;
  pairings: PairingsTable;
  code_tries: CodeTriesTable;
  held: HeldTable;
  groups: GroupsTable;
  chats: ChatsTable;
  inbox: InboxTable;
  sessions: SessionsTable;
  turns: TurnsTable;
  outbox: OutboxTable;
  buttons: ButtonsTable;
  events: EventsTable;
  files: FilesTable;
  journal: JournalTable;
  cursors: CursorsTable;
  usage: UsageTable;
  budget_lifts: BudgetLiftsTable;
  tokens: TokensTable;
  tasks: TasksTable;
  occurrences: OccurrencesTable;
  audit: AuditTable;
  taints: TaintsTable;
  folder_snapshots: FolderSnapshotsTable;
  approvals: ApprovalsTable;
  grants: GrantsTable;
  grant_uses: GrantUsesTable;
  egress_rules: EgressRulesTable;
  plugin_state: PluginStateTable;
}
