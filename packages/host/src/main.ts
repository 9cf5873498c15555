/**
 * The host, put together. Reads as the architecture (docs/architecture.md): what came from a channel
 * passes admission into the inbox; the dispatcher gives it to a turn; a turn speaks with an engine in
 * a room; what it says goes through the outbox to a channel. All writing is the store's.
 */
import { type Channel, StaleError } from "@bellhop/sdk";
import { randomBytes, randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createAdmission } from "./admission/admission.ts";
import { createCommands } from "./admission/commands/commands.ts";
import { openBroker } from "./broker/broker.ts";
import { secretsOf } from "./broker/provider.ts";
import { type Listeners, listenToAll } from "./channels/listen.ts";
import { createLocalChannel } from "./channels/local.ts";
import { VERSION } from "./version.ts";
import { type Config, groupConfig, writeDefaultConfig } from "./config.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { watchClock } from "./core/clock-watch.ts";
import { createEventBus } from "./core/events.ts";
import { chatAddress, type ChatId, GroupFolder, MAIN } from "./core/ids.ts";
import { splitText } from "./core/split.ts";
import { compilePattern } from "./core/pattern.ts";
import type { Status } from "./core/status.ts";
import { createDispatcher } from "./dispatch/dispatcher.ts";
import { createClaudeEngine } from "./engines/claude/claude.ts";
import { DISALLOWED_TOOLS } from "./engines/claude/options.ts";
import { createGroups } from "./groups/groups.ts";
import { prepareHome } from "./home.ts";
import { createHttp } from "./http/http.ts";
import { type Log, openLog } from "./log.ts";
import { createMedia } from "./media/media.ts";
import { releaseMemory } from "./memory.ts";
import { createAnswers } from "./outbox/answers.ts";
import { createDelivery } from "./outbox/deliver.ts";
import { createNotices } from "./outbox/notices.ts";
import { createPresence } from "./outbox/presence.ts";
import { createStreaming } from "./outbox/streaming.ts";
import { createBubblewrap } from "./sandbox/bubblewrap.ts";
import { chooseRuntime } from "./sandbox/detect.ts";
import { withKillSwitch } from "./sandbox/kill-switch.ts";
import { sandboxUid } from "./sandbox/staging.ts";
import { describeHost } from "./status.ts";
import { openStopSwitch } from "./stop-switch.ts";
import { createChats } from "./store/chats.ts";
import { createCommandStore } from "./store/commands.ts";
import { openDatabase } from "./store/database.ts";
import { createFiles } from "./store/files.ts";
import { openGroupSettings } from "./store/group-settings.ts";
import { createHistory } from "./store/history.ts";
import { createDead } from "./store/dead.ts";
import { createInbox, type RouteOf } from "./store/inbox.ts";
import { lockHome } from "./store/lock.ts";
import { migrate } from "./store/migrate.ts";
import { migrations } from "./store/migrations/index.ts";
import { createOutbox } from "./store/outbox.ts";
import { setBack } from "./store/set-back.ts";
import { scopeOf } from "./store/sessions.ts";
import { createTimeline } from "./store/timeline.ts";
import { createTokens, type Scope } from "./store/tokens.ts";
import { createTurns } from "./store/turns.ts";
import { createUsage } from "./store/usage.ts";
import { createWhy } from "./store/why.ts";
import { hostTools } from "./tools/tools.ts";
import { createEndings } from "./turns/endings.ts";
import { createProviderHealth } from "./turns/provider-health.ts";
import { createRooms } from "./turns/rooms.ts";
import { startTurn, type TurnParts } from "./turns/turn.ts";
import { failpoint } from "./core/failpoint.ts";

export interface Host {
  /** Where the web chat is. */
  readonly url: string;
  readonly provider: string;
  readonly model: string;
  readonly sandbox: string;
  /** A link that logs a browser in, once. */
  loginUrl(): Promise<string>;
  /** A token for programs; the one that an earlier start made is revoked. */
  apiToken(scope: Scope): Promise<string>;
  status(): Promise<Status>;
  /** Takes nothing new, lets live turns end, delivers what is owed, closes (G26). */
  drain(): Promise<void>;
  /** The same without waiting: what was under way is tried again after the next start. */
  stop(): Promise<void>;
  /** When it has closed, whoever asked for it. */
  readonly finished: Promise<void>;
}

