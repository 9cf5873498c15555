import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder, MAIN } from "../../core/ids.ts";
import type { TaskPowers } from "../desk.ts";
import { NoTaskError } from "../no-task.ts";
import { atDesk, FAMILY, FAMILY_CHAT, KITCHEN } from "./desk-house.ts";

const DAILY = { cron: "0 7 * * *", prompt: "Good morning!" };
const PAGE = { limit: 5 };

/** Everything that can be done with one task. */
const POWERS: Record<string, (powers: TaskPowers, id: string) => Promise<unknown>> = {
  show: (powers, id) => powers.show(id),
  history: (powers, id) => powers.history(id, PAGE),
  edit: (powers, id) => powers.edit(id, { prompt: "Good evening!" }),
  pause: (powers, id) => powers.pause(id),
  resume: (powers, id) => powers.resume(id),
  run: (powers, id) => powers.run(id),
  cancel: (powers, id) => powers.cancel(id),
};

async function given() {
  const house = await atDesk();
  const ours = await house.family.add(DAILY);
  const mains = await house.owner.add({ ...DAILY, chat: KITCHEN });
  return { ...house, ours, mains };
}

describe("a group", () => {
  it.each(Object.entries(POWERS))(
    "can do nothing to a task of another group, and that is on record: %s",
    async (action, power) => {
      const { family, mains, audited, rowOf, statesOf } = await given();
      const before = await rowOf(mains);
      const why = `The task ${mains.id} belongs to another group; yours is family, and only main looks after those of others.`;

      await expect(power(family, mains.id)).rejects.toThrow(why);

      expect((await audited()).at(-1)).toEqual({
        actor: "the agent of family",
        group: "family",
        action,
        subject: `task:${mains.id}`,
        allowed: 0,
        detail: why,
      });
      expect(await rowOf(mains)).toEqual(before);
      expect(await statesOf(mains)).toEqual([]);
    },
  );

  it("lists its own, and is refused those of others", async () => {
    const { family, ours, audited } = await given();
    const why = "Only main sees the tasks of other groups; yours is family.";

    expect((await family.list({ all: true })).map(({ id }) => id)).toEqual([ours.id]);
    expect(await family.list({ group: FAMILY, all: true })).toHaveLength(1);
    await expect(family.list({ group: MAIN, all: true })).rejects.toThrow(why);

    expect((await audited()).at(-1)).toMatchObject({
      action: "list",
      subject: "task",
      allowed: 0,
      detail: why,
    });
  });

  it("makes none for another group", async () => {
    const { family, audited, owner } = await given();
    const why = "Only main may make tasks for other groups; yours is family.";

    await expect(family.add({ ...DAILY, group: MAIN })).rejects.toThrow(why);

    expect((await audited()).at(-1)).toMatchObject({
      actor: "the agent of family",
      action: "add",
      subject: "task",
      allowed: 0,
      detail: why,
    });
    expect(await owner.list({ all: true })).toHaveLength(2);
  });

  it("answers in none of another group's chats", async () => {
    const { family, ours, rowOf } = await given();
    const why = "The chat web:kitchen belongs to the group main, not to family.";

    await expect(family.add({ ...DAILY, chat: KITCHEN })).rejects.toThrow(why);
    await expect(family.edit(ours.id, { chat: KITCHEN })).rejects.toThrow(why);

    expect((await rowOf(ours)).chat_id).toBe(FAMILY_CHAT);
  });

  it("does with its own whatever it likes", async () => {
    const { family, ours } = await given();

    for (const power of Object.values(POWERS)) await expect(power(family, ours.id)).resolves.toBeDefined();
  });
});

