import { describe, expect, it } from "vitest";
import { NewTask } from "../../../core/task.ts";
import { middle, settled } from "../../../turns/__tests__/middle.ts";

const DAILY = { cron: "0 7 * * *", timezone: "Europe/Berlin" };

/** Ada is the owner, Ann an admin and Bob a member of the group `family`; Cleo one of `main`. */
async function given() {
  const house = await middle();
  await house.bind("fake:family", "family");
  await house.bind("fake:office", "main");
  const desk = house.tasks;
  const family = await desk.add(NewTask.parse({ ...DAILY, group: "family", prompt: "Who cooks today?" }));
  house.clock.advance(1); // they are listed in the order in which they were made
  const main = await desk.add(NewTask.parse({ ...DAILY, every: "1h", cron: undefined, prompt: "Mail?" }));

  return {
    desk,
    family,
    main,
    house,
    /** The run under way comes to its end. */
    async runEnds(text: string): Promise<void> {
      house.engine.latest.answer(text);
      await settled();
    },
    /** What somebody is answered in a chat of the platform. */
    async answer(who: string, text: string, chat = "family"): Promise<string> {
      const message = { platformId: crypto.randomUUID(), kind: "message", version: 0, chat, text } as const;
      await house.admission.receive(
        { name: "fake", account: "" },
        { ...message, sender: { id: who, name: who } },
      );
      await settled();
      return (await house.said(`fake:${chat}`)).at(-1)?.replace("(notice) ", "") ?? "";
    },
  };
}

describe("/tasks", () => {
  it("lists the tasks of the group to whoever may speak, and those of all groups to the owner in main", async () => {
    const { answer, family, main } = await given();

    const mine = `${family.id}: Who cooks today?; cron "0 7 * * *" (Europe/Berlin); next Friday, 2 January 2026 at 07:00, in 18 h; active`;
    expect(await answer("bob", "/tasks")).toBe(mine);

    const all = await answer("ada", "/tasks", "office");
    expect(all.split("\n")).toEqual([
      mine.replace(": ", " of family: "),
      expect.stringMatching(new RegExp(`^${main.id}: Mail\\?; every 1 h; next .*, in 60 min; active$`)),
    ]);
  });

  it("does not show the tasks of other groups to others than the owner, in main neither", async () => {
    const { answer, family, main } = await given();

    expect(await answer("cleo", "/tasks", "office")).toMatch(new RegExp(`^${main.id}: Mail[^\n]*$`));
    expect(await answer("cleo", `/tasks show ${family.id}`, "office")).toContain("There is no task");
    expect(await answer("ann", `/tasks pause ${family.id}`, "office")).toContain("There is no task");
    expect(await answer("bob", `/tasks show ${main.id}`)).toContain(
      "belongs to another group; yours is family",
    );
  });

  it("says that there are none, and how many more there are", async () => {
    const { answer, desk, family } = await given();
    await desk.cancel(family.id);
    expect(await answer("bob", "/tasks")).toBe("There are no tasks.");

    for (let more = 0; more < 22; more += 1)
      await desk.add(NewTask.parse({ ...DAILY, group: "family", prompt: "Who cooks?" }));

    const lines = (await answer("bob", "/tasks list")).split("\n");
    expect([lines.length, lines.at(-1)]).toEqual([21, "… and 2 more"]);
  });

  it("shows one, by the beginning of its id in whatever case, with its latest runs", async () => {
    const { answer, desk, family, runEnds } = await given();
    await desk.run(family.id);
    await settled();
    await runEnds("Ann does.");

    const shown = await answer("bob", `/tasks show ${family.id.slice(0, 7).toUpperCase()}`);

    expect(shown.split("\n")).toEqual([
      `${family.id}: Who cooks today?`,
      'cron "0 7 * * *" (Europe/Berlin); active',
      "It answers in fake:family (family).",
      expect.stringMatching(/^It runs next on Friday/),
      expect.stringMatching(/^The run by hand of .* went well\.$/),
      "0 s ago: succeeded",
    ]);
  });
});

describe("/tasks pause, resume, cancel and run", () => {
  it("are an admin's, in the name of whoever asks", async () => {
    const { answer, family, desk } = await given();
    const stateNow = async () => (await desk.show(family.id)).state;

    expect(await answer("bob", `/tasks pause ${family.id}`)).toBe(
      `Only an admin of this group or the owner may pause a task. /tasks show ${family.id} shows it.`,
    );
    expect(await stateNow()).toBe("active");

    for (const [act, state] of [
      ["pause", "paused"],
      ["resume", "active"],
      ["cancel", "cancelled"],
    ] as const) {
      expect(await answer("ann", `/tasks ${act} ${family.id}`)).toContain(
        `${family.id} is ${state}: Who cooks today?`,
      );
      expect(await stateNow()).toBe(state);
    }
    expect((await desk.show(family.id)).note).toBe("Cancelled by ann.");
  });

  it.each(["pause", "resume", "cancel"])(
    "/tasks %s is answered the second time as it was the first",
    async (act) => {
      const { answer, family } = await given();

      const first = await answer("ann", `/tasks ${act} ${family.id}`);

      expect(await answer("ann", `/tasks ${act} ${family.id}`)).toBe(first);
    },
  );

  it("start a run now, and no second one beside it", async () => {
    const { answer, family, desk } = await given();

    expect(await answer("ada", `/tasks run ${family.id}`)).toBe(
      `A run of ${family.id} has begun: Who cooks today?`,
    );
    expect(await answer("ada", `/tasks run ${family.id}`)).toMatch(
      /is not run now\. The run of .* was still running/,
    );
    expect((await desk.history(family.id, { limit: 10 })).occurrences).toHaveLength(1);
  });

  it.each(["/tasks pause", "/tasks explode abcdefgh", "/tasks show"])(
    "%s is told how to write it",
    async (text) => {
      const { answer } = await given();

      expect(await answer("ann", text)).toMatch(/^Write \/tasks for the list, or /);
    },
  );
});
