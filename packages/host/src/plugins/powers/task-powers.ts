/**
 * Tasks, as a plugin reads and changes them: those whose group and chat are in its scope; others are not there.
 * What it makes or changes is tainted, for nobody knows whose words they are. The desk keeps the record.
 */
import { type Json, RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { inScope } from "../../core/plugin.ts";
import { NewTask, type Task, TaskChange } from "../../core/task.ts";
import type { Actor, TaskPowers } from "../../scheduler/desk.ts";
import { NoTaskError } from "../../scheduler/no-task.ts";
import { type Asking, type ChatFor, power, type Powers } from "./power.ts";
import { createRate } from "./rate.ts";
import type { Clock } from "../../core/clock.ts";

export interface TaskPowerParts {
  readonly desk: (actor: Actor) => TaskPowers;
  readonly chatFor: ChatFor;
  readonly clock: Clock;
}

/** In one group; more than anybody needs. */
const MOST_TASKS = 100;
const PER_MINUTE = 30;
const HISTORY = 50;
const Named = z.strictObject({ id: z.string().min(1).max(40) });

export function taskPowers({ desk, chatFor, clock }: TaskPowerParts): Powers {
  const changes = createRate(clock, PER_MINUTE, "changes of tasks");

  /** Sees all groups, so that nobody is refused, and so recorded, for what is merely out of scope. */
  const reader = ({ name }: Asking) => desk({ who: `the plugin ${name}`, group: MAIN, all: true });

  const writer = ({ name }: Asking, group: GroupFolder) =>
    desk({ who: `the plugin ${name}`, group, all: false, most: MOST_TASKS, tainted: () => true });

  const sees = ({ installed }: Asking, { group, chat }: Pick<Task, "group" | "chat">): boolean =>
    inScope(installed.scope, group, chat);

  /** @throws NoTaskError also where it is out of scope */
  async function known(plugin: Asking, id: string) {
    const task = await reader(plugin).show(id);
    if (!sees(plugin, task)) throw new NoTaskError(id);
    return task;
  }

  async function change(
    plugin: Asking,
    id: string,
    how: (mine: TaskPowers, id: string) => Promise<unknown>,
  ): Promise<Json> {
    const task = await known(plugin, id);
    changes.take(plugin.name);
    return told(await how(writer(plugin, task.group), task.id));
  }

  /** Of a new task: where it says, else where its chat belongs, else the one group of the scope. */
  async function groupOf(plugin: Asking, { group, chat }: NewTask): Promise<GroupFolder> {
    const { groups } = plugin.installed.scope;
    const [only, other] = groups === "all" ? [] : groups;
    const wanted = chat === undefined ? undefined : (await chatFor(plugin, chat)).folder;
    const found = group ?? wanted ?? (other === undefined ? only : undefined);
    if (found === undefined) throw new RejectedError("say for whom the task is: its `chat`, or its `group`");
    if (!inScope(plugin.installed.scope, found))
      throw new RejectedError(`${found} is no group that ${plugin.name} has in its scope`);
    if (chat === undefined && plugin.installed.scope.channels !== "all")
      throw new RejectedError(
        `say in which chat the task answers: ${plugin.name} has not all of them in its scope`,
      );
    return found;
  }

  return {
    "tasks.list": power(
      "tasks:read",
      z.strictObject({ group: GroupFolder.optional() }),
      async (plugin, { group }) => {
        const all = await reader(plugin).list({ group, all: false });
        return told(all.filter((task) => sees(plugin, task)));
      },
    ),
    "tasks.get": power("tasks:read", Named, async (plugin, { id }) => told(await known(plugin, id))),
    "tasks.history": power("tasks:read", Named, async (plugin, { id }) => {
      const task = await known(plugin, id);
      const { occurrences } = await reader(plugin).history(task.id, { limit: HISTORY });
      return told(occurrences);
    }),
    "tasks.create": power("tasks:write", z.strictObject({ task: NewTask }), async (plugin, { task }) => {
      const group = await groupOf(plugin, task);
      changes.take(plugin.name);
      return told(await writer(plugin, group).add({ ...task, group }));
    }),
    "tasks.update": power(
      "tasks:write",
      Named.extend({ change: TaskChange }),
      async (plugin, { id, change: asked }) => {
        if (asked.chat !== undefined) await chatFor(plugin, asked.chat);
        return await change(plugin, id, (mine, task) => mine.edit(task, asked));
      },
    ),
    "tasks.pause": power("tasks:write", Named, (plugin, { id }) =>
      change(plugin, id, (mine, task) => mine.pause(task)),
    ),
    "tasks.resume": power("tasks:write", Named, (plugin, { id }) =>
      change(plugin, id, (mine, task) => mine.resume(task)),
    ),
    "tasks.cancel": power("tasks:write", Named, (plugin, { id }) =>
      change(plugin, id, (mine, task) => mine.cancel(task)),
    ),
  };
}

/** As the API tells it (docs/api.md). */
function told(answer: unknown): Json {
  return z.json().parse(JSON.parse(JSON.stringify(answer)));
}
