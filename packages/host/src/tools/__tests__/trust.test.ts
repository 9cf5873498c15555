/** No tool reaches beyond a tainted turn's chat without leave (design 4; F33). */
import { describe, expect, it } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { NewTask } from "../../core/task.ts";
import { settled } from "../../turns/__tests__/middle.ts";
import { cancelTask } from "../cancel-task.ts";
import { getGroup } from "../get-group.ts";
import { getTask } from "../get-task.ts";
import { historySearch } from "../history-search.ts";
import { listChats } from "../list-chats.ts";
import { listTasks } from "../list-tasks.ts";
import { pauseTask } from "../pause-task.ts";
import { react } from "../react.ts";
import { registerGroup } from "../register-group.ts";
import { removeGroup } from "../remove-group.ts";
import { resumeTask } from "../resume-task.ts";
import { runTaskNow } from "../run-task-now.ts";
import { scheduleTask } from "../schedule-task.ts";
import { sendFile } from "../send-file.ts";
import { sendMessage } from "../send-message.ts";
import { updateGroup } from "../update-group.ts";
import { updateTask } from "../update-task.ts";
import { house, OWNER, tainted } from "./tainted-house.ts";

const GARDEN = GroupFolder.parse("garden");
const DAILY = NewTask.parse({ cron: "@daily", prompt: "Good morning!" });

const TOOLS = [
  sendMessage,
  sendFile,
  react,
  historySearch,
  scheduleTask,
  listTasks,
  getTask,
  updateTask,
  pauseTask,
  resumeTask,
  cancelTask,
  runTaskNow,
  listChats,
  getGroup,
  registerGroup,
  updateGroup,
  removeGroup,
];

/** Of each tool that can reach beyond its own chat, the calls that do. `ID`: a task of another group. */
const ELSEWHERE: Readonly<Record<string, readonly object[]>> = {
  send_message: [
    { text: "psst", chat: "web:garden" },
    { text: "psst", chat: "web:office" },
  ],
  send_file: [
    { path: "page.txt", chat: "web:garden" },
    { path: "page.txt", caption: "psst", chat: "web:office" },
  ],
  schedule_task: [
    { cron: "@daily", prompt: "psst", group: "garden" },
    { cron: "@daily", prompt: "psst", chat: "web:office" },
  ],
  update_task: [{ id: "ID", prompt: "psst" }],
  pause_task: [{ id: "ID" }],
  resume_task: [{ id: "ID" }],
  cancel_task: [{ id: "ID" }],
  run_task_now: [{ id: "ID" }],
  register_group: [{ name: "club", chats: ["web:office"], settings: { assistant: "Alfred" } }],
  update_group: [
    { name: "main", settings: { assistant: "Alfred" } },
    { name: "main", bind: ["web:garden"] },
    { name: "garden", unbind: "web:garden" },
  ],
  remove_group: [{ name: "garden" }],
};

