/** What is remembered: the store's parts, and a folder for each group. */
import { randomBytes, randomUUID } from "node:crypto";
import { GroupFolder, MAIN } from "../core/ids.ts";
import { DISALLOWED_TOOLS } from "../engines/claude/options.ts";
import { createGroups } from "../groups/groups.ts";
import { createChats } from "../store/chats.ts";
import { createHistory } from "../store/history.ts";
import { createInbox, type RouteOf } from "../store/inbox.ts";
import { createOutbox } from "../store/outbox.ts";
import { scopeOf } from "../store/sessions.ts";
import { createTimeline } from "../store/timeline.ts";
import { createTokens } from "../store/tokens.ts";
import { createTurns } from "../store/turns.ts";
import { guestGroups } from "../store/waiting-chats.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";

export type Records = Awaited<ReturnType<typeof openRecords>>;

export async function openRecords({ config, paths, clock, log, bus, db, opened }: Ground, agents: Agents) {
  const { settings, speaks } = agents;
  const chats = createChats(db, clock);
  const history = createHistory(db, clock, log);
  bus.subscribe(({ type }) => type === "durable" && history.wake());
  history.wake();
  opened.defer(history.close);
  const routeOf: RouteOf = ({ id, folder }) => ({ scope: scopeOf(id, folder), ...speaks(folder) });
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
  const groups = createGroups({ paths, config, log, deniedTools: DISALLOWED_TOOLS, background: true });
  const folders = Object.keys(config.groups).map((name) => GroupFolder.parse(name));
  /** Groups of people who were let in; the configuration does not know them. */
  const guests = new Set(await guestGroups(db));
  for (const folder of guests) await groups.ensure(folder);
  for (const folder of new Set([MAIN, ...folders])) {
    await chats.ensureGroup(folder);
    await groups.ensure(folder);
    for (const chat of config.groups[folder]?.chats ?? []) await chats.bind(chat, folder);
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
    guests,
  };
}
