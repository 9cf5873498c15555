/**
 * The middle, put together as `main.ts` does it, over a database in memory and scripted edges. Time
 * stands still until the test advances it. Nothing in it waits for anything but promises, so after
 * `settled()` everything that could happen has happened.
 */
import type { Clock } from "../../core/clock.ts";
import type { ToolFiles } from "../../tools/tool-files.ts";
import type { Channel } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import { onTestFinished } from "vitest";
import { createAdmission } from "../../admission/admission.ts";
import { openDoor } from "../../admission/__tests__/open-door.ts";
import { createCommands } from "../../admission/commands/commands.ts";
import { createInboundHooks } from "../../admission/inbound-hooks.ts";
import type { Powers } from "../../admission/commands/powers.ts";
import { createLocalChannel } from "../../channels/local.ts";
import { createHookCalls } from "../../core/hook-calls.ts";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { createEventBus, type LiveEvent } from "../../core/events.ts";
import {
  ChatId,
  chatAddress,
  GroupFolder,
  type InboxId,
  MAIN,
  SenderId,
  type SessionId,
} from "../../core/ids.ts";
import type { Plugins } from "../../core/plugin.ts";
import { type FakeClock, fakeClock } from "../../core/testing.ts";
import type { TriggerSettings } from "../../core/trigger.ts";
import { createDispatcher, type DispatcherParts } from "../../dispatch/dispatcher.ts";
import { deskOver } from "../../groups/__tests__/desk-over.ts";
import { silentLog } from "../../log.ts";
import { trustOver } from "../../policy/__tests__/trust-house.ts";
import { createDesk } from "../../scheduler/desk.ts";
import { createScheduler } from "../../scheduler/scheduler.ts";
import { createAnswers } from "../../outbox/answers.ts";
import { createDelivery } from "../../outbox/deliver.ts";
import { createOutboundHooks } from "../../outbox/outbound-hooks.ts";
import { createSpeaker } from "../../outbox/speaker.ts";
import { createPresence } from "../../outbox/presence.ts";
import { createStreaming } from "../../outbox/streaming.ts";
import { createFiles } from "../../store/files.ts";
import { type Chat, createChats } from "../../store/chats.ts";
import { createCommandStore } from "../../store/commands.ts";
import { openDatabase } from "../../store/database.ts";
import { createFire, type GivesWay, NEXT_CAME, type Woken } from "../../store/fire.ts";
import { createHookedInbox } from "../../store/hooked-inbox.ts";
import { createInbox } from "../../store/inbox.ts";
import { migrate } from "../../store/migrate.ts";
import { migrations } from "../../store/migrations/index.ts";
import { createOccurrences } from "../../store/occurrences.ts";
import { createOutbox } from "../../store/outbox.ts";
import { scopeOf } from "../../store/sessions.ts";
import type { Database } from "../../store/tables.ts";
import { createHistory } from "../../store/history.ts";
import { openPeople } from "../../store/people.ts";
import { createTasks } from "../../store/tasks.ts";
import { createTimeline } from "../../store/timeline.ts";
import { createTurns, type Turns } from "../../store/turns.ts";
import { createDead } from "../../store/dead.ts";
import { createWhy } from "../../store/why.ts";
import { budgetsOver, type Limits } from "../../budgets/__tests__/house.ts";
import { hostTools } from "../../tools/tools.ts";
import { createEndings } from "../endings.ts";
import { createProviderHealth } from "../provider-health.ts";
import { createRooms } from "../rooms.ts";
import { createRoutes } from "../routes.ts";
import type { Scripts } from "../scripts.ts";
import { type EngineScript, scriptedBroker, scriptedEngine, scriptedRuntime } from "../testing.ts";
import { startTurn, type TurnParts } from "../turn.ts";
import { createTurnHooks } from "../turn-hooks.ts";

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const SECRET = "sk-ant-very-secret-0123";
const secrets = createKnownSecrets([{ name: "A_KEY", value: SECRET }]);

export interface MiddleOptions {
  readonly script?: EngineScript;
  /** Of budgets; there are none by default. */
  readonly limits?: Limits;
  /** What a task's own command does. */
  readonly command?: Scripts["run"];
  readonly groupExists?: (group: GroupFolder) => boolean;
  readonly zoneData?: string;
  readonly sandboxes?: number;
  readonly cores?: number;
  /** Model routes, the usual one first; by default there is one. */
  readonly order?: readonly string[];
  /** How long a chat is to be quiet before its turn begins. */
  readonly quietMs?: number;
  readonly paused?: () => boolean;
  readonly mayStart?: DispatcherParts["mayStart"];
  readonly queue?: "steer" | "queue" | "interrupt";
  /** Where the files go that the agent sends; by default it can send none. */
  readonly files?: (db: Kysely<Database>, clock: Clock) => ToolFiles;
  /** When the files of a message are there; by default at once. */
  readonly filesSettled?: () => Promise<undefined>;
  readonly trigger?: Partial<TriggerSettings>;
  readonly channels?: readonly Channel[];
  readonly plugins?: Pick<Plugins, "active"> & Partial<Pick<Plugins, "onChange">>;
  /** What commands can do here, over what the middle has. */
  readonly powers?: Partial<Powers>;
  /** The engine's own commands. */
  readonly offers?: readonly string[];
  /** What a dead host left; its database goes on in this one. */
  readonly after?: { readonly clock: FakeClock; readonly db: Kysely<Database> };
  /** Puts something between the turns and their store. */
  readonly between?: (turns: Turns) => Turns;
}

