/** The host's API, as the commands use it: what may be asked, and the shape of each answer. */
import { RejectedError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import { BudgetState } from "../core/budget.ts";
import type { GroupChange, GroupChoices } from "../config/sections.ts";
import { ChatEvent, EventId, MessageEvent, SharedFile, TurnEvent } from "../core/events.ts";
import { type ChatId, type FileId, InboxId } from "../core/ids.ts";
import { NumberedStep } from "../core/connect.ts";
import { SecretTrial } from "../core/secret-trial.ts";
import { Status } from "../core/status.ts";
import { OpenedDeadLetter } from "../core/dead.ts";
import { type NewTask, Occurrence, OpenedTask, type Task, type TaskChange } from "../core/task.ts";
import { type BudgetLift, UsageReport } from "../core/usage.ts";
import { type Approval, type AuditRecord, Grant, type NewGrant, TaintReport } from "../core/trust.ts";
import {
  Accepted as Done,
  ApprovalAnswers,
  ApprovalList,
  AuditPage,
  AuditTail,
  AuditVerdict,
  DeadLetterPage,
  Disconnected,
  Explained,
  GrantList,
  Group,
  GroupList,
  AllowedSender,
  DeniedSender,
  BegunAttempt,
  ChannelList,
  EgressRuleList,
  type NewEgressRule,
  PlacedEgressRule,
  Halted,
  OccurrencePage,
  PairingCode,
  Person,
  PersonList,
  RemovedGroup,
  Resumed,
  SenderList,
  TaskList,
  UnboundChat,
} from "../http/schemas.ts";
import { type ControlOptions, createControl, parse } from "./control.ts";
import { readServerSentEvents } from "./sse.ts";

const Accepted = z.object({ message: InboxId, event: EventId, duplicate: z.boolean(), paused: z.boolean() });
export type Accepted = z.infer<typeof Accepted>;

const History = z.object({ events: z.array(z.union([MessageEvent, TurnEvent])), more: z.boolean() });
export type History = z.infer<typeof History>;

const ChatList = z.object({
  chats: z.array(z.object({ id: z.string(), title: z.string().nullable(), group: z.string() })),
});
const UnregisteredList = z.object({
  chats: z.array(
    z.object({
      id: z.string(),
      title: z.string().nullable(),
      lastSender: z.string(),
      messages: z.number(),
    }),
  ),
});

const LoginCode = z.object({ url: z.string(), expiresAt: z.union([z.number(), z.string()]) });
export type LoginCode = z.infer<typeof LoginCode>;

/** What its calls throw: see `Control`. */
export interface Client {
  status(): Promise<Status>;
  /** Accepted once however often it is called with the same `id`; resolves after the commit (G1). */
  send(
    chat: ChatId,
    message: { text: string; id: string; files?: readonly FileId[] | undefined },
  ): Promise<Accepted>;
  /** Hands a file over, for one message of this chat. However long it takes. */
  upload(chat: ChatId, file: { name: string; content: Readable }): Promise<SharedFile>;
  /** The content of a file, as it comes. */
  download(file: FileId): Promise<Readable>;
  /** Oldest first. */
  history(
    chat: ChatId,
    query: { limit: number; before?: EventId | undefined; after?: EventId | undefined },
  ): Promise<History>;
  /** One connection's events: first what came after `after`, then what comes. Ends when the host closes it. */
  events(
    chat: ChatId,
    options: { after: EventId; signal: AbortSignal; onOpen?: (() => void) | undefined },
  ): AsyncGenerator<ChatEvent>;
  chats(): Promise<z.infer<typeof ChatList>["chats"]>;
  /** Chats in which somebody wrote, and which no group has. */
  unregistered(): Promise<z.infer<typeof UnregisteredList>["chats"]>;
  bind(chat: ChatId, group: string): Promise<void>;
  /** The group that it has now, if any. */
  unbind(chat: ChatId): Promise<z.infer<typeof UnboundChat>>;
  readonly groups: {
    list(): Promise<z.infer<typeof GroupList>["groups"]>;
    show(name: string): Promise<z.infer<typeof Group>>;
    add(group: {
      name: string;
      from?: string | undefined;
      settings?: GroupChoices;
      chats?: readonly ChatId[];
    }): Promise<z.infer<typeof Group>>;
    edit(name: string, change: GroupChange): Promise<z.infer<typeof Group>>;
    remove(name: string): Promise<z.infer<typeof RemovedGroup>>;
    bind(name: string, chats: readonly ChatId[]): Promise<z.infer<typeof Group>>;
  };
  /** Those with several ids. */
  readonly people: {
    list(): Promise<z.infer<typeof PersonList>["people"]>;
    link(senders: readonly string[], name?: string): Promise<z.infer<typeof Person>>;
    unlink(sender: string): Promise<object>;
  };
  loginCode(): Promise<LoginCode>;
  /** What was given up. `retry` with `force` also sends what may have arrived. */
  readonly dead: {
    list(before?: string): Promise<z.infer<typeof DeadLetterPage>>;
    show(id: string): Promise<OpenedDeadLetter>;
    retry(id: string, force: boolean): Promise<object>;
    drop(id: string): Promise<object>;
  };
  /** Gets a secret's value anew, and with an address sends it there once. */
  testSecret(
    name: string,
    how: { group?: string | undefined; url?: string | undefined },
  ): Promise<SecretTrial>;
  /** What rooms may reach on the network. */
  readonly egress: {
    list(): Promise<z.infer<typeof EgressRuleList>["rules"]>;
    add(rule: z.input<typeof NewEgressRule>): Promise<z.infer<typeof PlacedEgressRule>>;
    remove(id: number): Promise<z.infer<typeof PlacedEgressRule>>;
  };
  /** A task is named by its id, or by a beginning of it that fits only one. */
  readonly tasks: {
    list(query: { group?: string | undefined; all: boolean }): Promise<readonly Task[]>;
    add(task: z.input<typeof NewTask>): Promise<OpenedTask>;
    show(id: string): Promise<OpenedTask>;
    edit(id: string, change: z.input<typeof TaskChange>): Promise<OpenedTask>;
    pause(id: string): Promise<OpenedTask>;
    resume(id: string): Promise<OpenedTask>;
    cancel(id: string): Promise<OpenedTask>;
    run(id: string): Promise<Occurrence>;
    history(
      id: string,
      page: { limit: number; before?: string | undefined },
    ): Promise<z.infer<typeof OccurrencePage>>;
  };
  /** Taint, approvals, grants, the audit (docs/trust.md). */
  readonly trust: {
    taint(group: string): Promise<TaintReport>;
    clearTaint(group: string): Promise<TaintReport>;
    approvals(all: boolean): Promise<readonly Approval[]>;
    answer(
      ids: readonly string[],
      answer: "once" | "group" | "never" | "deny",
    ): Promise<z.infer<typeof ApprovalAnswers>["decided"]>;
    grants(query: { group?: string | undefined; all: boolean }): Promise<readonly Grant[]>;
    grant(wanted: z.input<typeof NewGrant>): Promise<Grant>;
    revoke(id: string): Promise<object>;
    explain(group: string, action: string): Promise<z.infer<typeof Explained>>;
    audit(after: number): Promise<readonly AuditRecord[]>;
    auditTail(limit: number): Promise<z.infer<typeof AuditTail>>;
    auditVerify(anchor?: { id: number; hash: string }): Promise<z.infer<typeof AuditVerdict>>;
  };
  /** Who may speak. `who`: a code, a sender or a chat. */
  readonly senders: {
    list(): Promise<z.infer<typeof SenderList>>;
    allow(who: string): Promise<z.infer<typeof AllowedSender>>;
    deny(who: string): Promise<z.infer<typeof DeniedSender>>;
    pair(): Promise<z.infer<typeof PairingCode>>;
  };
  /** Accounts on platforms, and connecting them one step by step. */
  readonly channels: {
    list(): Promise<z.infer<typeof ChannelList>>;
    begin(name: string): Promise<string>;
    /** The step after that number, as soon as there is one, or the one that still is. */
    next(name: string, attempt: string, after: number | undefined): Promise<NumberedStep>;
    answer(name: string, attempt: string, answer: { number: number; value: string }): Promise<object>;
    cancel(name: string, attempt: string): Promise<object>;
    /** @returns the variables that were taken out of `.env` */
    disconnect(name: string, account: string): Promise<readonly string[]>;
  };
  readonly usage: {
    report(query: { by: string; since?: string | undefined }): Promise<UsageReport>;
    lift(lift: BudgetLift): Promise<BudgetState>;
  };
  /** The emergency stop; resolves when every sandbox is gone. */
  pause(reason: string): Promise<Halted>;
  resume(): Promise<{ resumed: boolean }>;
  /** Resolves once the host has begun to drain. */
  shutdown(): Promise<void>;
}

export function createClient(options: ControlOptions): Client {
  const { call, open, broken, readAll } = createControl(options);

  return {
    status: () => call("GET", "/status", Status),
    send: (chat, message) => call("POST", `/chats/${encodeURIComponent(chat)}/messages`, Accepted, message),
    history(chat, query) {
      return call("GET", `/chats/${encodeURIComponent(chat)}/messages?${search(query)}`, History);
    },
    async *events(chat, { after, signal, onOpen }) {
      const response = await open("GET", `/chats/${encodeURIComponent(chat)}/events?after=${after}`, {
        signal,
      });
      response.setEncoding("utf8");
      onOpen?.();
      try {
        for await (const { data } of readServerSentEvents(response)) yield parse(ChatEvent, data);
      } catch (error) {
        if (error instanceof RejectedError) throw error;
        throw broken(error);
      } finally {
        response.destroy();
      }
    },
    chats: async () => (await call("GET", "/chats", ChatList)).chats,
    unregistered: async () => (await call("GET", "/unregistered-chats", UnregisteredList)).chats,
    async bind(chat, group) {
      await call("PUT", `/chats/${encodeURIComponent(chat)}`, z.unknown(), { group });
    },
    unbind: (chat) => call("DELETE", `/chats/${encodeURIComponent(chat)}/group`, UnboundChat),
    groups: {
      list: async () => (await call("GET", "/groups", GroupList)).groups,
      show: (name) => call("GET", groupPath(name), Group),
      add: (group) => call("POST", "/groups", Group, group),
      edit: (name, change) => call("PATCH", groupPath(name), Group, change),
      remove: (name) => call("DELETE", groupPath(name), RemovedGroup),
      bind: (name, chats) => call("POST", `${groupPath(name)}/chats`, Group, { chats }),
    },
    people: {
      list: async () => (await call("GET", "/people", PersonList)).people,
      link: (senders, name) => call("POST", "/people", Person, { senders, name }),
      unlink: (sender) => call("DELETE", `/people/${encodeURIComponent(sender)}`, Done),
    },
    async upload(chat, { name, content }) {
      const path = `/chats/${encodeURIComponent(chat)}/files?name=${encodeURIComponent(name)}`;
      return parse(SharedFile, await readAll(await open("POST", path, { content })));
    },
    download: (file) => open("GET", `/files/${file}`),
    loginCode: () => call("POST", "/login-codes", LoginCode, {}),
    dead: {
      list: (before) =>
        call(
          "GET",
          `/dead${before === undefined ? "" : `?before=${encodeURIComponent(before)}`}`,
          DeadLetterPage,
        ),
      show: (id) => call("GET", `/dead/${encodeURIComponent(id)}`, OpenedDeadLetter),
      retry: (id, force) => call("POST", `/dead/${encodeURIComponent(id)}/retry`, Done, { force }),
      drop: (id) => call("DELETE", `/dead/${encodeURIComponent(id)}`, Done),
    },
    channels: {
      list: () => call("GET", "/channels", ChannelList),
      begin: async (name) => (await call("POST", connectPath(name), BegunAttempt, {})).attempt,
      next: (name, attempt, after) =>
        call("GET", `${connectPath(name)}/${attempt}?${search({ after })}`, NumberedStep),
      answer: (name, attempt, answer) => call("POST", `${connectPath(name)}/${attempt}/answer`, Done, answer),
      cancel: (name, attempt) => call("DELETE", `${connectPath(name)}/${attempt}`, Done),
      disconnect: async (name, account) =>
        (await call("POST", `/channels/${encodeURIComponent(name)}/disconnect`, Disconnected, { account }))
          .forgot,
    },
    usage: {
      report: ({ by, since }) => call("GET", `/usage?${search({ by, since })}`, UsageReport),
      lift: (lift) => call("POST", "/usage/lift", BudgetState, lift),
    },
    testSecret: (name, how) => call("POST", `/secrets/${encodeURIComponent(name)}/test`, SecretTrial, how),
    egress: {
      list: async () => (await call("GET", "/egress/rules", EgressRuleList)).rules,
      add: (rule) => call("POST", "/egress/rules", PlacedEgressRule, rule),
      remove: (id) => call("DELETE", `/egress/rules/${id}`, PlacedEgressRule),
    },
    tasks: {
      list: async (query) => (await call("GET", `/tasks?${search(query)}`, TaskList)).tasks,
      add: (task) => call("POST", "/tasks", OpenedTask, task),
      show: (id) => call("GET", taskPath(id), OpenedTask),
      edit: (id, change) => call("PATCH", taskPath(id), OpenedTask, change),
      pause: (id) => call("POST", `${taskPath(id)}/pause`, OpenedTask, {}),
      resume: (id) => call("POST", `${taskPath(id)}/resume`, OpenedTask, {}),
      cancel: (id) => call("POST", `${taskPath(id)}/cancel`, OpenedTask, {}),
      run: (id) => call("POST", `${taskPath(id)}/run`, Occurrence, {}),
      history: (id, page) => call("GET", `${taskPath(id)}/history?${search(page)}`, OccurrencePage),
    },
    trust: {
      taint: (group) => call("GET", `/taint/${encodeURIComponent(group)}`, TaintReport),
      clearTaint: (group) => call("DELETE", `/taint/${encodeURIComponent(group)}`, TaintReport),
      approvals: async (all) => (await call("GET", `/approvals?${search({ all })}`, ApprovalList)).approvals,
      answer: async (ids, answer) =>
        (await call("POST", "/approvals", ApprovalAnswers, { ids, answer })).decided,
      grants: async (query) => (await call("GET", `/grants?${search(query)}`, GrantList)).grants,
      grant: (wanted) => call("POST", "/grants", Grant, wanted),
      revoke: (id) => call("DELETE", `/grants/${encodeURIComponent(id)}`, Done),
      explain: (group, action) => call("GET", `/policy/explain?${search({ group, action })}`, Explained),
      audit: async (after) => (await call("GET", `/audit?${search({ after, limit: 500 })}`, AuditPage)).rows,
      auditTail: (limit) => call("GET", `/audit/tail?${search({ limit })}`, AuditTail),
      auditVerify: (anchor) => call("GET", `/audit/verify?${search({ ...anchor })}`, AuditVerdict),
    },
    senders: {
      list: () => call("GET", "/senders", SenderList),
      allow: (who) => call("POST", "/senders/allow", AllowedSender, { who }),
      deny: (who) => call("POST", "/senders/deny", DeniedSender, { who }),
      pair: () => call("POST", "/senders/pair", PairingCode, {}),
    },
    pause: (reason) => call("POST", "/host/pause", Halted, { reason }),
    resume: () => call("POST", "/host/resume", Resumed, {}),
    async shutdown() {
      await call("POST", "/shutdown", z.unknown(), {});
    },
  };
}

function connectPath(name: string): string {
  return `/channels/${encodeURIComponent(name)}/connect`;
}

/** What of the query is there. */
function search(query: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) all.set(name, String(value));
  return all.toString();
}

function groupPath(name: string): string {
  return `/groups/${encodeURIComponent(name)}`;
}

function taskPath(id: string): string {
  return `/tasks/${encodeURIComponent(id)}`;
}
