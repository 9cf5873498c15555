/**
 * A house for HTTP tests: the real store in a database in memory, the real admission, and in place of
 * an agent a hand that moves turns on as a test says.
 */
import { RejectedError } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openDoor } from "../../admission/__tests__/open-door.ts";
import { createAdmission } from "../../admission/admission.ts";
import { fakeConnectable } from "../../channels/__tests__/fake-flow.ts";
import { createConnecting } from "../../channels/connect.ts";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { createSenders } from "../../admission/senders.ts";
import type { Clock } from "../../core/clock.ts";
import { createEventBus, type LiveEvent } from "../../core/events.ts";
import { ChatId, chatId, type InboxId, MAIN, newId, SenderId, SessionId, TurnId } from "../../core/ids.ts";
import type { Status } from "../../core/status.ts";
import { fakeClock } from "../../core/testing.ts";
import { openPeopleDesk } from "../../assembly/people.ts";
import { deskOver } from "../../groups/__tests__/desk-over.ts";
import { silentLog } from "../../log.ts";
import { createMedia } from "../../media/media.ts";
import { createChats } from "../../store/chats.ts";
import { openDatabase } from "../../store/database.ts";
import { createAudit } from "../../store/audit.ts";
import { openEgressRules } from "../../store/egress-rules.ts";
import { createFiles } from "../../store/files.ts";
import { createDead } from "../../store/dead.ts";
import { createInbox } from "../../store/inbox.ts";
import { migrate } from "../../store/migrate.ts";
import { migrations } from "../../store/migrations/index.ts";
import { createFire } from "../../store/fire.ts";
import { createNewcomers } from "../../store/newcomers.ts";
import { openPeople } from "../../store/people.ts";
import { createOccurrences } from "../../store/occurrences.ts";
import { budgetsOver } from "../../budgets/__tests__/house.ts";
import { trustOver } from "../../policy/__tests__/trust-house.ts";
import { createTasks } from "../../store/tasks.ts";
import { createDesk } from "../../scheduler/desk.ts";
import { createOutbox, owe } from "../../store/outbox.ts";
import { appendEvent, createTimeline, type TurnData } from "../../store/timeline.ts";
import { createTokens, type Scope } from "../../store/tokens.ts";
import { type AppDeps, createApp } from "../app.ts";

export const chatOf = (native: string) => chatId({ channel: "web", account: "", native });

/** What a browser on this machine sends. */
export const HOST = { host: "127.0.0.1:7407" };
export const TCP = { listener: "tcp", remote: "127.0.0.1" } as const;
export const SOCKET = { listener: "socket" } as const;

export type House = Awaited<ReturnType<typeof openHouse>>;

