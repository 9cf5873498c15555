/** `bellhop tasks` and `/tasks`, as a person and a script use them, against a real host. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Occurrence, OpenedTask, Task } from "../src/core/task.ts";
import { run } from "./command.ts";
import { givenHost } from "./journey.ts";

const MINUTE = 60_000;

async function given() {
  const host = await givenHost({
    config: "timezone: Europe/Berlin\ngroups:\n  family:\n    chats: [web:family]\n",
  });
  const tasks = async (...words: string[]) => await run(["tasks", ...words, "--home", host.home]);
  async function json<T>(schema: z.ZodType<T>, ...words: string[]): Promise<T> {
    const { code, stdout, stderr } = await tasks(...words, "--json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    return schema.parse(JSON.parse(stdout));
  }
  return { ...host, tasks, json };
}

describe("bellhop tasks", () => {
  it("makes a task, shows and lists it, changes it, lets it rest and ends it, under one id", async () => {
    const { tasks, json } = await given();

    const made = await tasks("add", "--cron", "0 7 * * MON-FRI", "--prompt", "say: good morning", "--silent");
    const [{ id } = { id: "" }] = await json(z.array(Task), "list");
    const shown = await json(OpenedTask, "show", id.slice(0, 6));

    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(new RegExp(`^task +${id}, active$`, "m"));
    expect(made.stdout.match(/ at 07:00, in \d/g)).toHaveLength(3);
    expect(shown).toMatchObject({ id, announce: false, timezone: "Europe/Berlin", group: "main" });
    expect(shown.next).toHaveLength(3);
    expect((await tasks("list")).stdout).toMatch(
      new RegExp(`^${id} +main +active .*say: good morning$`, "m"),
    );
    expect((await tasks("show", id)).stdout).toContain("It has not run yet.");

    expect(
      (await tasks("edit", id, "--every", "90m", "--announce", "--until", "2099-01-01T00:00")).code,
    ).toBe(0);
    const changed = await json(OpenedTask, "edit", id, "--no-until", "--misfire", "catch_up");
    expect(changed).toMatchObject({
      id,
      announce: true,
      endsAt: null,
      misfire: "catch_up",
      schedule: { kind: "interval", everyMs: 90 * MINUTE },
    });

    expect((await tasks("pause", id)).stdout).toMatch(
      new RegExp(`^${id} is paused: say: good morning$`, "m"),
    );
    expect((await json(OpenedTask, "resume", id)).state).toBe("active");
    expect((await tasks("cancel", id)).code).toBe(0);
    expect((await tasks("list")).stdout).toBe("There are no tasks.\n");
    expect(await json(z.array(Task), "list", "--all")).toMatchObject([{ id, state: "cancelled" }]);
  }, 60_000);

  it("runs a task at its time and by hand, and tells what became of it", async () => {
    const { tasks, json, client } = await given();
    const before = Date.now();

    const words = ["--at", "+2s", "--prompt", "say: tea is ready", "--chat", "tea", "--context", "group"];
    const { id, next } = await json(OpenedTask, "add", ...words);
    const runs = async () => (await client.tasks.history(id, { limit: 10 })).occurrences;
    await expect.poll(async () => (await runs())[0]?.state, { timeout: 30_000 }).toBe("succeeded");

    const [first] = await json(z.array(Occurrence), "history", id);
    expect(first).toMatchObject({ task: id, scheduledFor: next[0], manual: false, result: "tea is ready" });
    expect(first?.startedAt).toBeGreaterThanOrEqual(before + 1_000);
    expect(first?.endedAt).toBeGreaterThanOrEqual(first?.startedAt ?? Infinity);
    expect((await tasks("history", id)).stdout).toMatch(/ {2}succeeded {2}.*"tea is ready"$/m);
    expect(await json(OpenedTask, "show", id)).toMatchObject({ state: "done", nextAt: null });

    const daily = await json(OpenedTask, "add", "--cron", "@daily", "--script", "echo from a script");
    const started = await json(Occurrence, "run", daily.id);
    expect(started).toMatchObject({ task: daily.id, manual: true });
    const byHand = async () => (await client.tasks.history(daily.id, { limit: 1 })).occurrences[0];
    await expect.poll(async () => (await byHand())?.state, { timeout: 30_000 }).toBe("succeeded");
    expect(await byHand()).toMatchObject({ id: started.id, result: "from a script", tokens: 0 });
  }, 90_000);

  it("says in one sentence what is wrong", async () => {
    const { tasks } = await given();
    const add = async (...words: string[]) => await tasks("add", "--prompt", "say: hello", ...words);
    const sentence = { code: 1, stdout: "", stderr: expect.stringMatching(/^[^\n]+\n$/) };

    expect(await tasks("show", "abcdefgh")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no task "abcdefgh"'),
    });
    expect(await add()).toMatchObject(sentence);
    expect(await add("--cron", "61 * * * *")).toMatchObject(sentence);
    expect(await add("--every", "5s")).toMatchObject(sentence);
    expect(await add("--at", "31 February")).toMatchObject(sentence);
    expect(await add("--cron", "@daily", "--timezone", "Mars/Olympus")).toMatchObject(sentence);
    expect(await add("--cron", "@daily", "--group", "nobody")).toMatchObject(sentence);
    expect((await add("--cron", "@daily", "--misfire", "perhaps")).stderr).toContain("fire_once");
    expect((await tasks("list", "--all")).stdout).toBe("There are no tasks.\n");
  }, 60_000);
});

describe("/tasks", () => {
  it("lists, rests and runs tasks from the chat", async () => {
    const { ask, json } = await given();
    const { id } = await json(
      OpenedTask,
      "add",
      "--cron",
      "@daily",
      "--prompt",
      "say: hi",
      "--group",
      "family",
    );

    expect((await ask("/tasks")).answer).toMatch(new RegExp(`^${id} of family: say: hi; .*; active$`));
    expect((await ask(`/tasks pause ${id}`)).answer).toMatch(new RegExp(`^${id} is paused: say: hi`));
    expect((await ask(`/tasks show ${id}`)).answer).toContain("paused");
    expect((await ask(`/tasks resume ${id}`)).answer).toMatch(new RegExp(`^${id} is active: say: hi`));
    expect((await ask(`/tasks cancel ${id}`)).answer).toMatch(new RegExp(`^${id} is cancelled: say: hi`));
    expect((await ask("/tasks")).answer).toBe("There are no tasks.");
  }, 60_000);
});
