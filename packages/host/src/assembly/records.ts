/** What is remembered: the store's parts, and a folder for each group. */
import { randomBytes, randomUUID } from "node:crypto";
import { type ChatId, GroupFolder, MAIN } from "../core/ids.ts";
import { DISALLOWED_TOOLS } from "../engines/claude/options.ts";
import { createGroups } from "../groups/groups.ts";
import { createChats } from "../store/chats.ts";
import { createHistory } from "../store/history.ts";
import { createInbox, type RouteOf } from "../store/inbox.ts";
import { whenSettled } from "../store/moves.ts";
import { createOutbox } from "../store/outbox.ts";
import { openPeople } from "../store/people.ts";
import { openSeenChats } from "../store/seen-chats.ts";
import { scopeOf } from "../store/sessions.ts";
import { createTimeline } from "../store/timeline.ts";
import { createTokens } from "../store/tokens.ts";
import { createTurns } from "../store/turns.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";

export type Records = Awaited<ReturnType<typeof openRecords>>;

export async function openRecords(
  { config, paths, clock, log, bus, db, audit, opened }: Ground,
  agents: Agents,
) {
  const { settings, speaks, choices } = agents;
  const chats = createChats(db, clock);
  const history = createHistory(db, clock, log);
  bus.subscribe(({ type }) => type === "durable" && history.wake());
  history.wake();
  opened.defer(history.close);
  const routeOf: RouteOf = ({ id, folder }, kind) => ({
    scope: scopeOf(id, folder),
    ...speaks(folder, kind),
  });
  const seen = await openSeenChats(db, clock, log);
  opened.defer(seen.settled);
  const turns = createTurns(db, {
    clock,
    boot: randomUUID(),
    modelOf(group, kind) {
      const { model, taskModel } = settings(group);
      return kind === "task" ? (taskModel ?? model) : model;
    },
    speaks,
    contextOf: (group) => {
      const { contextMessages: messages, contextTokens: tokens } = settings(group);
      return { messages, tokens };
    },
  });
  const groups = createGroups({
    paths,
    settingsOf: settings,
    log,
    deniedTools: DISALLOWED_TOOLS,
    background: true,
  });
  const folders = Object.keys(config.groups).map((name) => GroupFolder.parse(name));
  /** Beside the configured ones those that were made while we ran, and those of people who were let in. */
  const groupExists = (folder: GroupFolder) =>
    folder === MAIN ||
    config.groups[folder] !== undefined ||
    choices.isMade(folder) ||
    choices.isGuest(folder);
  for (const folder of choices.made()) await groups.ensure(folder);
  for (const folder of new Set([MAIN, ...folders])) {
    await chats.ensureGroup(folder);
    await groups.ensure(folder);
    for (const chat of config.groups[folder]?.chats ?? []) await bindConfigured(chat, folder);
  }

  /** Another group may have had it when the host stopped, and something of it may wait there. */
  async function bindConfigured(chat: ChatId, folder: GroupFolder): Promise<void> {
    const known = await chats.find(chat);
    if (known && known.folder !== folder)
      await whenSettled(
        // What is owed is delivered once we are up.
        { db, stop: turns.cancelWaiting, deliver: () => undefined, now: clock.now },
        async () => [chat],
        `this chat was given to the group ${folder}`,
        async () => undefined,
      );
    await chats.bind(chat, folder);
  }
  return {
    chats,
    history,
    routeOf,
    inbox: createInbox(db, clock, routeOf),
    outbox: createOutbox(db, clock),
    timeline: createTimeline(db),
    tokens: createTokens(db, clock, randomBytes),
    turns,
    groups,
    groupExists,
    settings,
    people: await openPeople(db, clock, audit),
    seen,
  };
}
