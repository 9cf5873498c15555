/**
 * The OpenAPI 3.1 document of the API. Bodies come from the schemas that the routes parse with; a test
 * holds this list against the routes, and docs/openapi.json against this.
 */
import { z } from "zod";
import { CHANNELS } from "./openapi/channels.ts";
import { CHATS } from "./openapi/chats.ts";
import { GROUPS } from "./openapi/groups.ts";
import { HOST } from "./openapi/host.ts";
import type { Answer, Operation } from "./openapi/operation.ts";
import { TASKS } from "./openapi/tasks.ts";
import { TRUST } from "./openapi/trust.ts";
import { GroupChange } from "../config/sections.ts";
import { ChatEvent, SharedFile } from "../core/events.ts";
import { NumberedStep } from "../core/connect.ts";
import { OpenedDeadLetter } from "../core/dead.ts";
import { BudgetState } from "../core/budget.ts";
import { Grant, NewGrant, TaintReport } from "../core/trust.ts";
import { Status } from "../core/status.ts";
import { SecretTrial } from "../core/secret-trial.ts";
import { NewTask, Occurrence, OpenedTask, Task, TaskChange } from "../core/task.ts";
import { BudgetLift, UsageReport } from "../core/usage.ts";
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
  BegunAttempt,
  BoundChat,
  ChannelList,
  Chat,
  ChatBinding,
  ChatList,
  ConnectAnswer,
  CreatedChat,
  CreatedToken,
  DeadLetterPage,
  Disconnected,
  DisconnectRequest,
  DeadRetry,
  DeniedSender,
  EgressRuleList,
  EventPage,
  Explained,
  GrantList,
  Group,
  GroupChats,
  GroupList,
  Halted,
  LoginCode,
  NewChat,
  NewEgressRule,
  NewGroup,
  NewLink,
  NewMessage,
  NewPause,
  NewToken,
  OccurrencePage,
  PairingCode,
  Person,
  PersonList,
  PlacedEgressRule,
  RemovedGroup,
  Resumed,
  SecretTest,
  SenderList,
  SenderNamed,
  TaskList,
  Token,
  TokenList,
  UnboundChat,
  UnregisteredList,
} from "./schemas.ts";

/** By the names under which the document has them. */
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
  BegunAttempt,
  BoundChat,
  BudgetLift,
  BudgetState,
  Chat,
  ChatBinding,
  ChannelList,
  ChatEvent,
  ChatList,
  ConnectAnswer,
  CreatedChat,
  CreatedToken,
  DeadLetterPage,
  DeadRetry,
  DeniedSender,
  Disconnected,
  DisconnectRequest,
  EgressRuleList,
  EventPage,
  Explained,
  Grant,
  GrantList,
  Group,
  GroupChange,
  GroupChats,
  GroupList,
  NewGrant,
  NewGroup,
  NewLink,
  TaintReport,
  Halted,
  LoginCode,
  NewChat,
  NewEgressRule,
  NewMessage,
  NewPause,
  NewTask,
  NewToken,
  NumberedStep,
  Occurrence,
  OccurrencePage,
  OpenedDeadLetter,
  OpenedTask,
  PairingCode,
  Person,
  PersonList,
  PlacedEgressRule,
  Problem,
  RemovedGroup,
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
  UnboundChat,
  UnregisteredList,
  UsageReport,
} as const satisfies Record<string, z.ZodType>;

const OPERATIONS: readonly Operation[] = [...HOST, ...TASKS, ...TRUST, ...CHANNELS, ...CHATS, ...GROUPS];

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
