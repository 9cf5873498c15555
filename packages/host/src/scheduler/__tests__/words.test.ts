import { describe, expect, it } from "vitest";
import { GroupFolder } from "../../core/ids.ts";
import type { NewTask } from "../../core/task.ts";
import { HOUR, middle, MINUTE, SECOND, settled } from "../../turns/__tests__/middle.ts";
import type { EngineScript } from "../../turns/testing.ts";
import { runLine, taskLine, tell, timeInWords } from "../words.ts";
import { atDesk, KITCHEN } from "./desk-house.ts";

const DAILY = { cron: "0 7 * * *", prompt: "Good morning!\nAnd what is on today?", chat: KITCHEN };
const OFTEN = { every: "1m", prompt: "Look at the oven.", chat: KITCHEN };
const answering: EngineScript = { onPrompt: (session) => session.answer("done") };
const failing: EngineScript = { onPrompt: (session) => session.fail({ class: "permanent", detail: "400" }) };

const NEXT =
  "It runs next on Friday, 2 January 2026 at 07:00 (in 17 h); then on Saturday, 3 January 2026 at 07:00 (in 1 d 17 h); then on Sunday, 4 January 2026 at 07:00 (in 2 d 17 h).";

async function given(task: NewTask, options: Parameters<typeof middle>[0] = {}) {
  const desk = await atDesk(options);
  const { id } = await desk.owner.add(task);
  return {
    ...desk,
    id,
    explained: async () => (await desk.owner.show(id)).explained,
    async runs() {
      await desk.owner.run(id);
      await settled();
    },
  };
}

describe("what is said of a task", () => {
  it("is when it runs next, and that it has not run yet", async () => {
    const { explained, advance } = await given(DAILY);
    await advance(HOUR);

    expect(await explained()).toEqual([NEXT, "It has not run yet."]);
  });

  it("is that its last run went well, and whether somebody asked for it", async () => {
    const { explained, runs, advance } = await given(DAILY, { script: answering });
    await runs();
    await advance(HOUR);

    expect(await explained()).toEqual([
      NEXT,
      "The run by hand of Thursday, 1 January 2026 at 13:00 (1 h ago) went well.",
    ]);
  });

  it("is why its last time was skipped", async () => {
    const { explained, advance } = await given(OFTEN);
    await advance(MINUTE);
    await advance(MINUTE);
    await advance(SECOND);

    expect((await explained())[1]).toBe(
      "The run of Thursday, 1 January 2026 at 13:02 (1 s ago) was skipped: The run of Thursday, 1 January 2026 at 13:01 was still running.",
    );
  });

  it("is why its last time was missed", async () => {
    const { explained, advance, held, scheduler } = await given({ ...OFTEN, every: "1h" });
    held.by.abort();
    await advance(3 * HOUR + 10 * MINUTE);
    held.by = new AbortController();

    scheduler.look();
    await settled();

    expect((await explained())[1]).toBe(
      "The run of Thursday, 1 January 2026 at 16:00 (10 min ago) was missed: 3 times came while I was not running, while everything was paused, or as the clock was set forward.",
    );
  });

  it("is why its last run failed, and how often in a row", async () => {
    const { explained, runs, advance } = await given(DAILY, { script: failing });
    await runs();
    await advance(HOUR);
    expect(await explained()).toEqual([
      NEXT,
      "The run by hand of Thursday, 1 January 2026 at 13:00 (1 h ago) failed: The task “Good morning!” did not get done (due Thursday, 1 January 2026 at 13:00): the model's service rejected the request. The owner finds the reason in the log.",
    ]);

    await runs();

    expect((await explained()).at(-1)).toBe(
      "It has failed 2 times in a row; after the fifth time it is paused.",
    );
  });

  it("is that it was paused because it kept failing, and how it goes on", async () => {
    const { explained, runs, id } = await given(DAILY, { script: failing });
    for (let time = 0; time < 5; time += 1) await runs();

    const [state, last, ...more] = await explained();

    expect(state).toBe(
      `It is paused, so it does not run. It failed 5 times in a row. Let it go on with: bellhop tasks resume ${id}`,
    );
    expect(last).toContain("failed: The task “Good morning!” did not get done");
    expect(more).toEqual([]);
  });

  it("is that the emergency stop holds it", async () => {
    const { explained, held } = await given(DAILY);
    held.by.abort();

    expect((await explained())[1]).toBe(
      "Everything is paused by the emergency stop: nothing runs until somebody resumes it.",
    );
  });

  it("is why a run waits that is due", async () => {
    const { explained, says, runs, bind, advance } = await given(DAILY, { sandboxes: 1 });
    await bind("web:office", "work");
    await says("web:office", "hello");

    await runs();
    await advance(SECOND);

    expect((await explained())[1]).toBe(
      "The run by hand of Thursday, 1 January 2026 at 13:00 (1 s ago) waits: all 1 sandboxes are in use.",
    );
  });

  it("is that it was cancelled, and by whom", async () => {
    const { explained, owner, id, runs } = await given(DAILY, { sandboxes: 0 });
    await runs();
    await owner.cancel(id);

    expect(await explained()).toEqual([
      "It does not run any more. Cancelled by the owner.",
      expect.stringMatching(/ was ended: The task was cancelled\.$/),
    ]);
  });

  it("is that nothing of it is left", async () => {
    const { explained, advance } = await given({ ...OFTEN, maxRuns: 1 }, { script: answering });
    await advance(MINUTE);

    expect((await explained())[0]).toBe("Nothing of its schedule is left, so it does not run any more.");
  });
});

