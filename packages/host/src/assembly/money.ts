/** What may be spent on models, and what was. */
import { type Budgets, openBudgets } from "../budgets/budgets.ts";
import { NoTaskError } from "../scheduler/no-task.ts";
import { createBudgetStore } from "../store/budgets.ts";
import { createTasks } from "../store/tasks.ts";
import { createUsageReports } from "../store/usage-report.ts";
import type { Agents } from "./agents.ts";
import type { Ground } from "./ground.ts";
import type { Records } from "./records.ts";
import type { WayOut } from "./way-out.ts";

export async function openMoney(
  { config, clock, db, audit }: Ground,
  agents: Agents,
  { people }: Pick<Records, "people">,
  out: WayOut,
): Promise<Budgets> {
  const { settings, usage } = agents;
  const tasks = createTasks(db, clock);
  return await openBudgets({
    config,
    timezoneOf: (group) => (group === undefined ? config.timezone : settings(group).timezone),
    async groupOfTask(id) {
      const [task] = await tasks.beginningWith(db, id);
      if (task?.id !== id) throw new NoTaskError(id);
      return task.folder;
    },
    madeGroups: agents.choices.made,
    people,
    store: createBudgetStore(db, clock, audit),
    usage,
    reports: createUsageReports(db),
    notices: out.notices,
    clock,
  });
}
