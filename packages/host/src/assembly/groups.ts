/** The desk for groups: the configuration's word and the database's in one place, and what follows from a change. */
import { join } from "node:path";
import { type Config, type GroupConfig, groupConfig } from "../config.ts";
import { GroupChoices } from "../config/sections.ts";
import type { ChatId, GroupFolder } from "../core/ids.ts";
import { createGroupDesk } from "../groups/desk.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayOut } from "./way-out.ts";
import type { Work } from "./work.ts";

/** What of the way in, which is made later, a change concerns. */
interface Follows {
  changed(group: GroupFolder): void;
  entered(): void;
}

export function openGroupDesk(
  { config, paths, clock, db, audit }: Ground,
  { choices, settings }: Agents,
  { groups, groupExists, seen }: Records,
  { delivery }: WayOut,
  { dispatcher, rooms, closeRooms }: Work,
  follows: Follows,
) {
  return createGroupDesk({
    db,
    choices,
    configured: configuredGroups(config),
    exists: groupExists,
    settingsOf: settings,
    folderOf: (group) => join(paths.groups, group),
    ensure: groups.ensure,
    seen,
    audit: audit.write,
    stop: dispatcher.stop,
    closeRooms,
    async closeRoom(session) {
      const room = rooms.of(session);
      if (room) await rooms.close(room);
    },
    ...follows,
    deliver: delivery.wake,
    now: clock.now,
  });
}

function configuredGroups(config: Config) {
  const homes = new Map<ChatId, string>(
    Object.entries(config.groups).flatMap(([group, { chats }]) =>
      chats.map((chat) => [chat, group] as const),
    ),
  );
  return {
    has: (group: GroupFolder) => config.groups[group] !== undefined,
    own(group: GroupFolder): GroupChoices {
      const own = config.groups[group] ?? {};
      const named = Object.keys(own).filter((name) => name in GroupChoices.shape);
      const all: Partial<Record<string, unknown>> = groupConfig(config, group) satisfies GroupConfig;
      return GroupChoices.parse(Object.fromEntries(named.map((name) => [name, all[name]])));
    },
    // A key of the section is a name of a group.
    groupOf: (chat: ChatId) => homes.get(chat) as GroupFolder | undefined,
    acp: config.acp !== undefined,
  };
}
