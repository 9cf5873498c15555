/** The desk of groups, over a real store. */
import { describe, expect, it } from "vitest";
import { RejectedError } from "@bellhop/sdk";
import { ChatId, GroupFolder, MAIN, SenderId } from "../../core/ids.ts";
import { openGroupSettings } from "../../store/group-settings.ts";
import { everyMinute, type House, house, message } from "../../store/__tests__/house.ts";
import { deskOver, type DeskOptions } from "./desk-over.ts";

const CLUB = GroupFolder.parse("club");
const HOME = GroupFolder.parse("family");
const HALL = ChatId.parse("telegram:hall");
const YARD = ChatId.parse("telegram:yard");
const OFFICE = ChatId.parse("web:office");

const CONFIGURED: NonNullable<DeskOptions["configured"]> = new Map([
  [HOME, { own: { assistant: "Alfred", queue: "queue" as const }, chats: [YARD] }],
]);

async function given(options: Partial<DeskOptions> = {}) {
  const store = await house();
  const delivered: ChatId[] = [];
  const over = await deskOver(store.db, store.clock, {
    configured: CONFIGURED,
    deliver: (chat) => void delivered.push(chat),
    stop: (session, why) => store.turns.cancelWaiting(session, why),
    ...options,
  });
  const audited = async () =>
    await store.db.selectFrom("audit").select(["actor", "action", "subject"]).orderBy("id").execute();
  return { ...store, ...over, groups: over.desk.as({ who: "the owner" }), delivered, audited };
}

/** Something is written in the chat, and waits for a turn. */
function wrote({ inbox }: Pick<House, "inbox">, chat: ChatId, text = "hello") {
  return inbox.receive(message(text, { chat, sender: { id: SenderId.parse("telegram:7"), name: "Sam" } }));
}

describe("a group that is made while Bellhop runs", () => {
  it("is there from then on and after a restart, with its settings over the configuration, and is on record", async () => {
    const { groups, db, exists, made, audited } = await given();

    const view = await groups.add({ name: CLUB, settings: { assistant: "Jeeves", trigger: "called" } });

    expect(view).toMatchObject({ name: "club", origin: "made", chats: [], tasks: { active: 0, paused: 0 } });
    expect(view.settings).toMatchObject({ assistant: "Jeeves", trigger: "called", model: "sonnet" });
    expect(exists(CLUB)).toBe(true);
    expect(made).toEqual([CLUB]);
    const again = await openGroupSettings(db);
    expect(again.made()).toEqual([CLUB]);
    expect(again.of(CLUB)).toEqual({ assistant: "Jeeves", trigger: "called" });
    expect(await audited()).toEqual([{ actor: "the owner", action: "group.add", subject: "group:club" }]);
  });

  it("begins with the settings of another one, as chosen and as configured", async () => {
    const { groups } = await given();
    await groups.edit(HOME, { model: "haiku" });

    const { chosen } = await groups.add({ name: CLUB, from: HOME, settings: { queue: "interrupt" } });

    expect(chosen).toEqual({ assistant: "Alfred", model: "haiku", queue: "interrupt" });
  });

  it("is made once", async () => {
    const { groups } = await given();
    await groups.add({ name: CLUB });

    await expect(groups.add({ name: CLUB })).rejects.toThrow("is there already");
    await expect(groups.add({ name: HOME })).rejects.toThrow("is there already");
    await expect(groups.add({ name: MAIN })).rejects.toThrow("is there already");
  });
});

describe("the settings of a group", () => {
  it("go over what config.yaml says, until they are taken back", async () => {
    const { groups, changed } = await given();

    expect((await groups.edit(HOME, { assistant: "Jeeves" })).settings.assistant).toBe("Jeeves");
    expect((await groups.edit(HOME, { assistant: null })).settings.assistant).toBe("Alfred");

    expect(changed).toEqual([HOME, HOME]);
    expect((await groups.show(HOME)).chosen).toEqual({});
  });
});

