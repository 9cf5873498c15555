/** What owners decide: secrets, taint, approvals, grants, the record, senders, chats and the network. */
import { SecretTrial } from "../../core/secret-trial.ts";
import { Grant, NewGrant, TaintReport } from "../../core/trust.ts";
import { Problem } from "../problem.ts";
import {
  Accepted,
  AllowedSender,
  AnsweredApprovals,
  ApprovalAnswers,
  ApprovalList,
  AuditPage,
  AuditTail,
  AuditVerdict,
  ChatList,
  CreatedChat,
  DeniedSender,
  EgressRuleList,
  Explained,
  GrantList,
  NewChat,
  NewEgressRule,
  PairingCode,
  PlacedEgressRule,
  SecretTest,
  SenderList,
  SenderNamed,
} from "../schemas.ts";
import { text, eventId, limit, group, NO_GROUP, type Operation } from "./operation.ts";

export const TRUST: readonly Operation[] = [
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
];
