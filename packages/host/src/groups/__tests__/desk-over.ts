/** The desk of groups over a database of a test's own, put together as `assembly/groups.ts` does it. */
import type { Kysely } from "kysely";
import { type GroupConfig, loadConfig } from "../../config.ts";
import type { GroupChoices } from "../../config/sections.ts";
import type { Clock } from "../../core/clock.ts";
import { given } from "../../core/given.ts";
import { type ChatId, type GroupFolder, MAIN } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createAudit } from "../../store/audit.ts";
import { openGroupSettings } from "../../store/group-settings.ts";
import { openSeenChats } from "../../store/seen-chats.ts";
import type { Database } from "../../store/tables.ts";
import { createGroupDesk, type GroupDeskParts } from "../desk.ts";

export interface DeskOptions extends Partial<
  Pick<GroupDeskParts, "stop" | "closeRooms" | "closeRoom" | "deliver">
> {
  /** Groups of config.yaml: what each sets, and its chats. */
  readonly configured?: ReadonlyMap<GroupFolder, { own?: GroupChoices; chats?: readonly ChatId[] }>;
}

/** What holds where nothing is configured. */
export function usualSettings(): GroupConfig {
  const { assistant, engine, model, defaults } = loadConfig({ home: "/nowhere", env: {} });
  return { assistant, timezone: "UTC", engine, model, pattern: undefined, ...defaults };
}

export async function deskOver(db: Kysely<Database>, clock: Clock, options: DeskOptions = {}) {
  const { configured = new Map(), ...scripted } = options;
  const choices = await openGroupSettings(db);
  const seen = await openSeenChats(db, clock, silentLog);
  const made: GroupFolder[] = [];
  const changed: GroupFolder[] = [];
  const exists = (group: GroupFolder) =>
    group === MAIN || configured.has(group) || choices.isMade(group) || choices.isGuest(group);
  const desk = createGroupDesk({
    db,
    choices,
    configured: {
      has: (group) => configured.has(group),
      own: (group) => configured.get(group)?.own ?? {},
      groupOf: (chat) => [...configured].find(([, { chats = [] }]) => chats.includes(chat))?.[0],
      acp: false,
    },
    exists,
    settingsOf: (group) => ({
      ...usualSettings(),
      ...configured.get(group)?.own,
      ...given(choices.of(group)),
    }),
    folderOf: (group) => `/nowhere/groups/${group}`,
    ensure: async (group) => void made.push(group),
    seen,
    audit: createAudit(db, { clock, redact: (text) => text }).write,
    stop: async () => "nothing",
    closeRooms: async () => ({ busy: false }),
    closeRoom: async () => undefined,
    changed: (group) => void changed.push(group),
    entered: () => undefined,
    deliver: () => undefined,
    now: clock.now,
    ...scripted,
  });
  return { desk, choices, seen, exists, made, changed };
}
