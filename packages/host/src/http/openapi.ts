/**
 * The OpenAPI 3.1 document of the API. Bodies come from the schemas that the routes parse with; a test
 * holds this list against the routes, and docs/openapi.json against this.
 */
import { z } from "zod";
import { ChatEvent, SharedFile } from "../core/events.ts";
import { OpenedDeadLetter } from "../core/dead.ts";
import { BudgetState } from "../core/budget.ts";
import { Grant, NewGrant, TaintReport } from "../core/trust.ts";
import { Status } from "../core/status.ts";
import { SecretTrial } from "../core/secret-trial.ts";
import { NewTask, Occurrence, OpenedTask, Task, TaskChange } from "../core/task.ts";
import { BudgetLift, UsageBy, UsageReport } from "../core/usage.ts";
import { Problem } from "./problem.ts";
import {
  Accepted,
  AcceptedMessage,
  AnsweredApprovals,
  ApprovalAnswers,
  ApprovalList,
  AuditPage,
  AuditTail,
  AuditVerdict,
  AllowedSender,
  BoundChat,
  Chat,
  ChatBinding,
  ChatList,
  CreatedChat,
  CreatedToken,
  DeadLetterPage,
  DeadRetry,
  DeniedSender,
  EgressRuleList,
  EventPage,
  Explained,
  GrantList,
  Halted,
  LoginCode,
  NewChat,
  NewEgressRule,
  NewMessage,
  NewPause,
  NewToken,
  OccurrencePage,
  PairingCode,
  PlacedEgressRule,
  Resumed,
  SecretTest,
  SenderList,
  SenderNamed,
  TaskList,
  Token,
  TokenList,
  UnregisteredList,
} from "./schemas.ts";

type Access = "none" | "read" | "chat" | "admin" | "control socket";

interface Operation {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly parameters?: readonly object[];
  /** JSON of this form, or bytes as they are. */
  readonly body?: z.ZodType | "bytes";
  readonly answers: Readonly<Record<number, Answer>>;
}
type Answer = { readonly description: string; readonly type?: string; readonly schema?: z.ZodType };

const SCHEMAS = {
  Accepted,
  AcceptedMessage,
  AnsweredApprovals,
  ApprovalAnswers,
  ApprovalList,
  AuditPage,
  AuditTail,
  AuditVerdict,
  AllowedSender,
  BoundChat,
  BudgetLift,
  BudgetState,
  Chat,
  ChatBinding,
  ChatEvent,
  ChatList,
  CreatedChat,
  CreatedToken,
  DeadLetterPage,
  DeadRetry,
  DeniedSender,
  EgressRuleList,
  EventPage,
  Explained,
  Grant,
  GrantList,
  NewGrant,
  TaintReport,
  Halted,
  LoginCode,
  NewChat,
  NewEgressRule,
  NewMessage,
  NewPause,
  NewTask,
  NewToken,
  Occurrence,
  OccurrencePage,
  OpenedDeadLetter,
  OpenedTask,
  PairingCode,
  PlacedEgressRule,
  Problem,
  SenderList,
  SenderNamed,
  SharedFile,
  Resumed,
  SecretTest,
  SecretTrial,
  Status,
  Task,
  TaskChange,
  TaskList,
  Token,
  TokenList,
  UnregisteredList,
  UsageReport,
} as const satisfies Record<string, z.ZodType>;

const text = { type: "string" };
const eventId = { type: "integer", minimum: 0 };
const chat = {
  name: "chat",
  in: "path",
  required: true,
  description: "Address of the chat, percent-encoded: `web%3Amain`.",
  schema: text,
};
const before = {
  name: "before",
  in: "query",
  description: "Only events older than this one.",
  schema: eventId,
};
const after = {
  name: "after",
  in: "query",
  description: "Only events newer than this one.",
  schema: eventId,
};
const limit = {
  name: "limit",
  in: "query",
  schema: { type: "integer", minimum: 1, maximum: 500, default: 50 },
};
const deadLetter = { name: "id", in: "path", required: true, description: "Of the list.", schema: text };
const task = {
  name: "id",
  in: "path",
  required: true,
  description: "Its id, or a beginning of it that fits only one task.",
  schema: text,
};
const group = { name: "group", in: "path", required: true, description: "Its folder's name.", schema: text };
const NO_GROUP: Answer = { description: "There is no such group.", schema: Problem };
const NO_TASK: Answer = { description: "No such task.", schema: Problem };
const SEVERAL: Answer = {
  description: "It names several tasks, or cannot be as the task stands.",
  schema: Problem,
};
const lastEventId = {
  name: "Last-Event-ID",
  in: "header",
  description: "Replays what came after this event; goes before `after`.",
  schema: eventId,
};

