import { execFileSync } from "node:child_process";
import { chmod, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import type { ChatEvent } from "../src/core/events.ts";
import { EventId } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import type { Occurrence } from "../src/core/task.ts";
import { givenHost, type Journey } from "./journey.ts";

const CHAT = ChatId.parse("web:journey");
const tool = (name: string, input: object) => `tool: ${name} ${JSON.stringify(input)}`;

/** The first thing that is said in the chat, from now on or before, and fits. */
async function hears({ client }: Journey, words: RegExp): Promise<string> {
  const signal = AbortSignal.timeout(30_000);
  for await (const event of client.events(CHAT, { after: EventId.parse(0), signal }))
    if (isSaid(event) && words.test(event.text)) return event.text;
  throw new Error("the stream ended before");
}

function isSaid(event: ChatEvent): event is Extract<ChatEvent, { type: "message" }> {
  return event.type === "message" && event.direction === "out";
}

/** All runs of the one task there is, once they have ended. */
async function ended({ client }: Journey, count = 1): Promise<readonly Occurrence[]> {
  const [task] = await client.tasks.list({ all: true });
  const runs = async () => (await client.tasks.history(task?.id ?? "", { limit: 50 })).occurrences;
  const over = async () => (await runs()).filter(({ endedAt }) => endedAt !== null).length;
  await expect.poll(over, { timeout: 30_000, interval: 100 }).toBe(count);
  return await runs();
}

async function inGroup({ home }: Journey, name: string, text: string): Promise<void> {
  const file = join(homePaths(home).groups, "main", name);
  await writeFile(file, text);
  await chmod(file, 0o755);
}

describe("a task that the agent schedules", () => {
  it("is told back with its id and its times, runs when it is due, and answers in the chat", async () => {
    const host = await givenHost({ config: "timezone: Europe/Berlin\n" });

    const { answer } = await host.ask(
      tool("schedule_task", { at: "in 2 seconds", prompt: "say: the tea is ready" }),
    );

    expect(answer).toMatch(
      /^Task [a-z0-9]{8} \(active\): once, on .* \(Europe\/Berlin\)\. It runs next on .* \(in \d s\)/,
    );
    expect(await hears(host, /^the tea/)).toBe("the tea is ready");
    const [run] = await ended(host);
    expect(run).toMatchObject({ state: "succeeded", result: "the tea is ready", attempts: 1, missed: 0 });
    // By its timer, and not when somebody looks the next time; how exactly is for the bench to say.
    expect((run?.startedAt ?? Infinity) - (run?.scheduledFor ?? 0)).toBeLessThan(5_000);
  });

  it("is looked after by the agent: listed, shown, changed, paused, resumed, run and cancelled", async () => {
    const host = await givenHost();
    const made = await host.ask(tool("schedule_task", { cron: "0 7 * * 1-5", prompt: "say: good morning" }));
    const [, id = ""] = /Task ([a-z0-9]{8})/.exec(made.answer) ?? [];

    expect((await host.ask(tool("list_tasks", {}))).answer).toContain(
      `${id} [main] active: cron "0 7 * * 1-5"`,
    );
    expect((await host.ask(tool("update_task", { id, every: "2h" }))).answer).toContain("every 2 h");
    expect((await host.ask(tool("pause_task", { id }))).answer).toContain("(paused)");
    expect((await host.ask(tool("resume_task", { id }))).answer).toContain("(active)");
    expect((await host.ask(tool("run_task_now", { id }))).answer).toContain("It is in the line");
    expect(await hears(host, /^good morning$/)).toBe("good morning");
    expect((await host.ask(tool("get_task", { id }))).answer).toContain("by hand: succeeded");
    expect((await host.ask(tool("cancel_task", { id }))).answer).toContain("(cancelled)");
  });

  it("is refused with the exact reason where it cannot be", async () => {
    const host = await givenHost();

    expect((await host.ask(tool("schedule_task", { every: "5s", prompt: "x" }))).answer).toContain(
      "This would run every 5 s; a task may run every 1 min at most.",
    );
    expect((await host.ask(tool("schedule_task", { cron: "61 * * * *", prompt: "x" }))).answer).toContain(
      'the minute is "61"',
    );
    expect(await host.client.tasks.list({ all: true })).toEqual([]);
  });

  it("of another group is none of a group's business, and that is on record", async () => {
    const host = await givenHost({ config: "groups:\n  family: {}\n" });
    const { answer } = await host.ask(tool("schedule_task", { cron: "@daily", prompt: "say: mine" }));
    const [, id = ""] = /Task ([a-z0-9]{8})/.exec(answer) ?? [];
    await bindFamily(host);

    const tried = await host.ask(tool("cancel_task", { id }), "web:family");
    const elsewhere = await host.ask(
      tool("schedule_task", { at: "in 1 hour", prompt: "x", group: "main" }),
      "web:family",
    );

    expect(tried.answer).toContain("belongs to another group; yours is family");
    expect(elsewhere.answer).toContain("Only main may make tasks for other groups");
    expect(await host.client.tasks.show(id)).toMatchObject({ state: "active" });
    const rows = audited(host);
    expect(rows).toContain("the agent of family|cancel|0");
    expect(rows).toContain("the agent of family|add|0");
  });
});

/** A chat of the group's own, at the desk. */
async function bindFamily({ client }: Journey): Promise<void> {
  await client.bind(ChatId.parse("web:family"), "family");
}

/** Read by another process, as nobody but the host may open the file for writing. */
function audited({ home }: Journey): string {
  const script = `const { DatabaseSync } = require("node:sqlite");
    const rows = new DatabaseSync(process.argv[1], { readOnly: true }).prepare("SELECT actor, action, allowed FROM audit").all();
    for (const { actor, action, allowed } of rows) console.log([actor.replace(/.*, through /, ""), action, allowed].join("|"));`;
  return execFileSync(process.execPath, ["-e", script, homePaths(home).database], { encoding: "utf8" });
}

describe("a task in the conversation of its chat", () => {
  it("succeeds though that conversation is lost in the meantime, and the next one too", async () => {
    const host = await givenHost();
    await host.ask("say: remember the milk");
    await host.restart();
    await forgetConversations(host);
    const task = { chat: CHAT, context: "group" as const, prompt: "say: done", every: "1h" };
    const { id } = await host.client.tasks.add(task);

    await host.client.tasks.run(id);
    await ended(host, 1);
    await host.client.tasks.run(id);
    const runs = await ended(host, 2);

    expect(runs.map(({ state, attempts }) => [state, attempts])).toEqual([
      ["succeeded", 1],
      ["succeeded", 1],
    ]);
    expect(await hears(host, /afresh/)).toContain("I start afresh");
  });
});

/** The engine's own records, as if somebody had tidied them away. */
async function forgetConversations({ home }: Journey): Promise<void> {
  const projects = join(homePaths(home).sessions, "main", "projects");
  for (const name of await readdir(projects)) await rm(join(projects, name), { recursive: true });
}

describe("a task's gate and script", () => {
  it("run in the group's sandbox, and the gate decides whether the model is asked", async () => {
    const host = await givenHost();
    await inGroup(
      host,
      "check.sh",
      `#!/bin/sh
[ -e seen ] && { echo '{"wake": false}'; exit 0; }
touch seen
echo "looking in $(pwd) for $BELLHOP_TASK"
echo '{"wake": true, "context": "a letter"}'
`,
    );
    const { id } = await host.client.tasks.add({
      chat: CHAT,
      every: "1h",
      gate: "./check.sh",
      prompt: "say: woken",
    });

    await host.client.tasks.run(id);
    expect(await hears(host, /woken/)).toBe("woken");
    await ended(host, 1);
    await host.client.tasks.run(id);

    const [second, first] = await ended(host, 2);
    expect([first?.state, second?.state]).toEqual(["succeeded", "skipped"]);
    expect(second).toMatchObject({ tokens: 0, reason: "Its gate saw nothing to do." });
  });

  it("need no model for what a script can say", async () => {
    const host = await givenHost();
    await host.client.tasks.add({
      chat: CHAT,
      at: "+1s",
      script: "echo in $(pwd); id -u | grep -vqx 0 && echo as nobody much",
    });

    expect(await hears(host, /^in /)).toBe("in /workspace/group\nas nobody much");
    expect(await ended(host)).toMatchObject([{ state: "succeeded", tokens: 0 }]);
  });

  it("tell what went wrong, once, after their retries", async () => {
    const host = await givenHost();
    await host.client.tasks.add({ chat: CHAT, at: "+1s", script: "echo oh no >&2; exit 4", retries: 1 });

    expect(await hears(host, /did not get done/)).toMatch(
      /The task “echo oh no >&2; exit 4” did not get done \(due .*\): its script failed: it ended with code 4: oh no\./,
    );
    expect(await ended(host)).toMatchObject([{ state: "failed", attempts: 2 }]);
    expect((await host.client.status()).dead).toEqual({ turns: 0, newest: [] });
  });
});

describe("a run that has a budget", () => {
  it("ends when it is used up, and says so", async () => {
    const host = await givenHost();
    await host.client.tasks.add({
      chat: CHAT,
      at: "+1s",
      prompt: "run: echo one\nrun: echo two\nrun: echo three",
      maxTokens: 10,
    });

    expect(await hears(host, /did not get done/)).toContain("it has used up what one run may spend.");
    expect(await ended(host)).toMatchObject([{ state: "failed", attempts: 1 }]);
  });
});

describe("the owner's model for tasks", () => {
  it("is another one than that of the chats, and each task may have its own", async () => {
    const host = await givenHost({ config: "defaults:\n  taskModel: haiku\n" });
    await host.client.tasks.add({ chat: CHAT, at: "+1s", prompt: "say: by default" });
    await hears(host, /by default/);

    expect((await host.ask("/why")).answer).toMatch(/A run of the task [a-z0-9]{8}, “say: by default”/);
    expect((await host.ask("/why")).answer).toContain("model haiku");
  });
});