describe("main", () => {
  it.each(Object.entries(POWERS))("does with the tasks of others what it likes: %s", async (_name, power) => {
    const { owner, ours } = await given();

    await expect(power(owner, ours.id)).resolves.toBeDefined();
  });

  it("lists those of all groups, or of one", async () => {
    const { owner, ours, mains } = await given();

    expect((await owner.list({ all: false })).map(({ id }) => id).toSorted()).toEqual(
      [ours.id, mains.id].toSorted(),
    );
    expect((await owner.list({ group: FAMILY, all: false })).map(({ id }) => id)).toEqual([ours.id]);
  });

  it("makes tasks for another group, which then are that group's", async () => {
    const { owner, family } = await given();

    const made = await owner.add({ ...DAILY, group: FAMILY, chat: FAMILY_CHAT });

    expect(made).toMatchObject({ group: "family", chat: FAMILY_CHAT, createdBy: "the owner" });
    expect((await family.show(made.id)).id).toBe(made.id);
  });

  it("need not say the group where it names a chat", async () => {
    const { owner } = await given();

    expect((await owner.add({ ...DAILY, chat: FAMILY_CHAT })).group).toBe("family");
  });

  it("is told of a group or a chat that is not there, and of one that do not belong together", async () => {
    const { owner } = await atDesk({ groupExists: (folder) => folder === "main" || folder === "family" });

    await expect(owner.add({ ...DAILY, group: GroupFolder.parse("work") })).rejects.toThrow(
      "There is no group work.",
    );
    await expect(owner.add({ ...DAILY, group: FAMILY, chat: ChatId.parse("telegram:1") })).rejects.toThrow(
      "There is no chat telegram:1.",
    );
    await expect(owner.add({ ...DAILY, group: FAMILY, chat: KITCHEN })).rejects.toThrow(
      "The chat web:kitchen belongs to the group main, not to family.",
    );
  });
});

describe("the record", () => {
  it("has every change that was made, with what was asked for", async () => {
    const { family, ours, audited } = await given();
    for (const power of Object.values(POWERS)) await power(family, ours.id);

    const mine = (await audited()).filter(({ actor }) => actor === "the agent of family");
    expect(mine.map(({ action, subject, allowed }) => [action, subject, allowed])).toEqual(
      ["add", "edit", "pause", "resume", "run", "cancel"].map((action) => [action, `task:${ours.id}`, 1]),
    );
    expect(mine.map(({ detail }) => detail).slice(0, 2)).toEqual([
      JSON.stringify(DAILY),
      '{"prompt":"Good evening!"}',
    ]);
  });

  it("has nothing of what was refused for another reason", async () => {
    const { owner, audited } = await given();
    const before = await audited();

    await expect(owner.add({ prompt: "x", chat: KITCHEN })).rejects.toThrow("Say when");

    expect(await audited()).toEqual(before);
  });

  it("is not filled by long requests", async () => {
    const { owner, audited } = await given();

    await owner.add({ ...DAILY, chat: KITCHEN, prompt: "x".repeat(10_000) });

    expect((await audited()).at(-1)?.detail).toHaveLength(500);
  });
});

describe("an id", () => {
  it("may be the beginning of one, in whatever case", async () => {
    const { owner, put } = await atDesk();
    const id = await put("abcdefgh");

    for (const beginning of ["a", "abcd", "ABCDefg", " abcdefgh "])
      expect((await owner.show(beginning)).id).toBe(id);
  });

  it("has to say which of two tasks is meant", async () => {
    const { owner, put } = await atDesk();
    await put("abcdefgh");
    await put("abcdefgj", FAMILY_CHAT);

    await expect(owner.pause("ABCD")).rejects.toThrow(
      "More than one task's id begins with abcd; write more of it.",
    );
    expect((await owner.show("abcdefgj")).group).toBe("family");
  });

  it("is looked for among one's own tasks: those of others do not stand in the way", async () => {
    const { family, put } = await atDesk();
    await put("abcdefgh");
    await put("abcdefgj");
    const own = await put("abcdefgk", FAMILY_CHAT);

    expect((await family.show("abc")).id).toBe(own);
  });

  it("has to say which of one's own is meant, though another group's lies between them", async () => {
    const { family, put, rowOf } = await atDesk();
    const id = await put("abcdefgh", FAMILY_CHAT);
    await put("abcdefgj");
    await put("abcdefgk", FAMILY_CHAT);

    await expect(family.cancel("abc")).rejects.toThrow("More than one task's id begins with abc");

    expect((await rowOf({ id })).state).toBe("active");
  });

  it.each(["zzzz", "", "%", "abcdefghj", "../main"])(
    "that is of no task is said to be that: %o",
    async (id) => {
      const { owner, put } = await atDesk();
      await put("abcdefgh");

      await expect(owner.show(id)).rejects.toThrow(NoTaskError);
      await expect(owner.cancel(id)).rejects.toThrow(
        `There is no task ${JSON.stringify(id)}; the list of tasks names those there are.`,
      );
    },
  );
});
