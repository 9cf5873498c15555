import { describe, expect, it } from "vitest";
import { ChatId } from "../../core/ids.ts";
import { middle, settled } from "../../turns/__tests__/middle.ts";
import { atWork, DAILY, withTask } from "./at-work.ts";

describe("every tool for tasks", () => {
  const ACTS = ["update_task", "pause_task", "resume_task", "run_task_now", "cancel_task"];
  const LOOKS = ["list_tasks", "get_task"];

  it.each([...ACTS, "get_task"])("says that there is no such task: %s", async (name) => {
    const { call } = await atWork();

    expect(await call(name, { id: "zzzzzzzz" })).toEqual({
      isError: true,
      text: 'There is no task "zzzzzzzz"; the list of tasks names those there are.',
    });
  });

  it("that acts stands in the journal with its answer, so that a later attempt knows; one that looks does not", async () => {
    const { call, id, acts } = await withTask();
    const answers = new Map<string, string>();
    for (const name of [...ACTS, ...LOOKS]) answers.set(name, (await call(name, { id })).text);

    const known = (await acts()).filter(({ tool }) => tool !== "schedule_task");

    expect(known.map(({ tool }) => tool).toSorted()).toEqual(ACTS.toSorted());
    for (const { tool, result } of known) expect(result).toBe(answers.get(tool));
  });

  it.each(["schedule_task", ...ACTS])(
    "writes nothing once somebody else holds the turn: %s",
    async (name) => {
      const { call, id, rows, runs, acts, ...house } = await withTask();
      const before = [await rows(), await runs(), await acts()];
      const next = await middle({ after: house });
      await next.dispatcher.sweep();
      await settled();

      const result = await call(name, name === "schedule_task" ? DAILY : { id, prompt: "x" });

      expect(result).toEqual({
        isError: true,
        text: expect.stringMatching(/is no longer held under fence \d+$/),
      });
      expect([await rows(), await runs(), await acts()]).toEqual(before);
    },
  );

  it("lets main look after the tasks of other groups", async () => {
    const { call, rows } = await atWork();
    const inGarden = { ...DAILY, group: "garden", chat: "web:garden" };

    const { text } = await call("schedule_task", inGarden);
    const [row] = await rows();
    expect(text).toContain("Its answer goes to web:garden");

    expect((await call("list_tasks", { group: "garden" })).text).toContain(`${row?.id} [garden] active`);
    expect((await call("list_tasks", { group: "main" })).text).toBe("There are no tasks.");
    for (const name of [...ACTS, "get_task"])
      expect([name, (await call(name, { id: row?.id })).isError]).toEqual([name, undefined]);
  });

  it("keeps the agent of another group to its own tasks, and has it on record", async () => {
    const { call, tasks, refusals, rows } = await atWork("web:garden", "garden");
    const { id } = await tasks.add({ ...DAILY, chat: ChatId.parse("web:kitchen") });
    const before = await rows();

    for (const name of [...ACTS, "get_task"])
      expect(await call(name, { id, prompt: "x" })).toEqual({
        isError: true,
        text: `The task ${id} belongs to another group; yours is garden, and only main looks after those of others.`,
      });
    for (const [name, input] of [
      ["schedule_task", { ...DAILY, group: "main" }],
      ["list_tasks", { group: "main" }],
    ] as const)
      expect((await call(name, input)).text).toMatch(/^Only main .*; yours is garden\.$/);

    expect(await rows()).toEqual(before);
    expect((await refusals()).map(({ actor, action }) => [actor, action])).toEqual(
      ["edit", "pause", "resume", "run", "cancel", "show", "add", "list"].map((action) => [
        "Ada, through the agent of garden",
        action,
      ]),
    );
  });

  it("lets an agent make no more than a hundred", async () => {
    const { call, rows } = await atWork();
    for (let task = 0; task < 100; task += 1) await call("schedule_task", DAILY);

    expect(await call("schedule_task", DAILY)).toEqual({
      isError: true,
      text: "The group main has 100 tasks, which is the most an agent may make; cancel some first.",
    });
    expect(await rows()).toHaveLength(100);
  });

  it("knows a task that makes a task by its id", async () => {
    const { call, id, engine, rows } = await withTask();
    await call("run_task_now", { id });
    const asked = engine.latest.opened.tools.find(({ name }) => name === "schedule_task");

    await asked?.call(DAILY, { toolUseId: "use" });

    expect((await rows()).map((row) => row.created_by)).toContain(
      `the task ${id}, through the agent of main`,
    );
  });
});