export async function middle(options: MiddleOptions = {}) {
  const clock = options.after?.clock ?? fakeClock();
  const db = options.after?.db ?? (await freshDatabase(clock));
  const engine = scriptedEngine(options.script);
  const runtime = scriptedRuntime();
  const broker = scriptedBroker();
  const routes = createRoutes({ orderOf: () => options.order ?? [broker.provider], clock });
  const bus = createEventBus();
  const shown: LiveEvent[] = [];
  bus.subscribe((signal) => {
    if (signal.type === "live") shown.push(signal.event);
  });
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  const routeOf = ({ id, folder }: Chat) => ({
    scope: scopeOf(id, folder),
    engine: engine.name,
    ...routes.choose(folder),
  });
  const inbox = createInbox(db, clock, routeOf, () => Promise.resolve());
  const outbox = createOutbox(db, clock);
  const turns = createTurns(db, {
    clock,
    boot: crypto.randomUUID(),
    modelOf: () => "a-model",
    speaks: (group, scope) => ({ engine: engine.name, ...routes.choose(group, scope) }),
    contextOf: () => ({ messages: 50, tokens: 8_000 }),
  });
  const channels = new Map(
    (options.channels ?? [createLocalChannel("web"), createLocalChannel("terminal")]).map((one) => [
      one.name,
      one,
    ]),
  );
  const channelOf = (chat: ChatId) => channels.get(chatAddress(chat).channel);
  const told: string[] = [];
  const cut: (ChatId | undefined)[] = [];
  const notices = { tell: async (_key: string, text: string) => void told.push(text) };
  const held = { by: new AbortController() };
  const hold = () => held.by.signal;
  const calls = createHookCalls({
    plugins: { active: () => [], onChange: () => () => undefined, ...options.plugins },
    tell: (_key, text) => void told.push(text),
    clock,
  });
  const outbound = createOutboundHooks({
    calls,
    outbox,
    groupOf: async (chat) => (await chats.find(chat))?.folder,
    secrets,
    sizeOf: (chat) => answers.sizeOf(chat),
  });
  const delivery = createDelivery({
    hooks: outbound,
    outbox,
    channelOf,
    fileOf: async () => undefined,
    secrets,
    speaker: createSpeaker(async () => "Bellhop"),
    notices,
    bus,
    hold,
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  const answers = createAnswers({
    channelOf,
    mostParts: 8,
    storeText: async (claim, name, text) => {
      const groupId = claim.chat.group_id;
      const file = { groupId, turn: claim.turn, name, pathOf: () => `.sent/${text.length}` };
      return (await createFiles(db, clock).add(file)).id;
    },
    turns,
    log: silentLog,
  });
  const presence = createPresence({ delivery, channelOf, turns, bus, clock, log: silentLog });
  const streaming = createStreaming({
    bus,
    turns,
    outbox,
    delivery,
    answers,
    abilitiesOf: (chat) => channelOf(chat)?.abilities,
    mayGrow: outbound.mayGrow,
    clock,
    log: silentLog,
  });
  const claimOf = (wanted: SessionId) =>
    dispatcher.running().find(({ claim }) => claim.session.id === wanted)?.claim;
  const trust = await trustOver(db, { clock, claimOf, secrets: [SECRET] });
  onTestFinished(trust.questions.close);
  const rooms = createRooms({
    runtime,
    broker,
    engineOf: () => engine,
    engineHomeOf: (group) => `/nowhere/${group}`,
    onOffered: () => undefined,
    furnish: async () => [],
    instructionsOf: () => "You are Bell.",
    giftsOf: () => "",
    toolsOf: (session, group) =>
      hostTools(session, group, {
        plugins: options.plugins ?? { active: () => [] },
        claimOf,
        trust: { weigh: trust.policy.weigh, taint: trust.taint, audit: trust.audit },
        turns,
        chats,
        search: createHistory(db, clock, silentLog).search,
        channelOf,
        files: options.files?.(db, clock) ?? {
          pull: () => Promise.reject(new Error("nothing is pulled here")),
          receive: () => Promise.reject(new Error("nothing is received here")),
          drop: async () => undefined,
        },
        timezoneOf: () => "UTC",
        tasks: (actor) => desk.as(actor),
        groups: (actor) => groupDesk.desk.as(actor),
        now: clock.now,
        secrets,
        deliver: delivery.wake,
      }),
    uidOf: () => undefined,
    limitsOf: () => ({ cpus: 1, memoryBytes: 1, pids: 1, tmpBytes: 1 }),
    idleMs: 10 * MINUTE,
    backgroundMs: 30 * MINUTE,
    onCut: ({ chat }) => void cut.push(chat),
    cores: options.cores ?? 8,
    clock,
    log: silentLog,
  });
  routes.attend((provider) =>
    createProviderHealth({
      provider,
      check: (name) => broker.keyWorks(name),
      onUsable: async () => {
        await turns.unhold();
        await dispatcher.sweep();
      },
      notices,
      clock,
      log: silentLog,
    }),
  );
  const budgets = await budgetsOver(db, clock, { limits: options.limits, tell: notices.tell });
  const parts: TurnParts = {
    life: createTurnHooks({ calls, turns, clock, log: silentLog }),
    mayGrow: outbound.mayGrow,
    media: {
      settled: options.filesSettled ?? (async () => undefined),
      ofMessages: async () => [],
      read: async () => Buffer.alloc(0),
    },
    takesOf: () => [],
    filesOf: async () => ["notes.md"],
    routes,
    notices,
    turns: options.between?.(turns) ?? turns,
    taint: trust.taint,
    rooms,
    scripts: { run: options.command ?? (() => Promise.reject(new Error("no script runs here"))) },
    effortOf: ({ task }) => task?.effort ?? undefined,
    spendingOf: budgets.spendingOf,
    bus,
    deliver: ({ chat }) => delivery.wake(chat.id),
    answers,
    timezoneOf: () => "UTC",
    abilitiesOf: (chat) => channelOf(chat)?.abilities,
    secrets,
    limitsOf: () => ({ startMs: MINUTE, silenceMs: 10 * MINUTE, totalMs: 2 * HOUR, attempts: 3 }),
    queueOf: () => options.queue ?? "steer",
    clock,
    random: () => 0.5,
    log: silentLog,
  };
  const dispatcher = createDispatcher({
    paused: () => hold().aborted,
    turns,
    rooms,
    start: (claim, goesOn) => {
      const running = startTurn(claim, parts, goesOn);
      presence.watch(running);
      streaming.watch(running);
      return running;
    },
    bury: createEndings(parts).buryLost,
    sandboxes: options.sandboxes ?? 5,
    ...(options.paused && { paused: options.paused }),
    ...(options.mayStart && { mayStart: options.mayStart }),
    clock,
    log: silentLog,
  });
  const wake = ({ session, groupId, isolated }: Woken) =>
    dispatcher.wake(session, groupId, { kind: "occurrence", isolated });
  const giveWay = ({ session }: GivesWay) => void dispatcher.stop(session, NEXT_CAME);
  const tasks = createTasks(db, clock);
  const occurrences = createOccurrences(db);
  const zoneData = options.zoneData ?? "2026a";
  const { fire, fireNow } = createFire(db, { clock, routeOf, zoneData });
  const groupExists = options.groupExists ?? (() => true);
  const scheduling = { groupExists, paused: () => hold().aborted, zoneData, clock, random: () => 0.5 };
  const scheduler = createScheduler({
    ...scheduling,
    tasks,
    fire,
    wake,
    recover: () => void dispatcher.sweep(),
    giveWay,
    deliver: delivery.wake,
    notices,
    log: silentLog,
  });
  onTestFinished(scheduler.close);
  const desk = createDesk({
    ...scheduling,
    db,
    tasks,
    occurrences,
    fireNow,
    audit: trust.audit.write,
    timezoneOf: () => "Europe/Berlin",
    notices: ChatId.parse("web:notices"),
    bounds: { shortestMs: MINUTE },
    look: scheduler.look,
    wake,
    giveWay,
    whyWaits: ({ session, groupId }) => dispatcher.explain(session, groupId),
  });
  const people = await openPeople(db, clock, trust.audit);
  const groupDesk = await deskOver(db, clock, {
    stop: dispatcher.stop,
    closeRoom: async (session) => {
      const room = rooms.of(session);
      if (room) await rooms.close(room);
    },
    deliver: delivery.wake,
  });
  const nothingSettled = { queue: "steer", model: "a-model" } as const;
  const nothingThere = () => Promise.reject(new Error("the middle has no such thing"));
  const dead = createDead(db, {
    clock,
    routeOf,
    wake: dispatcher.wake,
    deliver: delivery.wake,
  });
  const commands = createCommands({
    store: createCommandStore(db, clock),
    powers: {
      stop: dispatcher.stop,
      stopTasks: async () => 0,
      tasks: (group, who) => desk.as({ group, who, all: group === MAIN }),
      closeRoom: async (session) => {
        const room = rooms.of(session);
        if (room) await rooms.close(room);
      },
      settingsOf: () => nothingSettled,
      choose: nothingThere,
      approvals: trust.powers,
      work: async () => ({ turns: [], waiting: [] }),
      host: nothingThere,
      why: createWhy(db).find,
      retry: async (id) => await dead.retry(id, true),
      explain: dispatcher.explain,
      senders: { list: nothingThere, allow: nothingThere, deny: nothingThere },
      bind: nothingThere,
      budgets,
      emergency: { paused: undefined, pause: nothingThere, resume: async () => false },
      now: clock.now,
      ...options.powers,
    },
    offers: (_group, name) => options.offers?.includes(name) ?? false,
    split: (_chat, text) => [text],
    deliver: delivery.wake,
    log: silentLog,
  });
  const wakeSession = (session: SessionId, groupId: number) =>
    dispatcher.wake(session, groupId, { quietMs: options.quietMs ?? 0 });
  const inbound = createInboundHooks({
    store: createHookedInbox(db, clock, routeOf),
    calls,
    media: parts.media,
    wake: wakeSession,
    taken: presence.taken,
    deliver: delivery.wake,
    bus,
    clock,
    log: silentLog,
  });
  await inbound.find();
  const admission = createAdmission({
    hooks: inbound,
    inbox,
    commands,
    home: MAIN,
    bus,
    wake: wakeSession,
    deliver: delivery.wake,
    fetch: () => undefined,
    taken: presence.taken,
    triggerOf: () => ({ assistant: "Bellhop", trigger: "auto", bots: false, ...options.trigger }),
    roleOf: (sender) => (sender.endsWith(":ada") ? "owner" : sender.endsWith(":ann") ? "admin" : "member"),
    onUnregistered: () => undefined,
    ...openDoor(),
    people,
    seen: groupDesk.seen,
    now: clock.now,
  });

  return {
    people,
    groupDesk,
    clock,
    db,
    engine,
    runtime,
    broker,
    bus,
    shown,
    /** Abort it, and everything is held; give it another, and it goes on. */
    held,
    /** What the owner was told, each time. */
    told,
    /** Chats whose work in the background was ended because it took too long. */
    cut,
    notices,
    trust,
    chats,
    inbox,
    outbox,
    turns,
    delivery,
    rooms,
    dispatcher,
    admission,
    /** Messages that plugins look at first. */
    inbound,
    commands,
    main: MAIN,
    scheduler,
    desk,
    /** Of the owner's. */
    tasks: desk.as({ who: "the owner", group: MAIN, all: true }),
    taskRows: tasks,
    timeline: createTimeline(db),

    /** Binds a chat to a group of its own before anybody writes in it. */
    async bind(chat: string, group: string): Promise<void> {
      const folder = GroupFolder.parse(group);
      await chats.ensureGroup(folder);
      await chats.ensure(ChatId.parse(chat), folder);
    },

    /** Somebody writes; returns once everything that follows from it has happened. */
    async says(chat: string, text: string, more: { replyTo?: string; platformId?: string } = {}) {
      const { channel: name, account, native } = chatAddress(ChatId.parse(chat));
      const accepted = await admission.accept(
        { name, account },
        {
          platformId: more.platformId ?? crypto.randomUUID(),
          kind: "message",
          version: 0,
          chat: native,
          sender: { id: "ada", name: "Ada" },
          text,
          replyTo: more.replyTo,
        },
        { sender: SenderId.parse(`${name}:ada`), name: "Ada", role: "owner" },
      );
      await settled();
      return accepted;
    },

    /** What is owed to a chat or was sent to it, in order. */
    async said(chat: string): Promise<string[]> {
      const rows = await db
        .selectFrom("outbox")
        .select(["kind", "text"])
        .where("chat_id", "=", ChatId.parse(chat))
        .orderBy("seq")
        .execute();
      return rows.map(({ kind, text }) => (kind === "text" ? text : `(${kind}) ${text}`));
    },

    turnRows: () => db.selectFrom("turns").selectAll().orderBy("created_at").orderBy("fence").execute(),

    async stateOf(message: InboxId): Promise<string> {
      const row = await db
        .selectFrom("inbox")
        .select("state")
        .where("id", "=", message)
        .executeTakeFirstOrThrow();
      return row.state;
    },

    async advance(ms: number): Promise<void> {
      clock.advance(ms);
      await settled();
    },
  };
}

async function freshDatabase(clock: FakeClock) {
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  return db;
}

/** After everything that hangs on promises alone, and on the inbox's look around before each commit. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
