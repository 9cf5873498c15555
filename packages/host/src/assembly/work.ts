/** The work: sandboxes, turns in them, and who is next. */
import { StaleError } from "@bellhop/sdk";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Budgets } from "../budgets/budgets.ts";
import { sandboxLimitsOf } from "../config.ts";
import type { GroupFolder, SessionId } from "../core/ids.ts";
import type { Plugins } from "../core/plugin.ts";
import { createDispatcher } from "../dispatch/dispatcher.ts";
import type { GroupActor, GroupPowers } from "../groups/desk.ts";
import type { Actor, TaskPowers } from "../scheduler/desk.ts";
import { sandboxUid } from "../sandbox/staging.ts";
import { hostTools } from "../tools/tools.ts";
import { createEndings } from "../turns/endings.ts";
import { createProviderHealth } from "../turns/provider-health.ts";
import { CUT } from "../turns/failure-words.ts";
import { createRooms, type Room } from "../turns/rooms.ts";
import { createScripts } from "../turns/scripts.ts";
import { startTurn, type TurnParts } from "../turns/turn.ts";
import { createTurnHooks } from "../turns/turn-hooks.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";
import { describeGifts } from "./gifts.ts";
import type { Hooks } from "./hooks.ts";
import { openMounts } from "./mounts.ts";
import type { Records } from "./records.ts";
import { showCard, type Trust } from "./trust.ts";
import type { WayOut } from "./way-out.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export type Work = ReturnType<typeof openWork>;

