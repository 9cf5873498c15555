/**
 * The host, put together. Reads as the architecture (docs/architecture.md): what came from a channel
 * passes admission into the inbox; the dispatcher gives it to a turn; a turn speaks with an engine in
 * a room; what it says goes through the outbox to a channel. All writing is the store's. `assembly/` has
 * the joints of each of these.
 */
import type { Channel } from "@bellhop/sdk";
import { randomBytes } from "node:crypto";
import { recorded } from "./assembly/administration.ts";
import { openConnecting } from "./assembly/connect.ts";
import { openAgents } from "./assembly/agents.ts";
import type { Network } from "./broker/egress/network.ts";
import { openGround } from "./assembly/ground.ts";
import { openGroupDesk } from "./assembly/groups.ts";
import { openHooks } from "./assembly/hooks.ts";
import { latePlugins } from "./assembly/late-plugins.ts";
import { openMoney } from "./assembly/money.ts";
import { openPeopleDesk } from "./assembly/people.ts";
import { openPluginRoom } from "./assembly/plugins.ts";
import { openPowers, routesOf } from "./assembly/powers.ts";
import { openRecords } from "./assembly/records.ts";
import { openSchedule } from "./assembly/schedule.ts";
import { openTrust } from "./assembly/trust.ts";
import { startUpkeep } from "./assembly/upkeep.ts";
import { openWayIn } from "./assembly/way-in.ts";
import { openWayOut } from "./assembly/way-out.ts";
import { openWork } from "./assembly/work.ts";
import type { Connectable } from "./channels/connect.ts";
import { accountStates } from "./channels/health.ts";
import { createTitles } from "./channels/titles.ts";
import type { Config, Environment } from "./config.ts";
import { failpoint } from "./core/failpoint.ts";
import { MAIN } from "./core/ids.ts";
import type { Plugins } from "./core/plugin.ts";
import { atMost } from "./core/patience.ts";
import type { Status } from "./core/status.ts";
import { createHttp } from "./http/http.ts";
import type { GroupActor } from "./groups/desk.ts";
import type { Actor } from "./scheduler/desk.ts";
import { describeHost } from "./status.ts";
import { createDead } from "./store/dead.ts";
import type { Scope } from "./store/tokens.ts";
import { VERSION } from "./version.ts";

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

/** Who comes over the control socket, or with a token of theirs. */
const OWNER: Actor = { who: "the owner", group: MAIN, all: true };

/** G26: what is owed gets this long to be delivered once the turns have ended. */
const FLUSH_MS = 10_000;

export interface HostOptions {
  readonly config: Config;
  /** Beside the owner's own desk, which is always there. */
  readonly channels?: readonly Channel[];
  /** What connects accounts, instead of the plugins. */
  readonly connectable?: Connectable;
  /** Reads the configuration again, for a credential that was renewed. */
  readonly reload?: () => Config;
  /** Of this process: secrets of agents may be in it. */
  readonly environment?: Environment;
  /** What sandboxes reach; this machine's network where it is not said. */
  readonly network?: Network;
  /** In the place of those of the home, for what they give agents. */
  readonly plugins?: Plugins;
  /** From 0 to below 1: spreads what is tried again. `Math.random` where it is not said. */
  readonly random?: () => number;
}

