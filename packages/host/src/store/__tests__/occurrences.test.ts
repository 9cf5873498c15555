import { describe, expect, it } from "vitest";
import type { Claim } from "../claims.ts";
import { keepGateWord, type RunEnd } from "../occurrences.ts";
import type { NewTaskRow } from "../tasks.ts";
import type { Failure } from "../turns.ts";
import { house, message, planned } from "./house.ts";

const MINUTE = 60_000;
const FAILURE: Failure = { class: "transient", detail: "503", reason: "The service is down.", outbound: [] };

async function given(more: Partial<NewTaskRow> = {}) {
  const store = await house();
  const row = await store.task(more);

  /** Its next time fires; the session in which it waits. */
  async function fireNext(firing?: Parameters<typeof planned>[1]) {
    const task = await store.taskNow(row);
    store.clock.advance(Math.max(0, (task.due_at ?? 0) - store.clock.now()));
    const [woken] = (await store.fire([planned(task, firing)])).woken;
    if (!woken) throw new Error("nothing was fired");
    return woken.session;
  }

  const begun = async (firing?: Parameters<typeof planned>[1]) => await store.claimed(await fireNext(firing));
  const ends = async (run?: RunEnd) =>
    await store.turns.complete(await begun(), { outbound: [], carried: [], run });
  return {
    ...store,
    row,
    fireNext,
    begun,
    /** Its next time fires and runs to its end. */
    ends,
    fails: async () => await store.turns.fail(await begun(), FAILURE),
    last: async () => (await store.runsOf(row)).at(-1),
    sessionOf: async ({ session: { id } }: Claim) =>
      await store.db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),
  };
}

describe("what waits in a session", () => {
  it("is claimed in the order in which it came, whether written or scheduled", async () => {
    const { inbox, begun, turns, clock, claimed } = await given();
    await inbox.accept(message("first"));

    const first = await begun();
    clock.advance(1);
    await inbox.accept(message("third"));
    await turns.complete(first, { outbound: [], carried: [] });
    const second = await claimed(first.session.id);
    await turns.complete(second, { outbound: [], carried: [] });
    const third = await claimed(first.session.id);

    expect([first.kind, second.kind, third.kind]).toEqual(["chat", "task", "chat"]);
    expect([first, third].map(({ inputs }) => inputs.map(({ text }) => text))).toEqual([
      ["first"],
      ["third"],
    ]);
    expect(second.inputs).toEqual([]);
  });

  it("is claimed in the order of its times, where more than one came at once", async () => {
    const { fire, row, clock, claimed } = await given();
    clock.advance(MINUTE);
    const times = [0, 1].map((late) => ({ scheduledFor: clock.now() - late, missed: 0 }));

    const { woken } = await fire([planned(row, { runs: times, catchUp: true })]);

    expect((await claimed(woken[0]?.session)).task?.scheduledFor).toBe(clock.now() - 1);
  });

  it("moves along when a person puts the conversation away", async () => {
    const { inbox, fireNext, last, claimed, row } = await given();
    const old = await fireNext();

    await inbox.accept(message("/new", { verdict: "noted", command: { name: "new", startsAfresh: true } }));

    const moved = (await last())?.session_id ?? undefined;
    expect(moved).not.toBe(old);
    expect((await claimed(moved)).task?.id).toBe(row.id);
  });

  it("moves along when the engine is another one by then", async () => {
    const { fireNext, speaks, claimed, row, last } = await given();
    const old = await fireNext();
    speaks.engine = "acp";

    const claim = await claimed(old);

    expect(claim).toMatchObject({ kind: "task", task: { id: row.id }, session: { engine: "acp" } });
    expect(claim.session.id).not.toBe(old);
    expect(await last()).toMatchObject({ state: "running", session_id: claim.session.id });
  });
});