/** @param tasks what whoever asks may do with tasks, and with groups */
export function openWork(
  ground: Ground,
  agents: Agents,
  records: Records,
  out: WayOut,
  budgets: Budgets,
  trust: Trust,
  tasks: (actor: Actor) => TaskPowers,
  plugins: Plugins,
  groupPowers: (actor: GroupActor) => GroupPowers,
  { calls }: Hooks,
) {
  const { config, paths, clock, random, log, bus, secrets, stopSwitch, opened } = ground;
  const { runtime, killAll, broker, routes, engineOf, settings, gifts } = agents;
  const { chats, outbox, turns, groups, history } = records;
  const { media, notices, delivery, answers, presence, streaming, channelOf } = out;
  const { hold } = stopSwitch;
  /** The engines' own commands, as each group's engine named them last. */
  const offered = new Map<GroupFolder, ReadonlySet<string>>();

  const claimOf = (wanted: SessionId) =>
    hold().aborted ? undefined : dispatcher.running().find(({ claim }) => claim.session.id === wanted)?.claim;
  const toolsOf = (session: SessionId, group: GroupFolder) =>
    hostTools(session, group, {
      plugins,
      claimOf,
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
      tasks,
      groups: groupPowers,
      now: clock.now,
      secrets,
      deliver: delivery.wake,
      trust: { weigh: trust.policy.weigh, taint: trust.taint, audit: ground.audit },
    });

  /** Whoever was promised news of work hears that there will be none. */
  async function tellCut({ session, groupId, group, chat }: Room): Promise<void> {
    log.warn({ group }, "work in the background went on for too long and was ended");
    const key = `background:${session}:${clock.now()}`;
    if (chat && (await outbox.oweNotice({ chat, groupId, key, text: CUT }))) delivery.wake(chat);
  }

  const mounts = openMounts(ground, records, out, gifts.wantedMounts);
  /** What a sandbox of the group sees; whether that taints whoever sees it is known before anybody does. */
  async function furnish(group: GroupFolder, _groupNumber: number, session: SessionId, bare = false) {
    const machine = bare ? [] : mounts.of(group);
    const seen = (await Promise.all([groups.mounts(group), machine, gifts.mounts(group)])).flat();
    await trust.taint.sharesMemory(session);
    return seen;
  }
  const limitsOf = (group: GroupFolder) => sandboxLimitsOf(config, group);
  const scripts = createScripts({
    runtime,
    broker,
    furnish,
    uidOf: sandboxUid,
    limitsOf,
    clock,
    log,
  });

  const rooms = createRooms({
    runtime,
    broker,
    engineOf,
    onOffered: (group, commands) => void offered.set(group, new Set(commands)),
    engineHomeOf: (group) => join(paths.sessions, group),
    furnish,
    instructionsOf: groups.instructions,
    toolsOf,
    giftsOf: gifts.markOf,
    uidOf: sandboxUid,
    limitsOf,
    idleMs: config.sandbox.idleMinutes * MINUTE,
    backgroundMs: config.sandbox.backgroundMinutes * MINUTE,
    onCut: (room) =>
      void tellCut(room).catch((error: unknown) => log.error({ err: error }, "nobody was told of cut work")),
    cores: availableParallelism(),
    clock,
    log,
  });

  gifts.onChange(rooms.refresh);

  agents.onRuntimeDown((reason) => {
    const text =
      `No answers can be given just now, because there is no sandbox to work in: ${reason}. ` +
      "Messages are kept, and answered when it is there again. More with: bellhop doctor";
    void notices.tell(`sandbox:${clock.now()}`, text);
  });

  routes.attend((provider) =>
    createProviderHealth({
      provider,
      check: broker.keyWorks,
      async onUsable() {
        await turns.unhold();
        await dispatcher.sweep();
      },
      notices,
      clock,
      log,
    }),
  );
  opened.defer(routes.close);

  const life = createTurnHooks({ calls, turns, clock, log });
  opened.defer(life.close);
  const turnParts: TurnParts = {
    life,
    mayGrow: out.mayGrow,
    media,
    takesOf: (group) => engineOf(group).takes,
    filesOf: groups.files,
    scripts,
    effortOf: ({ task, chat }) => task && (task.effort ?? settings(chat.folder).taskEffort),
    spendingOf: budgets.spendingOf,
    routes,
    notices,
    turns,
    taint: trust.taint,
    rooms,
    bus,
    deliver: ({ chat }) => delivery.wake(chat.id),
    answers,
    timezoneOf: (group) => settings(group).timezone,
    abilitiesOf: (chat) => channelOf(chat)?.abilities,
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
    random,
    log,
  };
  const dispatcher = createDispatcher({
    turns,
    rooms,
    start: (claim, goesOn) => {
      const running = startTurn(claim, turnParts, goesOn);
      const { task } = claim;
      if (task && !task.announce) return running; // nobody is to see that something goes on
      presence.watch(running);
      streaming.watch(running);
      return running;
    },
    async bury(claim) {
      await createEndings(turnParts).buryLost(claim);
      life.left(claim);
    },
    sandboxes: config.limits.sandboxes,
    paused: () => hold().aborted,
    clock,
    log,
  });
  async function closeRooms(group: GroupFolder): Promise<{ readonly busy: boolean }> {
    const busy = () => dispatcher.running().some(({ claim }) => claim.chat.folder === group);
    if (busy()) return { busy: true };
    await Promise.all(rooms.list().flatMap((room) => (room.group === group ? rooms.close(room) : [])));
    return { busy: busy() };
  }
  trust.join({
    claimOf,
    closeRooms,
    show: (card) => showCard(card, { records, out }),
    deliver: out.delivery.wake,
  });
  const hurry = Promise.withResolvers<void>();
  opened.defer(() => dispatcher.drain(0, hurry.promise));

  /** What goes on after a pause, beside what is joined here. */
  const goingOn: (() => void)[] = [];
  stopSwitch.drive({
    async halt() {
      for (const turn of dispatcher.running()) turn.release();
      const killed = await killAll();
      await Promise.all(rooms.list().map(rooms.close));
      return killed;
    },
    async goOn() {
      dispatcher.look();
      for (const goOn of goingOn) goOn();
      await Promise.all([dispatcher.sweep(), delivery.recover()]);
    },
  });

  return {
    rooms,
    closeRooms,
    mounts,
    gifts: async () => describeGifts(plugins, gifts, await chats.groups()),
    dispatcher,
    offers: (group: GroupFolder, name: string) => offered.get(group)?.has(name) ?? false,
    onGoOn: (goOn: () => void): void => void goingOn.push(goOn),
    /** Turns that are still drained end now. */
    hurry: hurry.resolve,
    hurried: hurry.promise,
  };
}