describe("several chats", () => {
  it("belong to one group, those that were seen among them", async () => {
    const { groups, seen, chats } = await given();
    seen.saw({ chat: HALL, title: "The hall", sender: SenderId.parse("telegram:7"), senderName: "Sam" });
    await groups.add({ name: CLUB });

    await groups.bind([HALL, OFFICE], CLUB);

    expect((await groups.show(CLUB)).chats.map(({ id }) => id)).toEqual([HALL, OFFICE]);
    expect(groups.seen()).toEqual([]);
    expect((await chats.find(HALL))?.folder).toBe(CLUB);
  });
});

describe("a chat that changes hands", () => {
  it("leaves nothing behind that would be answered in the other group, and says so once", async () => {
    const store = await given();
    const { groups, inputs, owed, delivered, db } = store;
    await groups.add({ name: CLUB, chats: [HALL] });
    await wrote(store, HALL, "one");
    await wrote(store, HALL, "two");

    await groups.bind([HALL], MAIN);

    expect((await inputs()).map(({ state, session_id }) => [state, session_id])).toEqual([
      ["note", null],
      ["note", null],
    ]);
    expect((await owed()).map(({ text }) => text)).toEqual([
      "What I had not answered here stays unanswered: this chat was given to the group main.",
    ]);
    expect(new Set(delivered)).toEqual(new Set([HALL]));
    const { context_from, next_seq } = await db
      .selectFrom("chats")
      .select(["context_from", "next_seq"])
      .where("id", "=", HALL)
      .executeTakeFirstOrThrow();
    expect(context_from).toBe(next_seq); // what was said in front of one group is not the other's
  });

  it("waits for the answer under way to end", async () => {
    const stopped: string[] = [];
    const store = await given({
      stop: async (session, why) => {
        stopped.push(why);
        const claim = claims.get(session);
        if (claim) await store.turns.cancel(claim, { outbound: [], reason: why });
      },
    });
    const claims = new Map<string, Awaited<ReturnType<House["claimed"]>>>();
    await store.groups.add({ name: CLUB, chats: [HALL] });
    const taken = await wrote(store, HALL);
    if (!taken || "not" in taken) throw new Error("it was not taken");
    const claim = await store.claimed(taken.session);
    claims.set(claim.session.id, claim);

    await store.groups.bind([HALL], MAIN);

    expect(stopped).toEqual(["this chat was given to the group main"]);
    expect((await store.chats.find(HALL))?.folder).toBe(MAIN);
    expect(await store.db.selectFrom("turns").select(["state"]).execute()).toEqual([{ state: "cancelled" }]);
  });

  it("does not move while it cannot be brought to rest", async () => {
    const store = await given({ stop: async () => "nothing" });
    await store.groups.add({ name: CLUB, chats: [HALL] });
    const taken = await wrote(store, HALL);
    if (!taken || "not" in taken) throw new Error("it was not taken");
    await store.claimed(taken.session);

    await expect(store.groups.bind([HALL], MAIN)).rejects.toThrow("try again in a moment");

    expect((await store.chats.find(HALL))?.folder).toBe(CLUB);
  });

  it("begins a conversation of its own anew at the owner's desk, and goes back to main when it is taken away", async () => {
    const closed: string[] = [];
    const store = await given({ closeRoom: async (session) => void closed.push(session) });
    const { groups, inbox, db, chats } = store;
    await groups.add({ name: CLUB });
    const { session } = await inbox.accept(message("hello", { chat: OFFICE }));
    await groups.bind([OFFICE], CLUB);

    expect(closed).toEqual([session]);
    expect(await db.selectFrom("sessions").select("id").where("ended_at", "is", null).execute()).toEqual([]);
    expect(await groups.unbind(OFFICE)).toEqual({ group: MAIN });
    expect((await chats.find(OFFICE))?.folder).toBe(MAIN);
    await expect(groups.unbind(OFFICE)).rejects.toThrow("only be given to another group");
  });

  it("is not taken from the group that config.yaml gives it to", async () => {
    const { groups, chats } = await given();
    await chats.bind(YARD, HOME);

    for (const move of [() => groups.unbind(YARD), () => groups.bind([YARD], MAIN)])
      await expect(move()).rejects.toThrow("stands in config.yaml, under groups.family.chats");

    await groups.bind([YARD], HOME); // where it is
  });

  it("is given to no group that there is not", async () => {
    const { groups, chats } = await given();

    await expect(groups.bind([HALL], CLUB)).rejects.toThrow(RejectedError);

    expect(await chats.find(HALL)).toBeUndefined();
  });
});

