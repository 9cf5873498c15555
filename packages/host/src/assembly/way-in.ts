/** The way in: admission, the chat commands, and the platforms that are listened to. */
import { randomUUID } from "node:crypto";
import { createAdmission } from "../admission/admission.ts";
import { createCommands } from "../admission/commands/commands.ts";
import { createHeldFiles } from "../admission/held-inbound.ts";
import { createInboundHooks } from "../admission/inbound-hooks.ts";
import type { Budgets } from "../budgets/budgets.ts";
import { type Listeners, listenToAll } from "../channels/listen.ts";
import { type ChatId, type GroupFolder, MAIN, type SenderId, type SessionId } from "../core/ids.ts";
import { compilePattern } from "../core/pattern.ts";
import { splitText } from "../core/split.ts";
import type { Status } from "../core/status.ts";
import type { GroupActor, GroupPowers } from "../groups/desk.ts";
import type { Actor, TaskPowers } from "../scheduler/desk.ts";
import { createCommandStore } from "../store/commands.ts";
import type { Dead } from "../store/dead.ts";
import { createHookedInbox } from "../store/hooked-inbox.ts";
import type { Unregistered } from "../store/seen-chats.ts";
import { standingOf } from "../store/senders.ts";
import { createWhy } from "../store/why.ts";
import type { Agents } from "./agents.ts";
import type { Administration } from "./administration.ts";
import type { Ground } from "./ground.ts";
import type { Hooks } from "./hooks.ts";
import type { Records } from "./records.ts";
import type { Trust } from "./trust.ts";
import { openSenders } from "./senders.ts";
import type { WayOut } from "./way-out.ts";
import type { Work } from "./work.ts";

export interface WayInParts {
  readonly ground: Ground;
  readonly agents: Agents;
  readonly records: Records;
  readonly out: WayOut;
  readonly work: Work;
  readonly budgets: Budgets;
  readonly trust: Trust;
  readonly hooks: Hooks;
  readonly administration: Pick<Administration, "stopSwitch">;
  /** What whoever asks may do with groups and chats. */
  readonly groups: (actor: GroupActor) => GroupPowers;
  /** What whoever asks may do with tasks. */
  readonly tasks: (actor: Actor) => TaskPowers;
  readonly status: () => Promise<Status>;
  readonly dead: Pick<Dead, "retry">;
}

export type WayIn = Awaited<ReturnType<typeof openWayIn>>;

