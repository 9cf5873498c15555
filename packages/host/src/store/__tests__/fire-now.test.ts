import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import { BusyTask } from "../fire.ts";
import type { NewTaskRow } from "../tasks.ts";
import { house, planned } from "./house.ts";

const MINUTE = 60_000;
const KITCHEN = ChatId.parse("web:kitchen");

async function given(more: Partial<NewTaskRow> = {}) {
  const store = await house();
  const row = await store.task(more);
  return {
    ...store,
    row,
    now: store.clock.now(),
    states: async () => (await store.runsOf(row)).map(({ state }) => state),
    byHand: () => store.db.transaction().execute((trx) => store.fireNow(trx, row)),
  };
}

describe("a run by hand", () => {
  it("is an occurrence beside the schedule", async () => {
    const { byHand, row, now, runsOf, taskNow } = await given();

    const begun = await byHand();

    const [run] = await runsOf(row);
    expect(run).toMatchObject({ manual: 1, state: "waiting", scheduled_for: now, missed: 0 });
    expect(begun).toMatchObject({ occurrence: run?.id, session: run?.session_id, giveWay: [] });
    expect(await taskNow(row)).toEqual(row);
  });

  it("leaves the time that comes in the same moment to the schedule", async () => {
    const { byHand, fire, clock, row, runsOf } = await given({ overlap: "allow" });
    clock.advance(MINUTE);
    await byHand();

    await fire([planned(row)]);

    expect((await runsOf(row)).map(({ manual, scheduled_for: at }) => [manual, at])).toEqual([
      [0, clock.now()],
      [1, clock.now() + 1],
    ]);
  });

  it("may be begun twice in the same moment, where its policy lets it", async () => {
    const { byHand, runsOf, row, now } = await given({ overlap: "allow" });
    await Promise.all([byHand(), byHand()]);

    expect((await runsOf(row)).map((run) => [run.scheduled_for, run.state])).toEqual([
      [now, "waiting"],
      [now + 1, "waiting"],
    ]);
  });

  it("leaves no session in use that is of no run, where its moment was taken", async () => {
    const { byHand, db, runsOf, row } = await given({ overlap: "allow", context: "isolated" });
    await byHand();
    await byHand();

    const inUse = await db.selectFrom("sessions").select("id").where("ended_at", "is", null).execute();
    const ofRuns = (await runsOf(row)).map(({ session_id }) => session_id);
    expect(new Set(inUse.map(({ id }) => id))).toEqual(new Set(ofRuns));
    expect(inUse).toHaveLength(2);
  });

  it.each([
    ["skip", 1],
    ["queue_one", 1],
    ["queue_all", 10],
    ["allow", 100],
  ] as const)("is refused with %s once %i wait", async (overlap, most) => {
    const { byHand, runsOf, row } = await given({ overlap });
    for (let run = 0; run < most; run += 1) expect(await byHand()).not.toBeInstanceOf(BusyTask);

    const refused = await byHand();

    expect(refused).toBeInstanceOf(BusyTask);
    expect(refused).toMatchObject({ why: expect.stringContaining("was still waiting for its turn.") });
    expect(await runsOf(row)).toHaveLength(most);
  });

  it("takes the place of those that are open with cancel_other", async () => {
    const { byHand, claimed, states } = await given({ overlap: "cancel_other" });
    const first = await byHand();
    if (first instanceof BusyTask) throw new Error(first.why);
    await claimed(first.session);

    const second = await byHand();
    const third = await byHand();

    const { session, occurrence } = first;
    expect(second).toMatchObject({ giveWay: [{ session, occurrence }] });
    expect(third).toMatchObject({ giveWay: [{ session, occurrence }] });
    expect(await states()).toEqual(["running", "cancelled", "waiting"]);
  });

  it("is refused where its chat is another group's now", async () => {
    const { byHand, chats, states } = await given();
    await chats.bind(KITCHEN, GroupFolder.parse("family"));

    expect(await byHand()).toEqual(new BusyTask("Its chat does not belong to its group any more."));
    expect(await states()).toEqual([]);
  });
});