const STREAM = [
  "Server-sent events: `event` is `message`, `turn`, `delta` or `activity`, `data` a ChatEvent as JSON,",
  "`id` is there on durable events (`message`, `turn`) only. Without `Last-Event-ID` or `after` it begins now.",
  "After the replay comes a snapshot of live turns (a `delta` with `reset`). A comment each 15 s keeps it alive.",
].join("\n");
const stream: Operation["answers"] = {
  200: { description: "The stream.", type: "text/event-stream", schema: ChatEvent },
};

const OPERATIONS: readonly Operation[] = [
  {
    method: "get",
    path: "/healthz",
    summary: "Whether the server answers",
    access: "none",
    answers: { 200: { description: "`ok`", type: "text/plain" } },
  },
  {
    method: "get",
    path: "/api/v1/openapi.json",
    summary: "This document",
    access: "none",
    answers: { 200: { description: "OpenAPI 3.1", type: "application/json" } },
  },
  {
    method: "get",
    path: "/api/v1/status",
    summary: "What the host does just now",
    access: "read",
    answers: { 200: { description: "The status.", schema: Status } },
  },
  {
    method: "post",
    path: "/api/v1/shutdown",
    summary: "Drain and exit",
    description: "Nothing new starts; live turns finish, then the host exits.",
    access: "admin",
    answers: { 202: { description: "The drain has begun.", schema: Accepted } },
  },
  {
    method: "post",
    path: "/api/v1/host/pause",
    summary: "The emergency stop",
    description:
      "Kills every sandbox, sends nothing more, starts nothing more, until it is resumed; a restart does not end it. " +
      "What people write is still accepted.",
    access: "admin",
    body: NewPause,
    answers: { 200: { description: "Every sandbox is gone.", schema: Halted } },
  },
  {
    method: "post",
    path: "/api/v1/host/resume",
    summary: "End the emergency stop",
    access: "admin",
    answers: { 200: { description: "It goes on with what waits.", schema: Resumed } },
  },
  {
    method: "get",
    path: "/api/v1/dead",
    summary: "What was given up",
    description:
      "Turns that failed for good and messages that could not be delivered, until they are tried again or dropped.",
    access: "admin",
    parameters: [
      {
        name: "before",
        in: "query",
        description: "Only those that stand after this one in the list.",
        schema: text,
      },
      limit,
    ],
    answers: { 200: { description: "Newest first.", schema: DeadLetterPage } },
  },
  {
    method: "get",
    path: "/api/v1/dead/{id}",
    summary: "One of them, whole",
    access: "admin",
    parameters: [deadLetter],
    answers: {
      200: { description: "With what was asked, or was to be said.", schema: OpenedDeadLetter },
      404: { description: "No such one.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/dead/{id}/retry",
    summary: "Try it again",
    description: "A turn is answered anew, as a new turn; a message is sent anew.",
    access: "admin",
    parameters: [deadLetter],
    body: DeadRetry,
    answers: {
      200: { description: "It is tried again.", schema: Accepted },
      404: { description: "No such one.", schema: Problem },
      409: { description: "It cannot be tried again, or not without `force`.", schema: Problem },
    },
  },
  {
    method: "delete",
    path: "/api/v1/dead/{id}",
    summary: "Drop it",
    description: "Nothing is deleted; it is spoken of no more.",
    access: "admin",
    parameters: [deadLetter],
    answers: {
      200: { description: "It is dropped.", schema: Accepted },
      404: { description: "No such one.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/usage",
    summary: "What was used of models, and how the budgets stand",
    description: "See docs/budgets.md.",
    access: "read",
    parameters: [
      {
        name: "by",
        in: "query",
        description: "What each row is for.",
        schema: { type: "string", enum: UsageBy.options, default: "day" },
      },
      {
        name: "since",
        in: "query",
        description: "A day such as `2026-11-01`, or a number of days such as `7d`; without it, this month.",
        schema: text,
      },
    ],
    answers: { 200: { description: "Sums, and budgets.", schema: UsageReport } },
  },
  {
    method: "post",
    path: "/api/v1/usage/lift",
    summary: "Another limit for a budget, until its day or month ends",
    description: "Without `usd` and `tokens`: twice what is configured. It is recorded in the audit.",
    access: "admin",
    body: BudgetLift,
    answers: {
      200: { description: "How the budget stands now.", schema: BudgetState },
      409: { description: "It has no limit, or there is no such task.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/tasks",
    summary: "The tasks",
    description: "Those that are active or paused; with `all` also those that are done or cancelled.",
    access: "admin",
    parameters: [
      { name: "group", in: "query", description: "Only those of this group.", schema: text },
      { name: "all", in: "query", schema: { type: "boolean", default: false } },
    ],
    answers: { 200: { description: "The tasks.", schema: TaskList } },
  },
  {
    method: "post",
    path: "/api/v1/tasks",
    summary: "A new task",
    description:
      "Exactly one of `cron`, `every` and `at`, and a `prompt` or a `script`; the rest has defaults. See docs/tasks.md.",
    access: "admin",
    body: NewTask,
    answers: {
      201: { description: "The task, with its next times.", schema: OpenedTask },
      409: { description: "It cannot be, and why.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/tasks/{id}",
    summary: "One task, with what people want to know of it",
    access: "admin",
    parameters: [task],
    answers: {
      200: { description: "With its next times and its latest runs.", schema: OpenedTask },
      404: NO_TASK,
      409: SEVERAL,
    },
  },
  {
    method: "patch",
    path: "/api/v1/tasks/{id}",
    summary: "Change a task",
    description: "What is not named stays as it is; null takes away. It keeps its id and its history.",
    access: "admin",
    parameters: [task],
    body: TaskChange,
    answers: {
      200: { description: "The task as it is now.", schema: OpenedTask },
      404: NO_TASK,
      409: SEVERAL,
    },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/pause",
    summary: "Pause a task",
    description: "Until it is resumed it does not run by its schedule.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It is paused.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/resume",
    summary: "Go on with a paused task",
    description: "From now on; nothing is made up for.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It goes on.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/cancel",
    summary: "End a task for good",
    description: "Its history is kept for a while.",
    access: "admin",
    parameters: [task],
    answers: { 200: { description: "It is cancelled.", schema: OpenedTask }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/tasks/{id}/run",
    summary: "Run a task now",
    description: "Beside its schedule, which stays as it is.",
    access: "admin",
    parameters: [task],
    answers: {
      200: { description: "The run, which waits for its turn.", schema: Occurrence },
      404: NO_TASK,
      409: { description: "It names several tasks, or a run of it is open.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/tasks/{id}/history",
    summary: "What became of each of its times",
    access: "admin",
    parameters: [
      task,
      {
        name: "before",
        in: "query",
        description: "Only those that stand after this one in the list.",
        schema: text,
      },
      limit,
    ],
    answers: { 200: { description: "Newest first.", schema: OccurrencePage }, 404: NO_TASK, 409: SEVERAL },
  },
  {
    method: "post",
    path: "/api/v1/secrets/{name}/test",
    summary: "Try a secret",
    description: "Gets its value anew, and says whether there is one. The value is never told.",
    access: "admin",
    parameters: [{ name: "name", in: "path", required: true, description: "Its name.", schema: text }],
    body: SecretTest,
    answers: {
      200: { description: "What came of it.", schema: SecretTrial },
      409: {
        description: "No such secret, or it is not bound to the address, or no answer.",
        schema: Problem,
      },
    },
  },
  {
    method: "get",
    path: "/api/v1/taint/{group}",
    summary: "What has tainted a group, and what changed in its folders since",
    access: "admin",
    parameters: [group],
    answers: { 200: { description: "The report.", schema: TaintReport }, 409: NO_GROUP },
  },
  {
    method: "delete",
    path: "/api/v1/taint/{group}",
    summary: "Clear a group's folders of taint",
    description:
      "You have seen what changed. Its idle sandboxes are closed. Conversations stay tainted until /new.",
    access: "admin",
    parameters: [group],
    answers: {
      200: { description: "What is left.", schema: TaintReport },
      409: { description: "There is no such group, or an answer is under way in it.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/approvals",
    summary: "What agents asked for and owners have not answered",
    description: "With `all` also the last that were answered. A login to the web chat is enough.",
    access: "admin",
    parameters: [{ name: "all", in: "query", schema: { type: "boolean", default: false } }],
    answers: { 200: { description: "Oldest first.", schema: ApprovalList } },
  },
  {
    method: "post",
    path: "/api/v1/approvals",
    summary: "Answer them",
    description:
      "`once`, `deny`, and where the question offers it `group` or `never`. A login to the web chat is enough.",
    access: "admin",
    body: AnsweredApprovals,
    answers: {
      200: { description: "What became of each.", schema: ApprovalAnswers },
      409: { description: "It cannot be answered so.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/grants",
    summary: "What is granted beforehand",
    description: "With `all` also what was revoked or has ended.",
    access: "admin",
    parameters: [
      { name: "group", in: "query", description: "Only those of this group.", schema: text },
      { name: "all", in: "query", schema: { type: "boolean", default: false } },
    ],
    answers: { 200: { description: "Oldest first.", schema: GrantList } },
  },
  {
    method: "post",
    path: "/api/v1/grants",
    summary: "Grant something beforehand",
    description: "To a group, or to one task of it. See docs/trust.md.",
    access: "admin",
    body: NewGrant,
    answers: {
      201: { description: "The grant.", schema: Grant },
      409: { description: "There is no such group or task, or its end lies in the past.", schema: Problem },
    },
  },
  {
    method: "delete",
    path: "/api/v1/grants/{id}",
    summary: "Revoke a grant",
    access: "admin",
    parameters: [{ name: "id", in: "path", required: true, schema: text }],
    answers: {
      200: { description: "It allows nothing any more.", schema: Accepted },
      409: { description: "There is no such grant that is in force.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/policy/explain",
    summary: "What would become of an action, and why",
    access: "admin",
    parameters: [
      { name: "group", in: "query", required: true, schema: text },
      {
        name: "action",
        in: "query",
        required: true,
        description: "`send chat:telegram:7`, `schedule group:family`, `fetch host:example.com:443`.",
        schema: text,
      },
    ],
    answers: {
      200: { description: "The verdict.", schema: Explained },
      409: { description: "It is no action, or there is no such group.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/audit",
    summary: "The audit, oldest first",
    access: "admin",
    parameters: [
      { name: "after", in: "query", description: "Only rows after this one.", schema: eventId },
      limit,
    ],
    answers: { 200: { description: "The rows.", schema: AuditPage } },
  },
  {
    method: "get",
    path: "/api/v1/audit/tail",
    summary: "The newest rows of the audit, and its head",
    access: "admin",
    parameters: [limit],
    answers: { 200: { description: "The rows.", schema: AuditTail } },
  },
  {
    method: "get",
    path: "/api/v1/audit/verify",
    summary: "Whether every row of the audit is as it was written",
    description:
      "With `id` and `hash` of a row that was kept elsewhere, also whether anything was cut off since.",
    access: "admin",
    parameters: [
      { name: "id", in: "query", schema: eventId },
      { name: "hash", in: "query", schema: text },
    ],
    answers: { 200: { description: "The verdict.", schema: AuditVerdict } },
  },
  {
    method: "get",
    path: "/api/v1/senders",
    summary: "Who waits to be let in, and who was let in or turned away",
    access: "admin",
    answers: { 200: { description: "The senders.", schema: SenderList } },
  },
  {
    method: "post",
    path: "/api/v1/senders/allow",
    summary: "Let somebody in",
    description:
      "What was held of them is answered, in a group of their own. Whoever did not write yet is let in when they do.",
    access: "admin",
    body: SenderNamed,
    answers: {
      200: { description: "They are let in.", schema: AllowedSender },
      409: { description: "It names nobody.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/senders/deny",
    summary: "Turn somebody away",
    description: "What was held of them is dropped. Who was made an owner by a code is one no longer.",
    access: "admin",
    body: SenderNamed,
    answers: {
      200: { description: "They are turned away.", schema: DeniedSender },
      409: { description: "It names nobody, or an owner of the configuration.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/senders/pair",
    summary: "A code that makes whoever sends it an owner",
    description:
      "Good once, for an hour, from any chat of a platform. One that was not used is void from now on.",
    access: "admin",
    answers: { 200: { description: "The code.", schema: PairingCode } },
  },
  {
    method: "get",
    path: "/api/v1/chats",
    summary: "All chats",
    access: "read",
    answers: { 200: { description: "The chats.", schema: ChatList } },
  },
  {
    method: "post",
    path: "/api/v1/chats",
    summary: "A new web chat",
    access: "chat",
    body: NewChat,
    answers: { 201: { description: "It exists.", schema: CreatedChat } },
  },
  {
    method: "put",
    path: "/api/v1/chats/{chat}",
    summary: "Register a chat with a group",
    description:
      "Whichever group it belonged to before. What is written in a chat of a platform is taken from now on.",
    access: "admin",
    parameters: [chat],
    body: ChatBinding,
    answers: { 200: { description: "It belongs to the group.", schema: BoundChat } },
  },
  {
    method: "get",
    path: "/api/v1/unregistered-chats",
    summary: "Chats in which somebody wrote since the start, and which no group has",
    access: "admin",
    answers: { 200: { description: "The chats.", schema: UnregisteredList } },
  },
  {
    method: "get",
    path: "/api/v1/egress/rules",
    summary: "What owners have allowed and denied on the network",
    access: "admin",
    answers: { 200: { description: "The rules, oldest first.", schema: EgressRuleList } },
  },
  {
    method: "post",
    path: "/api/v1/egress/rules",
    summary: "Allow or deny a host",
    description: "It holds at once. The same rule again is the one that is there.",
    access: "admin",
    body: NewEgressRule,
    answers: { 201: { description: "The rule.", schema: PlacedEgressRule } },
  },
  {
    method: "delete",
    path: "/api/v1/egress/rules/{id}",
    summary: "Take a rule back",
    access: "admin",
    parameters: [
      { name: "id", in: "path", required: true, description: "The number of the rule.", schema: text },
    ],
    answers: { 200: { description: "It is gone.", schema: PlacedEgressRule } },
  },
  {
    method: "post",
    path: "/api/v1/chats/{chat}/messages",
    summary: "Write a message",
    description:
      "Answers once the message is on disk. Chats of `web:` and `terminal:` come into being by writing to them.",
    access: "chat",
    parameters: [chat],
    body: NewMessage,
    answers: {
      201: { description: "Accepted.", schema: AcceptedMessage },
      200: { description: "This `id` had been accepted before.", schema: AcceptedMessage },
      404: { description: "No such chat.", schema: Problem },
      409: { description: "A file is not there, or was attached before.", schema: Problem },
      413: { description: "More than 1 MiB of text.", schema: Problem },
      503: { description: "The host takes nothing just now; see Retry-After.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/chats/{chat}/messages",
    summary: "Read a chat's events",
    description:
      "Without `after`: the newest, or the newest before `before`. With `after`: the oldest after it.",
    access: "read",
    parameters: [chat, before, after, limit],
    answers: {
      200: { description: "Messages and turns.", schema: EventPage },
      404: { description: "No such chat.", schema: Problem },
    },
  },
  {
    method: "post",
    path: "/api/v1/chats/{chat}/files",
    summary: "Hand over a file",
    description:
      "The body is the file as it is. Its id is for `files` of one message of this chat; without one it is removed after a day.",
    access: "chat",
    parameters: [
      chat,
      { name: "name", in: "query", required: true, description: "What the file is called.", schema: text },
    ],
    body: "bytes",
    answers: {
      201: { description: "It is on disk.", schema: SharedFile },
      404: { description: "No such chat.", schema: Problem },
      413: {
        description: "Larger than `limits.fileMb`, or no room is left in `limits.mediaMb`.",
        schema: Problem,
      },
    },
  },
  {
    method: "get",
    path: "/api/v1/files/{file}",
    summary: "Read a file",
    access: "read",
    parameters: [{ name: "file", in: "path", required: true, description: "Its id.", schema: text }],
    answers: {
      200: { description: "Its content, as what it is by its content.", type: "application/octet-stream" },
      404: { description: "No such file, or its content is not there.", schema: Problem },
    },
  },
  {
    method: "get",
    path: "/api/v1/chats/{chat}/events",
    summary: "Follow a chat",
    description: STREAM,
    access: "read",
    parameters: [chat, after, lastEventId],
    answers: stream,
  },
  {
    method: "get",
    path: "/api/v1/events",
    summary: "Follow all chats",
    description: STREAM,
    access: "read",
    parameters: [after, lastEventId],
    answers: stream,
  },
  {
    method: "post",
    path: "/api/v1/login-codes",
    summary: "A link that logs a browser in, once",
    access: "control socket",
    answers: { 201: { description: "The code and its link.", schema: LoginCode } },
  },
  {
    method: "post",
    path: "/api/v1/tokens",
    summary: "A new token",
    access: "admin",
    body: NewToken,
    answers: { 201: { description: "The token, shown this once.", schema: CreatedToken } },
  },
  {
    method: "get",
    path: "/api/v1/tokens",
    summary: "Tokens and web logins that are valid",
    access: "admin",
    answers: { 200: { description: "Without their secrets.", schema: TokenList } },
  },
  {
    method: "delete",
    path: "/api/v1/tokens/{id}",
    summary: "Revoke a token or a web login",
    access: "admin",
    parameters: [
      {
        name: "id",
        in: "path",
        required: true,
        description: "At least 8 digits of the token's id.",
        schema: text,
      },
    ],
    answers: {
      200: { description: "It is revoked.", schema: Token },
      404: { description: "No such token.", schema: Problem },
      409: { description: "It names no token, or several.", schema: Problem },
    },
  },
];

/** A plain JSON value: the OpenAPI 3.1 document. */
export function openApiDocument(version: string) {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(SCHEMAS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: (id) => `#/components/schemas/${id}` });

  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describeOperation(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Bellhop",
      version,
      license: { name: "MIT", identifier: "MIT" },
      description: "Write to the assistant, read what was said, follow what happens. See docs/api.md.",
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(schemas).map(([id, schema]) => [
          id,
          { ...schema, $schema: undefined, $id: undefined },
        ]),
      ),
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "See POST /api/v1/tokens." } },
    },
  };
}

function describeOperation({ summary, description, access, parameters, body, answers }: Operation) {
  const told = Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)] as const);
  return {
    summary,
    description: [description, `Scope: ${access}.`].filter((part) => part !== undefined).join("\n\n"),
    ...(access === "none" ? { security: [] } : {}),
    ...(parameters ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: describeBody(body) } } : {}),
    responses: {
      ...Object.fromEntries(told),
      default: describeAnswer({ description: "What is wrong, and how to mend it.", schema: Problem }),
    },
  };
}

function describeBody(body: NonNullable<Operation["body"]>) {
  return body === "bytes"
    ? { "application/octet-stream": {} }
    : { "application/json": { schema: reference(body) } };
}

function describeAnswer({ description, type = "application/json", schema }: Answer) {
  return { description, content: { [type]: schema ? { schema: reference(schema) } : {} } };
}

/** @throws Error for a schema that SCHEMAS does not name: the document would point nowhere */
function reference(schema: z.ZodType) {
  const [name] = Object.entries(SCHEMAS).find(([, known]) => known === schema) ?? [];
  if (name === undefined) throw new Error("an operation uses a schema that has no name");
  return { $ref: `#/components/schemas/${name}` };
}
