/** Groups as people and programs see them: where each comes from, what holds for it, its chats and tasks. */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { GroupConfig } from "../config.ts";
import type { GroupChoices } from "../config/sections.ts";
import { type ChatId, type GroupFolder, MAIN } from "../core/ids.ts";
import type { GroupSettings } from "../store/group-settings.ts";
import { chatsOf } from "../store/moves.ts";
import type { Database } from "../store/tables.ts";

/**
 * `config`: it stands in config.yaml. `made`: by `bellhop groups`, the API or the agent of `main`. `guest`: for
 * somebody who was let in. `left over`: it stood in config.yaml once, and still has chats.
 */
export type GroupOrigin = "main" | "config" | "made" | "guest" | "left over";

export interface GroupView {
  readonly name: GroupFolder;
  readonly origin: GroupOrigin;
  /** Where its notes are. */
  readonly folder: string;
  /** What holds for it now, and what of that was chosen while we ran. */
  readonly settings: GroupConfig;
  readonly chosen: GroupChoices;
  readonly chats: readonly { readonly id: ChatId; readonly title: string | null }[];
  readonly tasks: { readonly active: number; readonly paused: number };
  readonly createdAt: number;
}

export interface GroupViewsParts {
  readonly db: Kysely<Database>;
  readonly choices: Pick<GroupSettings, "of" | "isMade" | "isGuest">;
  readonly configured: { has(group: GroupFolder): boolean };
  readonly settingsOf: (group: GroupFolder) => GroupConfig;
  readonly folderOf: (group: GroupFolder) => string;
}

export function createGroupViews({ db, choices, configured, settingsOf, folderOf }: GroupViewsParts) {
  async function all(only?: GroupFolder): Promise<{ groupId: number; view: GroupView }[]> {
    const groups = await db
      .selectFrom("groups")
      .select(["id", "folder", "created_at as createdAt"])
      .$if(only !== undefined, (query) => query.where("folder", "=", only ?? MAIN))
      .orderBy("id")
      .execute();
    const chats = await db
      .selectFrom("chats")
      .select(["id", "title", "group_id"])
      .where("standing", "=", "open")
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    const tasks = await db
      .selectFrom("tasks")
      .select((eb) => ["group_id", "state", eb.fn.countAll<number>().as("count")])
      .where("state", "in", ["active", "paused"])
      .groupBy(["group_id", "state"])
      .execute();
    return groups.flatMap(({ id: groupId, folder: name, createdAt }) => {
      const own = chats.flatMap(({ id, title, group_id }) => (group_id === groupId ? { id, title } : []));
      const origin = originOf(name, own.length);
      if (!origin) return [];
      const count = (state: string) =>
        tasks.find((row) => row.group_id === groupId && row.state === state)?.count ?? 0;
      const view: GroupView = {
        name,
        origin,
        folder: folderOf(name),
        settings: settingsOf(name),
        chosen: choices.of(name),
        chats: own,
        tasks: { active: count("active"), paused: count("paused") },
        createdAt,
      };
      return { groupId, view };
    });
  }

  function originOf(name: GroupFolder, chats: number): GroupOrigin | undefined {
    if (name === MAIN) return "main";
    if (configured.has(name)) return "config";
    if (choices.isMade(name)) return "made";
    if (choices.isGuest(name)) return "guest";
    return chats > 0 ? "left over" : undefined;
  }

  async function find(name: GroupFolder): Promise<{ groupId: number; view: GroupView } | undefined> {
    const [found] = await all(name);
    return found;
  }

  return {
    find,
    list: async (): Promise<readonly GroupView[]> => (await all()).map(({ view }) => view),
    chatsOf: (groupId: number): Promise<ChatId[]> => chatsOf(db, groupId),

    /** @throws RejectedError where there is none */
    async of(name: GroupFolder): Promise<GroupView> {
      const found = await find(name);
      if (found) return found.view;
      throw new RejectedError(`There is no group ${name}. See: bellhop groups list`);
    },
  };
}