export async function openHouse(options: { clock?: Clock; log?: AppDeps["log"] } = {}) {
  const clock = options.clock ?? fakeClock();
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });

  const groupDesk = await deskOver(db, clock);
  const egressRules = await openEgressRules(db, clock, createAudit(db, { clock, redact: (text) => text }));
  const bus = createEventBus();
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  const timeline = createTimeline(db);
  const outbox = createOutbox(db, clock);
  const tokens = createTokens(db, clock, randomBytes);
  const route = (chat: { id: ChatId }) => ({
    scope: { kind: "chat", key: chat.id } as const,
    engine: "acp" as const,
    provider: "test",
  });
  const inbox = createInbox(db, clock, route);
  const root = await mkdtemp(join(tmpdir(), "bellhop-http-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const media = createMedia({
    root,
    files: createFiles(db, clock),
    limits: { fileBytes: 64 * 1_024, groupBytes: 1_024 * 1_024 },
    deliver: () => undefined,
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  await media.recover();
  const admission = createAdmission({
    inbox,
    commands: { recognise: () => undefined, run: () => undefined },
    home: MAIN,
    bus,
    wake: () => {},
    deliver: () => {},
    fetch: () => {},
    taken: () => undefined,
    triggerOf: () => ({ assistant: "Bellhop", trigger: "auto", bots: false }),
    roleOf: () => "member",
    onUnregistered: () => undefined,
    ...openDoor(),
    seen: groupDesk.seen,
    now: clock.now,
  });

  const shown = new Map<ChatId, LiveEvent[]>();
  const live = { snapshot: (chat?: ChatId) => (chat ? (shown.get(chat) ?? []) : [...shown.values()].flat()) };
  const shutdowns: number[] = [];
  const schedule = { clock, zoneData: "2026a" };
  const trust = await trustOver(db, { clock });
  const desk = createDesk({
    ...schedule,
    db,
    audit: trust.audit.write,
    tasks: createTasks(db, clock),
    occurrences: createOccurrences(db),
    fireNow: createFire(db, { ...schedule, routeOf: route }).fireNow,
    groupExists: () => true,
    timezoneOf: () => "UTC",
    notices: ChatId.parse("web:notices"),
    bounds: { shortestMs: 60_000 },
    look: () => undefined,
    wake: () => undefined,
    giveWay: () => undefined,
    whyWaits: () => "about to start",
    paused: () => false,
    random: () => 0.5,
  });

  const people = await openPeople(db, clock, createAudit(db, { clock, redact: (text) => text }));
  const budgets = await budgetsOver(db, clock, { people });
  const secrets = createKnownSecrets();
  const kept: object[] = [];
  const connecting = createConnecting({
    connectable: fakeConnectable(),
    keep: async (values) => void kept.push(values),
    forget: async (variables) => variables,
    kept: async () => [],
    secrets,
    audit: trust.audit,
    clock,
    log: silentLog,
  });
  onTestFinished(connecting.close);
  const deps: AppDeps = {
    http: { host: "127.0.0.1", hosts: ["bellhop.example"] },
    secrets,
    assistant: "Bellhop",
    version: "0.0.0-test",
    admission,
    trust: trust.powers,
    groups: groupDesk.desk.as({ who: "the owner" }),
    people: openPeopleDesk(people, budgets, async (sender) => sender === "fake:ann"),
    channels: { accounts: async () => [], ...connecting },
    egress: {
      list: egressRules.list,
      add: ({ group, rule, address = null }) => egressRules.add({ group, rule, pin: address }, "the owner"),
      remove: (id) => egressRules.remove(id, "the owner"),
    },
    timeline,
    chats,
    media,
    bus,
    live,
    tokens,
    status: async () => STATUS,
    stopSwitch: {
      paused: undefined,
      async pause(by, reason) {
        return { paused: { since: clock.now(), by, reason }, sandboxes: 0, ms: 0, kept: true };
      },
      resume: async () => true,
    },
    dead: createDead(db, { clock, routeOf: route, wake: () => {}, deliver: () => {} }),
    tasks: desk.as({ who: "the owner", group: MAIN, all: true }),
    vault: {
      async test({ name, group }) {
        if (name !== "GITHUB_TOKEN")
          throw new RejectedError(`There is no secret ${name} in the group ${group}.`);
        return {
          name,
          group,
          from: ".env",
          bound: ["api.github.com, as bearer"],
          problem: null,
          status: null,
        };
      },
    },
    senders: createSenders({
      store: createNewcomers(db, clock),
      owners: [SenderId.parse("fake:ann")],
      admit: async () => true,
      furnish: async () => undefined,
      tell: async () => undefined,
      deliver: () => undefined,
      random: randomBytes,
      clock,
      log: silentLog,
    }),
    budgets,
    shutdown: () => void shutdowns.push(clock.now()),
    log: options.log ?? silentLog,
    clock,
    random: randomBytes,
    url: () => "http://127.0.0.1:7407",
  };

  return {
    deps: { ...deps, chats },
    seen: groupDesk.seen,
    app: createApp(deps),
    db,
    bus,
    tokens,
    timeline,
    clock,
    shutdowns,
    outbox,
    kept,

    token: async (scope: Scope) => (await tokens.issue({ kind: "api", scope, label: "test" })).secret,

    async says(chat: ChatId, text: string, platformId: string = crypto.randomUUID()) {
      const native = chat.slice(chat.indexOf(":") + 1);
      const sender = { id: "owner", name: "owner" };
      const inbound = { platformId, kind: "message", version: 0, chat: native, sender, text } as const;
      const owner = { sender: "web:owner" as never, name: "owner", role: "owner" } as const;
      return await admission.accept({ name: "web", account: "" }, inbound, owner);
    },

    /** Begins a turn of this chat and gives what moves it on. */
    async turn(chat: ChatId, inputs: readonly InboxId[]) {
      const turn = newId(TurnId);
      const { group_id: groupId, session_id: session } = await db
        .selectFrom("inbox")
        .select(["group_id", "session_id"])
        .where("chat_id", "=", chat)
        .where("session_id", "is not", null)
        .limit(1)
        .executeTakeFirstOrThrow();
      await db
        .insertInto("turns")
        .values({
          id: turn,
          session_id: SessionId.parse(session),
          group_id: groupId,
          chat_id: chat,
          kind: "chat",
          // Two turns of a session may not run at once; which one does is no matter here.
          state: "done",
          attempt: 1,
          fence: 1,
          boot_id: "test",
          model: "test",
          retry_at: null,
          failure_class: null,
          failure_detail: null,
          created_at: clock.now(),
          started_at: clock.now(),
          ended_at: clock.now(),
        })
        .execute();
      let owed: TurnData["replies"] = [];

      async function tell(state: TurnData["state"], reason?: string) {
        const data = { state, inputs: [...inputs], replies: owed, reason };
        await db
          .transaction()
          .execute((trx) => appendEvent(trx, chat, clock.now(), { kind: "turn", ref: turn, data }));
        bus.publish({ type: "durable", chat });
      }
      function show(event: LiveEvent) {
        const before = shown.get(chat)?.find(({ type }) => type === "delta");
        const text = before?.type === "delta" && event.type === "delta" && !event.reset ? before.text : "";
        if (event.type === "delta") shown.set(chat, [{ ...event, text: text + event.text, reset: true }]);
        bus.publish({ type: "live", event });
      }
      await tell("started");

      return {
        turn,
        delta: (text: string, reset = false) => show({ type: "delta", chat, turn, text, reset }),
        activity: (tool?: string) => show({ type: "activity", chat, turn, tool }),
        async reply(text: string, kind: "text" | "notice" = "text") {
          const key = crypto.randomUUID();
          const to = { chat, groupId, turn, now: clock.now() };
          const ids = await db.transaction().execute((trx) => owe(trx, to, [{ key, kind, text }]));
          owed = [...owed, ...ids];
          const claimed = await outbox.claim(chat);
          if (claimed && "row" in claimed) await outbox.sent(claimed.row, key);
          bus.publish({ type: "durable", chat });
        },
        async end(state: "done" | "failed" | "cancelled" = "done", reason?: string) {
          shown.delete(chat);
          await tell(state, reason);
        },
      };
    },
  };
}

const STATUS: Status = {
  version: "0.0.0-test",
  pid: 1,
  home: "/tmp/home",
  url: "http://127.0.0.1:7407",
  startedAt: 0,
  draining: false,
  paused: null,
  assistant: "Bellhop",
  model: { provider: "test", name: "test", routes: [{ name: "test", state: "well" }] },
  sandbox: { runtime: "none", version: "0", limits: "none" },
  rooms: [],
  turns: [],
  waiting: [],
  tasks: { active: 0, paused: 0, failing: 0, waiting: 0 },
  dead: { turns: 0, newest: [] },
  outbox: { open: 0, unknown: 0, dead: 0 },
  usage: { calls: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 },
  stuck: [],
  accounts: [],
  silent: [],
  mounts: [],
  pins: [],
  gifts: [],
  revealed: [],
  unregistered: 0,
  senders: { waiting: 0, problems: [] },
  plugins: { list: [], housing: "" },
};