/** @throws ConfigError with one sentence for the operator; nothing is left behind then */
export async function startHost(options: HostOptions): Promise<Host> {
  const opened = new AsyncDisposableStack();
  try {
    return await open(options, opened);
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function open(
  {
    config,
    channels: platforms = [],
    connectable,
    reload,
    environment = {},
    network,
    plugins: given,
    random = Math.random,
  }: HostOptions,
  opened: AsyncDisposableStack,
): Promise<Host> {
  const ground = await openGround(config, opened, random);
  const { paths, clock, log, bus, db, lock, stopSwitch } = ground;
  const trust = await openTrust(ground);
  const plugins = latePlugins();
  const agents = await openAgents(ground, trust, reload, environment, plugins, network);
  const records = await openRecords(ground, agents);
  const { chats, outbox, timeline, turns } = records;
  const hooks = openHooks(ground, plugins);
  const out = await openWayOut(ground, records, platforms, hooks);
  const { media, delivery } = out;
  agents.vault.secrets.onTrouble((text) => void out.notices.tell(`secrets:${clock.now()}`, text));
  const pluginRoom = openPluginRoom(ground, {
    out,
    environment,
    serve: async (...asked) => await powers(...asked),
  });
  plugins.join(given ?? pluginRoom);
  const tasks = (actor: Actor) => schedule.desk.as(actor);
  const budgets = await openMoney(ground, agents, records, out);
  const groupPowers = (actor: GroupActor) => groupDesk.as(actor);
  const work = openWork(ground, agents, records, out, budgets, trust, tasks, plugins, groupPowers, hooks);
  const { rooms, dispatcher } = work;
  const schedule = openSchedule(ground, records, out, work);
  const administration = recorded(ground, records);
  const groupDesk = openGroupDesk(ground, agents, records, out, work, {
    changed: (group) => wayIn.admission.groupChanged(group),
    entered: () => wayIn.senders.bound(),
  });
  const dead = createDead(db, {
    clock,
    routeOf: records.routeOf,
    wake: dispatcher.wake,
    deliver: delivery.wake,
  });
  const wayIn = await openWayIn({
    ground,
    agents,
    records,
    out,
    work,
    budgets,
    trust,
    hooks,
    administration,
    groups: groupPowers,
    tasks,
    status,
    dead,
  });
  const powers = openPowers({ ground, records, out, wayIn, tasks, status, plugins });
  const { admission, commands } = wayIn;
  const connecting = openConnecting(ground, pluginRoom, connectable);

  const startedAt = clock.now();
  let draining = false;
  let url = "";

  const knownAccounts = () =>
    accountStates(out.channels.all(), { silent: wayIn.silent(), stuck: delivery.troubles() });

  /** Plugins are asked: what they say of themselves is told with their calls, and an idle one makes none. */
  async function accounts(): Promise<Status["accounts"]> {
    await pluginRoom.refresh();
    return knownAccounts();
  }

  async function status(): Promise<Status> {
    await pluginRoom.refresh();
    return await describeHost({
      host: {
        version: VERSION,
        pid: process.pid,
        home: config.home,
        url,
        startedAt,
        draining,
        paused: stopSwitch.paused ?? null,
        assistant: config.assistant,
        model: { provider: agents.usualRoute, name: config.model, routes: agents.routeStates() },
        sandbox: {
          runtime: agents.runtime.name,
          version: agents.probe().version,
          limits: agents.probe().limits,
        },
      },
      rooms,
      turns,
      hooked: wayIn.hooked,
      dispatcher,
      tasks: schedule.summary,
      dead: dead.summary,
      outbox,
      usage: agents.usage,
      stuck: delivery.troubles,
      accounts: knownAccounts,
      silent: wayIn.silent,
      mounts: work.mounts.states,
      gifts: work.gifts,
      pins: agents.egress.pins,
      unregistered: records.seen.list,
      senders: wayIn.speaking,
      plugins: pluginRoom.status,
      clock,
    });
  }

  const http = createHttp({
    http: config.http,
    socket: paths.socket,
    assistant: config.assistant,
    version: VERSION,
    admission,
    groups: groupPowers({ who: OWNER.who }),
    people: openPeopleDesk(records.people, budgets, wayIn.isOwner),
    timeline,
    chats: { ...chats, ...createTitles({ chats, channelOf: out.channelOf, clock, log }) },
    media,
    bus,
    live: dispatcher,
    tokens: administration.tokens,
    status,
    stopSwitch: administration.stopSwitch,
    dead,
    tasks: tasks(OWNER),
    vault: { test: agents.vault.trySecret },
    trust: trust.powers,
    senders: wayIn.senders,
    channels: { accounts, ...connecting },
    budgets,
    egress: agents.egress,
    plugins: routesOf(pluginRoom, () => draining),
    shutdown: () => void drain(),
    log,
    clock,
    random: randomBytes,
    secrets: ground.secrets,
  });
  ({ url } = await http.listen());
  opened.defer(http.close);
  agents.egress.listensOn(Number(new URL(url).port));
  lock.describe({ url });
  // What a dead host left behind; the key may be another one by now.
  await turns.unhold();
  await dispatcher.sweep();
  await trust.questions.recover();
  await commands.recover();
  await delivery.recover();
  await wayIn.senders.recover();
  await pluginRoom.start(wayIn.channelsChanged);
  await agents.gifts.settled();
  wayIn.inbound.begin();
  wayIn.listen();
  await schedule.scheduler.start();
  startUpkeep(ground, out, work, schedule);

  const finished = Promise.withResolvers<void>();
  let ending: Promise<void> | undefined;

  /** Only the first call does something; a later, more urgent one makes it hurry. */
  function end(graceMs: number, flushMs: number): Promise<void> {
    if (graceMs === 0) work.hurry();
    ending ??= (async () => {
      draining = true;
      failpoint("drain.begin");
      await wayIn.close();
      await schedule.scheduler.close();
      await dispatcher.drain(graceMs, work.hurried);
      await atMost(clock, flushMs, delivery.settled(), work.hurried);
      failpoint("drain.flushed");
      await opened.disposeAsync();
      failpoint("drain.closed");
    })();
    ending.then(finished.resolve, finished.reject);
    return ending;
  }

  function drain(): Promise<void> {
    return end(config.limits.drainSeconds * 1_000, FLUSH_MS);
  }

  const provider = agents.usualRoute;
  log.info({ url, version: VERSION, provider, sandbox: agents.probe() }, "ready");
  return {
    url,
    provider,
    model: config.model,
    sandbox: `${agents.runtime.name} ${agents.probe().version}, limits by ${agents.probe().limits}`,
    loginUrl: http.loginUrl,
    async apiToken(scope) {
      const label = "bellhop up";
      const { tokens } = administration;
      for (const old of await tokens.list()) if (old.label === label) await tokens.revoke(old.hash);
      return (await tokens.issue({ kind: "api", scope, label })).secret;
    },
    status,
    drain,
    stop: () => end(0, 0),
    finished: finished.promise,
  };
}