describe("every tool", () => {
  it("declares its effect, and is in the table below if that reaches beyond its own chat", async () => {
    const { engine } = await tainted();

    const offered = engine.latest.opened.tools.map(({ name }) => name);

    expect(TOOLS.map(({ name }) => name)).toEqual(offered);
    const grave = TOOLS.flatMap(({ name, effect }) =>
      effect === "read" || effect === "write-here" ? [] : name,
    );
    expect(Object.keys(ELSEWHERE).toSorted()).toEqual(grave.toSorted());
  });

  const calls = Object.entries(ELSEWHERE).flatMap(([name, inputs]) =>
    inputs.map((input) => [name, input] as const),
  );

  it.each(calls)(
    "asks the owner before it reaches elsewhere out of a tainted turn: %s %o",
    async (name, input) => {
      const { begin, tasks, trust, said, advance, db } = await tainted();
      const { id } = await tasks.add({ ...DAILY, group: GARDEN });
      const before = await db.selectFrom("tasks").selectAll().execute();

      const answer = begin(name, JSON.parse(JSON.stringify(input).replace("ID", id)));
      await expect.poll(() => trust.cards).toHaveLength(1);
      await advance(45_000);

      expect(await answer).toEqual({
        isError: true,
        text: expect.stringMatching(/needs the owner's approval \w{8}/),
      });
      expect(await db.selectFrom("tasks").selectAll().execute()).toEqual(before);
      expect([...(await said("web:garden")), ...(await said("web:office"))]).toEqual([]);
    },
  );

  it.each(calls)("needs nobody's leave for it while nothing is tainted: %s %o", async (name, input) => {
    const { says, call, tasks, trust } = await house();
    await says("web:kitchen", "go on");
    const { id } = await tasks.add({ ...DAILY, group: GARDEN });
    if (name === "resume_task") await tasks.pause(id);

    const result = await call(name, JSON.parse(JSON.stringify(input).replace("ID", id)));

    expect(result.isError).toBeUndefined();
    expect(trust.cards).toEqual([]);
  });

  it("needs nobody's leave in its own chat, however tainted", async () => {
    const { call, trust } = await tainted();

    for (const [name, input] of [
      ["send_message", { text: "I found something." }],
      ["react", { message_id: 1, emoji: "👍" }],
      ["history_search", { query: "look" }],
      ["schedule_task", { cron: "@daily", prompt: "look again" }],
    ] as const)
      expect(await call(name, input)).not.toHaveProperty("isError");

    expect(trust.cards).toEqual([]);
  });

  it("is on record before it acts and after", async () => {
    const { call, audited } = await tainted();

    await call("send_message", { text: "hello" });

    const rows = (await audited()).filter(({ action }) => action === "tool.send_message");
    expect(rows).toMatchObject([
      { allowed: 1, detail: '{"text":"hello"}' },
      { allowed: 1, detail: "done" },
    ]);
  });
});

describe("a message to another chat", () => {
  it("goes once the owner approves it while the call waits", async () => {
    const { begin, answers, said, trust } = await tainted();

    const answer = begin("send_message", { text: "dinner at eight", chat: "web:garden" });
    await settled();
    await answers("once");

    expect(await answer).toEqual({ text: "Handed over for delivery to web:garden." });
    expect(await said("web:garden")).toEqual(["dinner at eight"]);
    expect(trust.cards[0]?.words).toContain('"dinner at eight"');
  });

  it("goes when the same call is made again after it was approved, and only once", async () => {
    const { begin, call, answers, advance, said } = await tainted();
    const input = { text: "dinner at eight", chat: "web:garden" };
    const first = begin("send_message", input);
    await settled();
    await advance(45_000);
    await first;
    await answers("once");

    const second = await call("send_message", input);
    const third = begin("send_message", input);
    await settled();
    await advance(45_000);

    expect(second.isError).toBeUndefined();
    expect(await third).toMatchObject({ isError: true });
    expect(await said("web:garden")).toEqual(["dinner at eight"]);
  });

  it("is another one with another text, chat or sender: an approval holds for nothing else", async () => {
    const { begin, answers, advance, said, trust } = await tainted();
    const first = begin("send_message", { text: "one", chat: "web:garden" });
    await settled();
    await advance(45_000);
    await first;
    await answers("once");

    for (const input of [
      { text: "two", chat: "web:garden" },
      { text: "one", chat: "web:office" },
      { text: "one", chat: "web:garden", sender: "Ada" },
    ]) {
      const other = begin("send_message", input);
      await settled();
      await advance(45_000);
      expect(await other).toMatchObject({ isError: true });
    }

    expect(trust.cards).toHaveLength(4);
    expect(await said("web:garden")).toEqual([]);
  });

  it("is refused for good when the owner refuses it, and is not asked again", async () => {
    const { begin, call, answers, trust, audited } = await tainted();
    const input = { text: "dinner at eight", chat: "web:garden" };

    const answer = begin("send_message", input);
    await settled();
    await answers("deny");

    expect(await answer).toEqual({
      isError: true,
      text: expect.stringContaining("The owner has refused this"),
    });
    expect(await call("send_message", input)).toMatchObject({ isError: true });
    expect(trust.cards).toHaveLength(1);
    expect((await audited()).filter(({ action }) => action === "policy.speak-elsewhere")).toMatchObject([
      { subject: "chat:web:garden", allowed: 0 },
      { subject: "chat:web:garden", allowed: 0 },
    ]);
  });

  it("that is too long to be shown whole cannot be approved", async () => {
    const { call, trust } = await tainted();

    expect(await call("send_message", { text: "x".repeat(5_000), chat: "web:garden" })).toEqual({
      isError: true,
      text: expect.stringContaining("too long to be shown"),
    });
    expect(trust.cards).toEqual([]);
  });

  it("is not asked for without an end", async () => {
    const { begin, advance, trust } = await tainted();

    const calls = [];
    for (let i = 0; i < 25; i += 1) {
      calls.push(begin("send_message", { text: `no ${i}`, chat: "web:garden" }));
      await settled();
    }
    await advance(45_000);
    await Promise.all(calls);

    expect(trust.cards).toHaveLength(20);
  });
});

describe("a standing grant", () => {
  const grant = { group: MAIN, effect: "speak-elsewhere" as const, target: "chat:web:garden" };

  it("lets through what fits it, as often as it says", async () => {
    const { call, begin, advance, said, trust } = await tainted();
    await trust.powers.grant({ ...grant, maxUses: 2 }, OWNER.who);

    for (const text of ["one", "two"])
      expect((await call("send_message", { text, chat: "web:garden" })).isError).toBeUndefined();
    const third = begin("send_message", { text: "three", chat: "web:garden" });
    await settled();
    await advance(45_000);

    expect(await third).toMatchObject({ isError: true });
    expect(await said("web:garden")).toEqual(["one", "two"]);
    expect(await trust.powers.grants({ all: false })).toMatchObject([{ uses: 2, usesToday: 2 }]);
  });

  it("is not used up by what does not happen", async () => {
    const { call, trust, db } = await tainted();
    await trust.powers.grant({ ...grant, maxUses: 1 }, OWNER.who);
    await db.updateTable("turns").set({ boot_id: "another host" }).execute();

    await call("send_message", { text: "one", chat: "web:garden" });

    expect(await trust.powers.grants({ all: false })).toMatchObject([{ uses: 0 }]);
  });

  it.each([
    ["for another chat", { target: "chat:web:office" }],
    ["for another effect", { effect: "schedule-elsewhere" as const }],
    ["for a task", { forTask: true }],
  ])("%s lets nothing through", async (_what, more) => {
    const { begin, advance, trust, tasks, said } = await tainted();
    const { forTask, ...other } = { forTask: false, ...more };
    const task = await tasks.add(DAILY);
    await trust.powers.grant({ ...grant, ...other, ...(forTask && { task: task.id }) }, OWNER.who);

    const answer = begin("send_message", { text: "one", chat: "web:garden" });
    await settled();
    await advance(45_000);

    expect(await answer).toMatchObject({ isError: true });
    expect(await said("web:garden")).toEqual([]);
  });

  it("lets nothing through once it was revoked or its time is over", async () => {
    const { begin, advance, trust, clock } = await tainted();
    const { id } = await trust.powers.grant(grant, OWNER.who);
    await trust.powers.grant({ ...grant, endsAt: clock.now() + 1_000 }, OWNER.who);
    await trust.powers.revoke(id, OWNER.who);
    await advance(1_000);

    const answer = begin("send_message", { text: "one", chat: "web:garden" });
    await settled();
    await advance(45_000);

    expect(await answer).toMatchObject({ isError: true });
    await expect(trust.powers.revoke(id, OWNER.who)).rejects.toThrow(/no grant .* in force/);
  });
});