describe("a group that is removed", () => {
  async function withAll() {
    const store = await given();
    await store.groups.add({ name: CLUB, settings: { assistant: "Jeeves" }, chats: [HALL, OFFICE] });
    const groupId = await store.chats.numberOf(CLUB);
    const task = await store.tasks.insert(store.db, {
      ...everyMinute(store.clock.now()),
      group_id: groupId,
      chat_id: HALL,
    });
    await wrote(store, HALL);
    return { ...store, task };
  }

  it("pauses its tasks, lets its chats go and keeps everything else", async () => {
    const store = await withAll();
    const { groups, task, taskNow, chats, exists, inputs, audited, db } = store;

    const gone = await groups.remove(CLUB);

    expect(gone).toEqual({ name: CLUB, paused: 1, chats: [HALL, OFFICE], folder: "/nowhere/groups/club" });
    expect(exists(CLUB)).toBe(false);
    expect((await groups.list()).map(({ name }) => name)).not.toContain(CLUB);
    expect(await taskNow(task)).toMatchObject({
      state: "paused",
      due_at: null,
      note: "Paused because its group was removed.",
    });
    expect(await chats.find(HALL)).toBeUndefined();
    expect((await chats.find(OFFICE))?.folder).toBe(MAIN);
    expect((await inputs()).map(({ text, state }) => [text, state])).toEqual([["hello", "note"]]);
    expect(await db.selectFrom("sessions").select("id").where("ended_at", "is", null).execute()).toEqual([]);
    expect((await audited()).at(-1)).toEqual({
      actor: "the owner",
      action: "group.remove",
      subject: "group:club",
    });
  });

  it("reads nothing more in its chats, and can be written to there", async () => {
    const store = await withAll();
    await store.groups.remove(CLUB);

    expect(await wrote(store, HALL, "still there?")).toBeUndefined();
    expect((await store.owed()).at(-1)?.text).toContain("the group club was removed");
  });

  it("is taken up again by its name, with its tasks resting and its settings as configured", async () => {
    const { groups, task, taskNow } = await withAll();
    await groups.remove(CLUB);

    const again = await groups.add({ name: CLUB, chats: [HALL] });

    expect(again).toMatchObject({ chosen: {}, tasks: { active: 0, paused: 1 }, chats: [{ id: HALL }] });
    expect((await taskNow(task)).state).toBe("paused");
  });

  it("is neither main nor one of config.yaml, and has to be there", async () => {
    const { groups } = await given();

    await expect(groups.remove(MAIN)).rejects.toThrow("always there");
    await expect(groups.remove(HOME)).rejects.toThrow("stands in config.yaml, under groups.family");
    await expect(groups.remove(CLUB)).rejects.toThrow("There is no group club");
  });

  it("may be one that stood in config.yaml once and still has chats", async () => {
    const { groups, chats } = await given();
    const old = GroupFolder.parse("old_one");
    await chats.ensureGroup(old);
    expect((await groups.list()).map(({ name }) => name)).not.toContain(old);
    await chats.bind(HALL, old);

    expect(await groups.show(old)).toMatchObject({ origin: "left over" });
    expect(await groups.remove(old)).toMatchObject({ chats: [HALL] });
  });
});
