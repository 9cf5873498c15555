/** A live turn of a chat, and its agent's hand on the tools for tasks. */
import { middle, settled } from "../../turns/__tests__/middle.ts";
import type { ToolResult } from "../../turns/engine.ts";

export const DAILY = { cron: "0 7 * * *", prompt: "Good morning!" };

export async function atWork(chat = "web:kitchen", group = "main") {
  const house = await middle();
  await house.bind("web:kitchen", "main");
  await house.bind("web:garden", "garden");
  await house.bind(chat, group);
  await house.says(chat, "remind me");
  let uses = 0;
  const { db } = house;
  const { tools } = house.engine.latest.opened;
  return {
    ...house,
    async call(name: string, input: unknown, toolUseId = `use-${(uses += 1)}`): Promise<ToolResult> {
      const tool = tools.find((one) => one.name === name);
      if (!tool) throw new Error(`there is no tool ${name}`);
      const result = await tool.call(input, { toolUseId });
      await settled();
      return result;
    },
    rows: () => db.selectFrom("tasks").selectAll().orderBy("created_at").execute(),
    refusals: () =>
      db
        .selectFrom("audit")
        .select(["actor", "action", "detail"])
        .where("allowed", "=", 0)
        .where("action", "not like", "tool.%")
        .execute(),
    acts: () => db.selectFrom("journal").select(["tool", "result"]).execute(),
    runs: () => db.selectFrom("occurrences").select(["state", "manual"]).execute(),
  };
}

/** One that was made before by the same agent. */
export async function withTask(input: object = DAILY) {
  const house = await atWork();
  await house.call("schedule_task", input);
  const [row] = await house.rows();
  if (!row) throw new Error("no task was made");
  return { ...house, id: row.id };
}