describe("a time in words", () => {
  it.each([
    [1, "in 1 s"],
    [0, "1 s ago"],
    [-90 * SECOND, "1 min 30 s ago"],
    [26 * HOUR + 5 * MINUTE, "in 1 d 2 h"],
  ])("says how far it is from now, roughly: %i", (ms, apart) => {
    const now = Date.UTC(2026, 0, 1, 12);

    expect(timeInWords({ timezone: "Europe/Berlin" }, now + ms, now)).toMatch(
      new RegExp(String.raw`2026 at \d\d:\d\d \(${apart}\)$`),
    );
  });
});

describe("what an agent is told of a task", () => {
  async function told(task: NewTask) {
    const { owner, clock } = await atDesk();
    const made = await owner.add({ chat: KITCHEN, ...task });
    return { made, words: tell(made, made.next, clock.now()) };
  }

  it.each<[string, NewTask, string]>([
    ["an isolated one", { every: "2h", prompt: "x" }, "from a fresh conversation each time."],
    [
      "one in the conversation of its chat",
      { every: "2h", prompt: "x", context: "group" },
      "from the conversation of that chat.",
    ],
    ["a script", { every: "2h", script: "df -h" }, "as its script prints it."],
  ])("is its id, its next times and where its answer goes: %s", async (_what, task, from) => {
    const { made, words } = await told(task);

    expect(words).toBe(
      `Task ${made.id} (active): every 2 h. It runs next on Thursday, 1 January 2026 at 15:00 (in 2 h); then on Thursday, 1 January 2026 at 17:00 (in 4 h); then on Thursday, 1 January 2026 at 19:00 (in 6 h). Its answer goes to web:kitchen, ${from}`,
    );
  });

  it("is that the answer of a silent one is not sent", async () => {
    const { words } = await told({ every: "2h", prompt: "x", announce: false });

    expect(words).toContain("Its answer is not sent; it belongs to web:kitchen");
  });
});

describe("a line", () => {
  it("of a list has what one looks for in it", async () => {
    const { owner, clock } = await atDesk();
    const made = await owner.add(DAILY);

    expect(taskLine(made, clock.now())).toBe(
      `${made.id} [main] active: cron "0 7 * * *" (Europe/Berlin); next Friday, 2 January 2026 at 07:00 (in 18 h); "Good morning!"`,
    );
    const paused = { ...(await owner.pause(made.id)), failures: 3, group: GroupFolder.parse("family") };
    expect(taskLine(paused, clock.now())).toBe(
      `${made.id} [family] paused, failed 3 times in a row: cron "0 7 * * *" (Europe/Berlin); Paused by the owner.; "Good morning!"`,
    );
  });

  it("of a history has the time, the end, what it took and what it said", async () => {
    const { owner, id, runs, engine, advance } = await given(DAILY);
    await runs();
    await advance(90 * SECOND);
    engine.latest.answer('He said "no".');
    await settled();

    const [run] = (await owner.show(id)).recent;
    if (!run) throw new Error("it has not run");
    expect(runLine({ timezone: "Europe/Berlin" }, run)).toBe(
      String.raw`- Thursday, 1 January 2026 at 13:00, by hand: succeeded, 1 min 30 s: "He said \"no\"."`,
    );
    expect(runLine({ timezone: "Asia/Tokyo" }, { ...run, attempts: 2, manual: false, result: "" })).toBe(
      "- Thursday, 1 January 2026 at 21:00: succeeded, 1 min 30 s, 2 attempts",
    );
  });
});