export async function openWayIn(parts: WayInParts) {
  const { ground, agents, records, out, work, budgets, trust, administration, tasks, status } = parts;
  const { config, clock, random, log, bus, db, opened } = ground;
  const { settings, choices, usage } = agents;
  const { chats, inbox, turns, people, seen } = records;
  const { channels, media, notices, delivery, answers, presence } = out;
  const { rooms, dispatcher, offers } = work;
  const whyOf = createWhy(db);

  /** What runs and waits in one group. */
  async function workOf(group: GroupFolder): Promise<Pick<Status, "turns" | "waiting">> {
    const here = new Set((await chats.list()).flatMap((chat) => (chat.group === group ? chat.id : [])));
    const { turns, waiting } = await status();
    const inGroup = ({ chat }: { chat: ChatId }) => here.has(chat);
    return { turns: turns.filter(inGroup), waiting: waiting.filter(inGroup) };
  }

  /** Those in conversations of their own; the chat's own conversation is stopped with it. */
  async function stopTasks(chat: ChatId, why: string): Promise<number> {
    const runs = (await turns.live()).filter(({ chat_id, kind }) => chat_id === chat && kind === "task");
    const stopped = await Promise.all(runs.map(({ session_id }) => dispatcher.stop(session_id, why)));
    return stopped.filter((what) => what === "stopped").length;
  }

  const { allowlist, senders } = await openSenders(ground, records, agents, notices, {
    deliver: delivery.wake,
    admit: async (chat, held) => {
      const channel = out.channelOf(chat);
      if (channel) await admission.admit(channel, chat, held);
      return channel !== undefined;
    },
  });

  const commands = createCommands({
    store: createCommandStore(db, clock),
    powers: {
      stop: dispatcher.stop,
      stopTasks,
      tasks: (group, who) => tasks({ who, group, all: group === MAIN }),
      async closeRoom(session) {
        const room = rooms.of(session);
        if (room) await rooms.close(room);
      },
      settingsOf: settings,
      async choose(group, change) {
        await choices.choose(group, change);
        await ground.audit.note({
          actor: "a chat command",
          groupId: null,
          action: "group.choose",
          subject: `group:${group}`,
          allowed: true,
          detail: JSON.stringify(change),
        });
      },
      approvals: trust.powers,
      work: workOf,
      host: status,
      async why(chat, which) {
        await usage.settled(); // it is written behind the answers
        return await whyOf.find(chat, which);
      },
      // Whoever asks for it has seen that it is not there.
      retry: async (id) => await parts.dead.retry(id, true),
      explain: dispatcher.explain,
      emergency: administration.stopSwitch,
      senders,
      bind: (chat, group) => parts.groups({ who: "the owner, by a chat command" }).bind([chat], group),
      budgets,
      now: clock.now,
    },
    offers,
    split: (chat, text) => splitText(text, answers.sizeOf(chat)),
    deliver: delivery.wake,
    log,
  });
  opened.defer(commands.settled);

  function roleOf(sender: SenderId, group: GroupFolder): "owner" | "admin" | "member" {
    const ids = people.idsOf(sender);
    if (ids.some((id) => config.owners.includes(id))) return "owner";
    return ids.some((id) => config.groups[group]?.admins.includes(id)) ? "admin" : "member";
  }

  function onUnregistered({ chat, title, senderName }: Unregistered): void {
    const where = title === null ? chat : `${chat} (${title})`;
    void notices.tell(
      `unregistered:${chat}`,
      `${senderName} wrote in a chat that no group has: ${where}. I read nothing there. Bind it with: bellhop chats bind ${chat} GROUP`,
    );
  }

  const wake = (session: SessionId, groupId: number, group: GroupFolder) =>
    dispatcher.wake(session, groupId, { quietMs: settings(group).debounceSeconds * 1_000 });

  const hooked = createHookedInbox(db, clock, records.routeOf);
  const inbound = createInboundHooks({
    store: hooked,
    calls: parts.hooks.calls,
    media,
    wake,
    taken: presence.taken,
    deliver: delivery.wake,
    bus,
    clock,
    log,
  });
  opened.defer(inbound.close);
  await inbound.find();

  const admission = createAdmission({
    hooks: inbound,
    inbox,
    commands,
    home: MAIN,
    bus,
    wake,
    deliver: delivery.wake,
    fetch(files) {
      media.fetch(files);
      // A file of somebody else's has tainted the group, by the commit of its message.
      trust.taint
        .look()
        .catch((error: unknown) => log.error({ err: error }, "what is tainted could not be read"));
    },
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
    roleOf,
    people,
    seen,
    onUnregistered,
    mayCall: allowlist.mayCall,
    onDenied(chat, sender, reason) {
      if (allowlist.logsDenied) log.info({ chat, sender, reason }, "somebody wrote who may not speak");
    },
    limits: config.senders,
    senders,
    heldFiles: createHeldFiles(),
    now: clock.now,
  });

  let listeners: Listeners | undefined;
  return {
    commands,
    admission,
    /** Messages that plugins look at first. */
    inbound,
    hooked,
    senders,
    /** On platforms, under this id or another one of the same person. */
    async isOwner(sender: SenderId): Promise<boolean> {
      const linked = people.idsOf(sender).filter((id) => id !== sender);
      return roleOf(sender, MAIN) === "owner" || (await standingOf(db, { id: sender, linked })) === "owner";
    },
    /** What `status` says of who may speak. */
    speaking: async () => ({
      waiting: (await senders.list()).waiting.length,
      problems: [...allowlist.problems()],
    }),

    /** From here on platforms bring what people write. */
    listen(): void {
      listeners = listenToAll({
        channels: channels.all(),
        admission,
        inbox,
        onHeld: ({ name, account }, { message }) =>
          void notices.tell(
            `held:${name}/${account}:${randomUUID()}`,
            `I cannot listen to ${name}: ${message}`,
          ),
        clock,
        random,
        log,
      });
      opened.defer(listeners.close);
    },

    /** Plugins have come or gone. */
    channelsChanged: () => listeners?.set(channels.all()),

    /** Nothing new is taken. */
    async close(): Promise<void> {
      admission.close();
      await listeners?.close();
      await inbound.close();
    },

    /** Platforms that cannot be listened to just now. */
    silent: () => listeners?.silent() ?? [],
  };
}