describe("a run", () => {
  it("is running from its claim on, and has what its turn must know", async () => {
    const { begun, last, clock, row } = await given({ gate: "./check.sh", retries: 4, max_tokens: 9 });

    const { turn, task, model } = await begun();

    expect(await last()).toMatchObject({ state: "running", turn_id: turn, started_at: clock.now() });
    expect(task).toMatchObject({
      id: row.id,
      gate: "./check.sh",
      retries: 4,
      maxTokens: 9,
      cancelled: false,
    });
    expect(model).toBe("a-model");
  });

  it("asks for the model of its own task", async () => {
    const { begun } = await given({ model: "a-larger-model" });

    expect((await begun()).model).toBe("a-larger-model");
  });

  it.each<[string, RunEnd | undefined, object]>([
    ["succeeds with it", undefined, { state: "succeeded", reason: null, result: null }],
    ["keeps its answer", { state: "succeeded", result: "42" }, { state: "succeeded", result: "42" }],
    [
      "is skipped by its gate",
      { state: "skipped", reason: "asleep" },
      { state: "skipped", reason: "asleep" },
    ],
  ])("ends with its turn: it %s", async (_how, run, expected) => {
    const { ends, last, clock } = await given();

    await ends(run);

    expect(await last()).toMatchObject({ ...expected, ended_at: clock.now() });
  });

  it("ends failed with its turn, which is no dead letter", async () => {
    const { fails, last, db } = await given();

    await fails();

    expect(await last()).toMatchObject({ state: "failed", reason: "The service is down." });
    const [turn] = await db.selectFrom("turns").select(["state", "dropped_at"]).execute();
    expect(turn).toEqual({ state: "failed", dropped_at: expect.any(Number) });
  });

  it("ends cancelled with its turn", async () => {
    const { begun, turns, last } = await given();

    await turns.cancel(await begun(), { outbound: [], reason: "Ada stopped it." });

    expect(await last()).toMatchObject({ state: "cancelled", reason: "Ada stopped it." });
  });

  it("keeps of a long answer its beginning", async () => {
    const { ends, last } = await given();

    await ends({ state: "succeeded", result: `${"x".repeat(9_999)}🔔` });

    expect((await last())?.result).toBe(`${"x".repeat(9_999)}\ufffd`);
  });

  it("stays one while it is tried again, and is the same task", async () => {
    const { begun, turns, clock, claimed, runsOf, row } = await given();
    const first = await begun();
    await turns.retry(first, { ...FAILURE, at: clock.now() + 1, charged: true });
    clock.advance(1);

    const second = await claimed(first.session.id);

    expect(second).toMatchObject({ turn: first.turn, attempt: 2, task: first.task });
    expect(await runsOf(row)).toMatchObject([{ state: "running", turn_id: first.turn }]);
  });

  it("goes on after its host died, with what its gate has said", async () => {
    const { begun, turns, turnsOf, claimed } = await given();
    const first = await begun();
    const { task } = first;
    if (!task) throw new Error("it is no task's");
    await turns.perform(first, (trx) => keepGateWord(trx, task.occurrence, '{"wake":true}'));

    const next = await claimed(first.session.id, turnsOf("next boot"));

    expect(next).toMatchObject({ lost: 1, attempt: 1, task: { ...task, gateSaid: '{"wake":true}' } });
  });
});

describe("the conversation of a run", () => {
  it("ends with an isolated one; what was left going may still have its say there", async () => {
    const { begun, turns, clock, sessionOf } = await given({ context: "isolated" });
    const claim = await begun();
    expect(claim.session.scope_kind).toBe("occurrence");

    await turns.complete(claim, { outbound: [], carried: [] });

    expect((await sessionOf(claim)).ended_at).toBe(clock.now());
    const background = await turns.claimBackground(claim.session.id, claim.chat.id, "the backup is done");
    expect(background).toMatchObject({ kind: "background", task: undefined });
  });

  it("goes on where it is that of its chat", async () => {
    const { begun, turns, sessionOf } = await given();
    const claim = await begun();

    await turns.complete(claim, { outbound: [], carried: [], engineSession: "s" });

    expect(await sessionOf(claim)).toMatchObject({ ended_at: null, engine_session: "s" });
  });
});

describe("a series that fails", () => {
  it("is paused after five times in a row, and its chat is told once", async () => {
    const { fails, taskNow, row, owed } = await given();
    for (let time = 0; time < 4; time += 1) await fails();
    expect([(await taskNow(row)).state, await owed()]).toEqual(["active", []]);

    await fails();

    expect(await taskNow(row)).toMatchObject({
      state: "paused",
      failures: 5,
      note: "It failed 5 times in a row.",
      next_at: null,
      due_at: null,
    });
    const told = await owed();
    expect(told.map(({ kind, chat_id }) => [kind, chat_id])).toEqual([["notice", row.chat_id]]);
    expect(told[0]?.text).toContain(`/tasks resume ${row.id}`);
  });

  it.each<[string, RunEnd | undefined]>([
    ["succeeds", undefined],
    ["is skipped by its gate", { state: "skipped" }],
  ])("begins to be counted anew once a run %s", async (_how, run) => {
    const { fails, ends, taskNow, row } = await given();
    for (let time = 0; time < 4; time += 1) await fails();

    await ends(run);
    expect((await taskNow(row)).failures).toBe(0);

    for (let time = 0; time < 4; time += 1) await fails();
    expect(await taskNow(row)).toMatchObject({ state: "active", failures: 4 });
  });

  it("is not counted by a run that somebody stopped, neither way", async () => {
    const { fails, begun, turns, taskNow, row } = await given();
    for (let time = 0; time < 4; time += 1) await fails();

    await turns.cancel(await begun(), { outbound: [] });

    expect(await taskNow(row)).toMatchObject({ state: "active", failures: 4 });
  });

  it("is not paused where it is at its end anyway", async () => {
    const { begun, fails, turns, taskNow, row, owed } = await given();
    for (let time = 0; time < 4; time += 1) await fails();

    await turns.fail(await begun({ next: undefined }), FAILURE);

    expect([await taskNow(row), await owed()]).toMatchObject([{ state: "done", failures: 5 }, []]);
  });
});

describe("a task without a further time", () => {
  it.each(["complete", "fail", "cancel"] as const)("is done when its last run has ended: %s", async (how) => {
    const { begun, turns, taskNow, row, clock, claimed } = await given();
    const claim = await begun({ next: undefined });
    expect(await taskNow(row)).toMatchObject({ state: "active", due_at: null });
    await turns.retry(claim, { ...FAILURE, at: clock.now(), charged: true });
    expect((await taskNow(row)).state).toBe("active");

    await turns[how](await claimed(claim.session.id), { ...FAILURE, carried: [] });

    expect((await taskNow(row)).state).toBe("done");
  });
});
