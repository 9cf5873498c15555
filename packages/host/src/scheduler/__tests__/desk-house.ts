/** The desk in the middle, with the groups `main` (web:kitchen) and `family` (web:family). */
import { ChatId, GroupFolder } from "../../core/ids.ts";
import { type Task, TaskId } from "../../core/task.ts";
import { everyMinute } from "../../store/__tests__/house.ts";
import { middle, type MiddleOptions } from "../../turns/__tests__/middle.ts";

export const KITCHEN = ChatId.parse("web:kitchen");
export const FAMILY = GroupFolder.parse("family");
export const FAMILY_CHAT = ChatId.parse("web:family");

export async function atDesk(options: MiddleOptions = {}) {
  const house = await middle(options);
  await house.bind(KITCHEN, "main");
  await house.bind(FAMILY_CHAT, "family");
  return {
    ...house,
    /** Of the owner's. */
    owner: house.tasks,
    /** Of the agent's in the chat of the family. */
    family: house.desk.as({
      who: "the agent of family",
      group: FAMILY,
      all: false,
      chat: FAMILY_CHAT,
    }),

    /** One that has this id. */
    async put(id: string, chat: ChatId = KITCHEN): Promise<TaskId> {
      const bound = await house.chats.find(chat);
      if (!bound) throw new Error(`there is no chat ${chat}`);
      const of = { group_id: bound.group_id, chat_id: chat };
      const row = { ...everyMinute(house.clock.now()), ...of, id: TaskId.parse(id) };
      await house.taskRows.insert(house.db, row);
      return row.id;
    },

    rowOf: async ({ id }: Pick<Task, "id">) =>
      await house.db.selectFrom("tasks").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),

    /** Who did what, or was refused it. */
    audited: async () =>
      await house.db
        .selectFrom("audit")
        .leftJoin("groups", "groups.id", "audit.group_id")
        .select(["actor", "groups.folder as group", "action", "subject", "allowed", "detail"])
        .orderBy("audit.id")
        .execute(),

    statesOf: async ({ id }: Pick<Task, "id">) =>
      (
        await house.db
          .selectFrom("occurrences")
          .select(["state", "reason"])
          .where("task_id", "=", id)
          .orderBy("scheduled_for")
          .execute()
      ).map(({ state, reason }) => (reason === null ? state : `${state}: ${reason}`)),
  };
}