const MiB = 1024 * 1024;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** Everything is event-driven; this only finds what a mistake of ours would have left lying. */
const SWEEP_MS = 10 * MINUTE;
/** After the start, when whoever waited for it has been served. */
const SETTLED_MS = SECOND;
/** G26: what is owed gets this long to be delivered once the turns have ended. */
const FLUSH_MS = 10 * SECOND;

export interface HostOptions {
  readonly config: Config;
  /** Beside the owner's own desk, which is always there. */
  readonly channels?: readonly Channel[];
  /** Reads the configuration again, for a credential that was renewed. */
  readonly reload?: () => Config;
}

/** @throws ConfigError with one sentence for the operator; nothing is left behind then */
export async function startHost({ config, channels: platforms = [], reload }: HostOptions): Promise<Host> {
  const clock = systemClock;
  /** Closes what was opened, last first, whatever fails on the way. */
  const opened = new AsyncDisposableStack();
  try {
    return await open();
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }

  async function open(): Promise<Host> {
    const { paths } = await prepareHome(config.home);
    const lock = await lockHome(config.home, clock);
    opened.defer(lock.release);
    writeDefaultConfig(config.home);
    const secrets = secretsOf(config.credentials);
    const { log, close: closeLog } = openLog({ file: paths.log, level: config.log.level, secrets });
    opened.defer(closeLog);

    const { db, close: closeDatabase } = await openDatabase(paths.database, {
      marks: [paths.sessions, paths.backups],
    });
    opened.defer(closeDatabase);
    await migrate(db, { migrations, backups: paths.backups, clock });

    const stopSwitch = openStopSwitch({ file: paths.paused, clock, log });
    opened.defer(stopSwitch.close);
    const { hold } = stopSwitch;
    const { runtime: chosen, probe } = await chooseRuntime(config.sandbox.runtime, [
      createBubblewrap({ home: config.home, clock, log }),
    ]);
    const { runtime, killAll } = withKillSwitch(chosen, hold);
    const usage = createUsage(db, clock, log);
    opened.defer(usage.settled);
    const broker = await openBroker({
      credentials: config.credentials,
      renew() {
        try {
          const fresh = reload?.().credentials;
          if (fresh) secrets.push(...secretsOf(fresh).filter((secret) => !secrets.includes(secret)));
          return fresh;
        } catch (error) {
          log.warn({ err: error }, "the configuration does not hold together; going on with the one in use");
          return undefined;
        }
      },
      runDirectory: paths.run,
      record: usage.record,
      clock,
      log,
    });
    opened.defer(broker.close);

    const choices = await openGroupSettings(db);
    const settings = (group: GroupFolder) => ({ ...groupConfig(config, group), ...choices.of(group) });
    const engines = {
      claude: createClaudeEngine({ clock, log, background: true }),
      acp: config.acp && (await acpEngine(config.acp, { clock, log })),
    };
    const engineOf = (group: GroupFolder) => engines[settings(group).engine] ?? engines.claude;

    const bus = createEventBus();
    const chats = createChats(db, clock);
    const timeline = createTimeline(db);
    const history = createHistory(db, clock, log);
    bus.subscribe(({ type }) => type === "durable" && history.wake());
    history.wake();
    opened.defer(history.close);
    const routeOf: RouteOf = ({ id, folder }) => ({
      scope: scopeOf(id, folder),
      engine: engineOf(folder).name,
      provider: broker.provider,
    });
    const inbox = createInbox(db, clock, routeOf);
    const dead = createDead(db, {
      clock,
      routeOf,
      wake: (session, groupId) => dispatcher.wake(session, groupId),
      deliver: (chat) => delivery.wake(chat),
    });
    const outbox = createOutbox(db, clock);
    const tokens = createTokens(db, clock, randomBytes);
    const turns = createTurns(db, {
      clock,
      boot: randomUUID(),
      modelOf: (group) => settings(group).model,
      speaks: (group) => ({ engine: engineOf(group).name, provider: broker.provider }),
      contextOf: (group) => {
        const { contextMessages: messages, contextTokens: tokens } = settings(group);
        return { messages, tokens };
      },
    });
    const groups = createGroups({ paths, config, log, deniedTools: DISALLOWED_TOOLS, background: true });
    for (const folder of new Set([
      MAIN,
      ...Object.keys(config.groups).map((name) => GroupFolder.parse(name)),
    ])) {
      await chats.ensureGroup(folder);
      await groups.ensure(folder);
      for (const chat of config.groups[folder]?.chats ?? []) await chats.bind(chat, folder);
    }

    const fileBytes = config.limits.fileMb * MiB;
    const media = createMedia({
      root: paths.media,
      files: createFiles(db, clock),
      limits: { fileBytes, groupBytes: config.limits.mediaMb * MiB },
      deliver: (chat) => delivery.wake(chat),
      clock,
      random: Math.random,
      log,
    });
    opened.defer(media.close);

    const channels: readonly Channel[] = [
      createLocalChannel("web", fileBytes),
      createLocalChannel("terminal", fileBytes),
      ...platforms,
    ];
    const channelOf = (chat: ChatId) => {
      const { channel, account } = chatAddress(chat);
      return channels.find((one) => one.name === channel && one.account === account);
    };
    const notices = createNotices({
      outbox,
      chats,
      chat: config.notices,
      deliver: (chat) => delivery.wake(chat),
      log,
    });
    const delivery = createDelivery({
      outbox,
      channelOf,
      fileOf: media.outbound,
      notices,
      bus,
      hold,
      clock,
      random: Math.random,
      log,
    });
    opened.defer(delivery.close);
    await media.recover();

    /** The engines' own commands, as each group's engine named them last. */
    const offered = new Map<GroupFolder, ReadonlySet<string>>();
    const answers = createAnswers({
      channelOf,
      mostParts: config.limits.parts,
      storeText: async ({ turn, chat }, name, text) =>
        (await media.receive({ groupId: chat.group_id, turn, name }, Readable.from([Buffer.from(text)]))).id,
      turns,
      log,
    });
    const presence = createPresence({ delivery, channelOf, turns, bus, clock, log });
    opened.defer(presence.close);
    const streaming = createStreaming({
      bus,
      turns,
      outbox,
      delivery,
      answers,
      edits: (chat) => channelOf(chat)?.abilities.edits === true,
      clock,
      log,
    });
    opened.defer(streaming.close);

    const rooms = createRooms({
      runtime,
      broker,
      engineOf,
      onOffered: (group, commands) => void offered.set(group, new Set(commands)),
      engineHomeOf: (group) => join(paths.sessions, group),
      furnish: groups.mounts,
      instructionsOf: groups.instructions,
      toolsOf: (session) =>
        hostTools(session, {
          claimOf: (wanted) =>
            hold().aborted
              ? undefined
              : dispatcher.running().find(({ claim }) => claim.session.id === wanted)?.claim,
          turns,
          chats,
          search: history.search,
          channelOf,
          files: {
            async pull({ session: { id } }, path, take) {
              const door = await rooms.of(id)?.door;
              if (!door) throw new StaleError("the sandbox of this answer is gone");
              return await door.pull(path, take);
            },
            receive: media.receive,
            drop: media.drop,
          },
          timezoneOf: ({ chat }) => settings(chat.folder).timezone,
          secrets,
          deliver: delivery.wake,
        }),
      uidOf: sandboxUid,
      limits: {
        cpus: config.sandbox.cpus,
        memoryBytes: config.sandbox.memoryMb * MiB,
        pids: config.sandbox.pids,
        tmpBytes: config.sandbox.tmpMb * MiB,
      },
      idleMs: config.sandbox.idleMinutes * MINUTE,
      backgroundMs: config.sandbox.backgroundMinutes * MINUTE,
      cores: availableParallelism(),
      clock,
      log,
    });
    const health = createProviderHealth({
      provider: broker.provider,
      check: broker.keyWorks,
      onUsable: async () => {
        await turns.unhold();
        await dispatcher.sweep();
      },
      notices,
      clock,
      log,
    });
    opened.defer(health.close);
    const turnParts: TurnParts = {
      media,
      takesOf: (group) => engineOf(group).takes,
      filesOf: groups.files,
      health,
      notices,
      turns,
      rooms,
      bus,
      deliver: ({ chat }) => delivery.wake(chat.id),
      answers,
      timezoneOf: (group) => settings(group).timezone,
      secrets,
      limitsOf: (group) => {
        const { startSeconds, silenceMinutes, turnMinutes } = settings(group);
        return {
          startMs: startSeconds * SECOND,
          silenceMs: silenceMinutes * MINUTE,
          totalMs: turnMinutes * MINUTE,
          attempts: config.limits.attempts,
        };
      },
      queueOf: (group) => settings(group).queue,
      clock,
      random: Math.random,
      log,
    };
    const dispatcher = createDispatcher({
      turns,
      rooms,
      start: (claim, goesOn) => {
        const running = startTurn(claim, turnParts, goesOn);
        presence.watch(running);
        streaming.watch(running);
        return running;
      },
      bury: createEndings(turnParts).buryLost,
      sandboxes: config.limits.sandboxes,
      paused: () => hold().aborted,
      clock,
      log,
    });
    stopSwitch.drive({
      async halt() {
        for (const turn of dispatcher.running()) turn.release();
        const killed = await killAll();
        await Promise.all(rooms.list().map(rooms.close));
        return killed;
      },
      async goOn() {
        dispatcher.look();
        await Promise.all([dispatcher.sweep(), delivery.recover()]);
      },
    });
    const hurry = Promise.withResolvers<void>();
    opened.defer(() => dispatcher.drain(0, hurry.promise));
    const whyOf = createWhy(db);
    const commands = createCommands({
      store: createCommandStore(db, clock),
      powers: {
        stop: dispatcher.stop,
        async closeRoom(session) {
          const room = rooms.of(session);
          if (room) await rooms.close(room);
        },
        settingsOf: settings,
        choose: choices.choose,
        async work(group) {
          const here = new Set((await chats.list()).flatMap((chat) => (chat.group === group ? chat.id : [])));
          const { turns: live, waiting } = await status();
          const inGroup = ({ chat }: { chat: ChatId }) => here.has(chat);
          return { turns: live.filter(inGroup), waiting: waiting.filter(inGroup) };
        },
        host: () => status(),
        async why(chat, which) {
          await usage.settled(); // it is written behind the answers
          return await whyOf.find(chat, which);
        },
        explain: dispatcher.explain,
        emergency: stopSwitch,
        now: clock.now,
      },
      offers: (group, name) => offered.get(group)?.has(name) ?? false,
      split: (chat, text) => splitText(text, answers.sizeOf(chat)),
      deliver: delivery.wake,
      log,
    });
    opened.defer(commands.settled);
    const admission = createAdmission({
      inbox,
      commands,
      home: MAIN,
      bus,
      wake: (session, groupId, group) =>
        dispatcher.wake(session, groupId, { quietMs: settings(group).debounceSeconds * SECOND }),
      deliver: delivery.wake,
      fetch: media.fetch,
      taken: presence.taken,
      triggerOf: (group) => {
        const { assistant, trigger, bots, pattern } = settings(group);
        return {
          assistant,
          trigger,
          bots,
          pattern: pattern === undefined ? undefined : compilePattern(pattern),
        };
      },
      roleOf: (sender, group) => {
        if (config.owners.includes(sender)) return "owner";
        return config.groups[group]?.admins.includes(sender) ? "admin" : "member";
      },
      onUnregistered: ({ chat, title, senderName }) => {
        const where = title === null ? chat : `${chat} (${title})`;
        void notices.tell(
          `unregistered:${chat}`,
          `${senderName} wrote in a chat that no group has: ${where}. I read nothing there. Bind it with: bellhop chats bind ${chat} GROUP`,
        );
      },
      now: clock.now,
    });

    const startedAt = clock.now();
    let draining = false;
    let url = "";
    let listeners: Listeners | undefined;
    const status = () =>
      describeHost({
        host: {
          version: VERSION,
          pid: process.pid,
          home: config.home,
          url,
          startedAt,
          draining,
          paused: stopSwitch.paused ?? null,
          assistant: config.assistant,
          model: { provider: broker.provider, name: config.model },
          sandbox: { runtime: runtime.name, version: probe.version, limits: probe.limits },
        },
        rooms,
        turns,
        dispatcher,
        dead: dead.summary,
        outbox,
        usage,
        stuck: delivery.troubles,
        silent: () => listeners?.silent() ?? [],
        unregistered: admission.unregistered,
        clock,
      });

    const http = createHttp({
      http: config.http,
      socket: paths.socket,
      assistant: config.assistant,
      version: VERSION,
      admission,
      registry: {
        async bind(chat, group) {
          await chats.bind(chat, group);
          admission.registered(chat);
        },
        unregistered: admission.unregistered,
      },
      timeline,
      chats,
      media,
      bus,
      live: dispatcher,
      tokens,
      status,
      stopSwitch,
      dead,
      shutdown: () => void drain(),
      log,
      clock,
      random: randomBytes,
    });
    ({ url } = await http.listen());
    opened.defer(http.close);
    lock.describe({ url });
    // What a dead host left behind; the key may be another one by now.
    await turns.unhold();
    await dispatcher.sweep();
    await commands.recover();
    await delivery.recover();
    listeners = listenToAll({
      channels,
      admission,
      inbox,
      onHeld: ({ name, account }, { message }) =>
        void notices.tell(
          `held:${name}/${account}:${randomUUID()}`,
          `I cannot listen to ${name}: ${message}`,
        ),
      clock,
      random: Math.random,
      log,
    });
    opened.defer(listeners.close);

    const stopWatching = watchClock(clock, (byMs) => {
      log.warn({ byMs }, "the clock jumped; looking again at everything that is due");
      (byMs < 0 ? setBack(db, -byMs) : Promise.resolve())
        .catch((error: unknown) => log.error({ err: error }, "what is due could not follow the clock"))
        .finally(sweep);
    });
    let stopSweeping = clock.after(SWEEP_MS, sweepAgain);
    const keepMemory = clock.after(SETTLED_MS, releaseMemory);
    opened.defer(() => {
      stopWatching();
      stopSweeping();
      keepMemory();
    });

    function sweep(): void {
      Promise.all([dispatcher.sweep(), delivery.recover()]).catch((error: unknown) =>
        log.error({ err: error }, "the sweep failed"),
      );
    }
    function sweepAgain(): void {
      sweep();
      stopSweeping = clock.after(SWEEP_MS, sweepAgain);
    }

    const finished = Promise.withResolvers<void>();
    let ending: Promise<void> | undefined;

    /** Only the first call does something; a later, more urgent one makes it hurry. */
    function end(graceMs: number, flushMs: number): Promise<void> {
      if (graceMs === 0) hurry.resolve();
      ending ??= (async () => {
        draining = true;
        failpoint("drain.begin");
        admission.close();
        await listeners?.close();
        await dispatcher.drain(graceMs, hurry.promise);
        const late = Promise.withResolvers<void>();
        const cancel = clock.after(flushMs, late.resolve);
        await Promise.race([delivery.settled(), hurry.promise, late.promise]);
        cancel();
        failpoint("drain.flushed");
        await opened.disposeAsync();
        failpoint("drain.closed");
      })();
      ending.then(finished.resolve, finished.reject);
      return ending;
    }
    function drain(): Promise<void> {
      return end(config.limits.drainSeconds * SECOND, FLUSH_MS);
    }

    log.info({ url, version: VERSION, provider: broker.provider, sandbox: probe }, "ready");
    return {
      url,
      provider: broker.provider,
      model: config.model,
      sandbox: `${runtime.name} ${probe.version}, limits by ${probe.limits}`,
      loginUrl: http.loginUrl,
      async apiToken(scope) {
        const label = "bellhop up";
        for (const old of await tokens.list()) if (old.label === label) await tokens.revoke(old.hash);
        return (await tokens.issue({ kind: "api", scope, label })).secret;
      },
      status,
      drain,
      stop: () => end(0, 0),
      finished: finished.promise,
    };
  }
}

/** Loaded only where it is wanted: its library is 8 MB of a host that should be small when it idles. */
async function acpEngine({ command, mounts }: NonNullable<Config["acp"]>, parts: { clock: Clock; log: Log }) {
  const { createAcpEngine } = await import("./engines/acp/acp.ts");
  return createAcpEngine({
    command,
    mounts: mounts.map((mount) => ({ ...mount, mode: "ro" as const })),
    ...parts,
  });
}
