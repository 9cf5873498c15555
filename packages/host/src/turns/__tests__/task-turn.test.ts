import { describe, expect, it } from "vitest";
import { ChatId } from "../../core/ids.ts";
import type { NewTask, OpenedTask } from "../../core/task.ts";
import type { EngineFailure } from "../engine.ts";
import { STARTED_AFRESH } from "../failure-words.ts";
import type { Script, ScriptEnd } from "../scripts.ts";
import { HOUR, middle, type MiddleOptions, MINUTE, SECOND, SECRET, settled } from "./middle.ts";

const CHAT = "web:kitchen";

/** A task of the kitchen's; due in a minute unless it says otherwise. */
async function scheduled(task: Partial<NewTask> = {}, options: MiddleOptions = {}) {
  const house = await middle(options);
  await house.chats.ensure(ChatId.parse(CHAT), house.main);
  const timed = task.cron ?? task.every ?? task.at;
  const { prompt = "Water the plants.", ...more } = task;
  const made = await house.tasks.add({
    chat: ChatId.parse(CHAT),
    ...(task.script === undefined && { prompt }),
    ...(timed === undefined && { at: "in 1 minute" }),
    ...more,
  });
  const runs = async () => (await house.tasks.history(made.id, { limit: 50 })).occurrences;
  return { ...house, task: made, runs, now: () => house.tasks.show(made.id) };
}

/** The same, with its first run under way. */
async function running(task: Partial<NewTask> = {}, options: MiddleOptions = {}) {
  const house = await scheduled(task, options);
  await house.advance(house.task.schedule.kind === "cron" ? untilNext(house.task) : MINUTE);
  return house;
}

const untilNext = ({ next: [first = 0], createdAt }: OpenedTask) => first - createdAt;

const printing = (stdout: string, code = 0): ScriptEnd => ({ how: "exited", code, stdout, stderr: "" });

describe("a run of a task", () => {
  it("begins when it is due, answers in its chat, and ends with what became of it", async () => {
    const { engine, said, runs, turnRows, advance, now } = await scheduled();
    await advance(MINUTE - 1);
    expect(engine.sessions).toHaveLength(0);

    await advance(1);
    engine.latest.answer("They are wet.");
    await settled();

    expect(await said(CHAT)).toEqual(["They are wet."]);
    expect(await turnRows()).toMatchObject([{ kind: "task", state: "done" }]);
    expect(await runs()).toMatchObject([
      { state: "succeeded", result: "They are wet.", attempts: 1, reason: null, durationMs: 0 },
    ]);
    expect((await now()).state).toBe("done");
  });

  it("tells the agent that it was scheduled, by whom and when, and that nobody is there", async () => {
    const { engine } = await running();

    const [host, ...blocks] = engine.latest.prompts[0]?.blocks ?? [];

    expect(host).toMatch(/run of the scheduled task [a-z0-9]{8}, due "Thursday, 1 January 2026 at 12:01"/);
    expect(host).toContain(`"the owner" scheduled it on "Thursday, 1 January 2026 at 12:00"`);
    expect(host).toContain("Nobody waits at the keyboard");
    expect(blocks).toEqual(["Water the plants."]);
  });

  it("is a fresh conversation each time, which ends with it", async () => {
    const { engine, advance, db } = await running(
      { every: "5m" },
      { script: { onPrompt: (s) => s.answer("ok") } },
    );
    await advance(4 * MINUTE);
    await advance(5 * MINUTE);

    expect(engine.sessions.map(({ opened }) => opened.resume)).toEqual([undefined, undefined]);
    const sessions = await db.selectFrom("sessions").selectAll().execute();
    expect(sessions).toHaveLength(2);
    for (const { scope_kind, ended_at } of sessions)
      expect([scope_kind, ended_at]).toEqual(["occurrence", expect.any(Number)]);
  });

  it("goes on in the conversation of its chat where it is to", async () => {
    const { engine, advance, says, said } = await scheduled(
      { context: "group", at: "in 5 minutes" },
      { script: { onPrompt: (session) => session.answer("ok", "entry-1") } },
    );
    await says(CHAT, "hello");

    await advance(5 * MINUTE);

    expect(engine.sessions).toHaveLength(1);
    expect(engine.latest.prompts).toHaveLength(2);
    expect(await said(CHAT)).toEqual(["ok", "ok"]);
  });

  it("says nothing where there is nothing to say, and that is no failure", async () => {
    const { engine, said, runs } = await running();

    engine.latest.answer("<internal>All is well.</internal>");
    await settled();

    expect(await said(CHAT)).toEqual([]);
    expect(await runs()).toMatchObject([{ state: "succeeded", result: "" }]);
  });

  it("keeps its answer to itself where nobody is to hear it, and shows nothing of it", async () => {
    const { engine, said, shown, runs, timeline } = await running({ announce: false });

    engine.latest.emit({ type: "delta", text: "Hm" });
    engine.latest.answer("They are wet.");
    await settled();

    expect(await said(CHAT)).toEqual([]);
    expect(shown).toEqual([]);
    expect((await timeline.before(ChatId.parse(CHAT), undefined, 10)).events).toEqual([]);
    expect(await runs()).toMatchObject([{ state: "succeeded", result: "They are wet." }]);
  });

  it("answers a person who writes meanwhile, also where it would say nothing", async () => {
    const { engine, says, said } = await running({ announce: false, context: "group" });
    engine.latest.emit({ type: "activity", tool: "Bash" });

    await says(CHAT, "and the roses?");
    engine.latest.answer("Those too.");
    await settled();

    expect(await said(CHAT)).toEqual(["Those too."]);
  });

  it("waits behind what came before it in its conversation, and goes before what comes after", async () => {
    const { engine, advance, says, said } = await scheduled({ context: "group" });
    await says(CHAT, "first");
    await advance(MINUTE);

    engine.latest.answer("to the first");
    await settled();
    expect(engine.latest.prompts.at(-1)?.blocks.at(-1)).toBe("Water the plants.");
    engine.latest.answer("watered");
    await settled();

    expect(await said(CHAT)).toEqual(["to the first", "watered"]);
  });

  it("asks for the model and the effort of its own", async () => {
    const { engine } = await running({ model: "haiku", effort: "low" });

    expect(engine.latest.opened).toMatchObject({ model: "haiku", effort: "low" });
  });

  it("is stopped like any other answer, and counts as ended, not as failed", async () => {
    const { dispatcher, runs, now } = await running();
    const [run] = dispatcher.running();

    if (run) await dispatcher.stop(run.claim.session.id, "stopped by Ada");

    expect(await runs()).toMatchObject([{ state: "cancelled", reason: "stopped by Ada" }]);
    expect((await now()).failures).toBe(0);
  });
});

describe("a run that fails", () => {
  const failing = (failure: EngineFailure): MiddleOptions => ({
    script: { onPrompt: (session) => session.fail(failure) },
  });
  const unavailable: EngineFailure = { class: "transient", detail: "503" };

  it("is tried again twice, and then its chat is told once, which task it was and why", async () => {
    const { advance, said, runs, told, engine } = await running({}, failing(unavailable));
    await advance(10 * SECOND);
    await advance(10 * SECOND);

    expect(engine.sessions).toHaveLength(3);
    expect(await said(CHAT)).toEqual([
      "(notice) The task “Water the plants.” did not get done (due Thursday, 1 January 2026 at 13:01): the model's service keeps failing.",
    ]);
    expect(await runs()).toMatchObject([{ state: "failed", attempts: 3 }]);
    expect(told).toEqual([]);
  });

  it("is tried again as often as its task wants", async () => {
    const { advance, engine } = await running({ retries: 0 }, failing(unavailable));
    await advance(10 * SECOND);

    expect(engine.sessions).toHaveLength(1);
  });

  it("is not tried again past the next time of its task", async () => {
    const limited: EngineFailure = { class: "rate_limited", detail: "429", retryAfterMs: 2 * MINUTE };
    const { runs, advance } = await scheduled({ every: "1m" }, failing(limited));
    await advance(MINUTE);

    expect(await runs()).toMatchObject([{ state: "failed", attempts: 1 }]);
  });

  it("is not tried again for longer than an hour", async () => {
    const limited: EngineFailure = { class: "rate_limited", detail: "429", retryAfterMs: 40 * MINUTE };
    const { runs, advance } = await running({}, failing(limited));
    await advance(41 * MINUTE);
    await advance(41 * MINUTE);

    expect(await runs()).toMatchObject([{ state: "failed" }]);
  });

  it("says at once that the key is refused, and waits for nothing", async () => {
    const refused: EngineFailure = { class: "auth", detail: "401" };
    const { broker, engine, said, runs } = await running();
    const door = broker.doors.at(-1);
    if (door) door.failure = refused;

    engine.latest.fail(refused);
    await settled();

    expect((await said(CHAT)).join()).toContain(
      "the model's service refuses our key. The owner must renew it.",
    );
    expect(await runs()).toMatchObject([{ state: "failed", attempts: 1 }]);
  });

  it("has its series paused after five in a row, with one word on how to go on", async () => {
    const { advance, said, now, engine, tasks } = await scheduled(
      { every: "5m", retries: 0 },
      failing(unavailable),
    );
    for (let run = 0; run < 7; run += 1) await advance(5 * MINUTE);

    const paused = await now();
    expect(paused).toMatchObject({ state: "paused", failures: 5, nextAt: null });
    expect(engine.sessions).toHaveLength(5);
    const words = await said(CHAT);
    expect(words).toHaveLength(6);
    expect(words.at(-1)).toContain(`/tasks resume ${paused.id}`);
    expect((await tasks.resume(paused.id)).failures).toBe(0);
  });

  it("does not disturb the next one", async () => {
    let left = 3;
    const { advance, runs } = await scheduled(
      { every: "5m" },
      { script: { onPrompt: (session) => (left-- > 0 ? session.die("killed") : session.answer("ok")) } },
    );
    for (let run = 0; run < 2; run += 1) {
      await advance(5 * MINUTE);
      await advance(10 * SECOND);
      await advance(10 * SECOND);
    }

    expect((await runs()).map(({ state }) => state)).toEqual(["succeeded", "failed"]);
  });
});

describe("the conversation of a run", () => {
  const stale: EngineFailure = { class: "stale_session", detail: "No conversation found" };
  const options: MiddleOptions = {
    script: {
      onPrompt: (session) => (session.opened.resume ? session.fail(stale) : session.answer("ok", "entry-1")),
    },
  };

  it("that is lost is begun afresh within the run, which succeeds", async () => {
    const { advance, says, said, runs, rooms } = await scheduled(
      { context: "group", at: "in 5 minutes" },
      options,
    );
    const { session } = await says(CHAT, "hello");
    const room = session && rooms.of(session);
    if (room) await rooms.close(room);

    await advance(5 * MINUTE);

    expect(await said(CHAT)).toEqual(["ok", `(notice) ${STARTED_AFRESH}`, "ok"]);
    expect(await runs()).toMatchObject([{ state: "succeeded", attempts: 1 }]);
  });
});

describe("a gate", () => {
  const gated = (...ends: readonly ScriptEnd[]) => {
    const asked: Script[] = [];
    const left = [...ends];
    const command = async (script: Script) => {
      asked.push(script);
      return left.shift() ?? printing("");
    };
    return { asked, command };
  };

  it("that sees nothing to do wakes no model, and the run is skipped", async () => {
    const { command, asked } = gated(printing('looked\n{"wake": false}\n'));
    const { engine, said, runs } = await running({ gate: "./check.sh" }, { command });

    expect(asked).toMatchObject([{ command: "./check.sh", timeoutMs: MINUTE }]);
    expect(engine.sessions).toHaveLength(0);
    expect(await said(CHAT)).toEqual([]);
    expect(await runs()).toMatchObject([{ state: "skipped", reason: "Its gate saw nothing to do." }]);
  });

  it("that wakes the model has it told what it saw", async () => {
    const { command } = gated(printing('{"wake": true, "context": {"new": 2}}'));
    const { engine } = await running({ gate: "./check.sh" }, { command });

    expect(engine.latest.prompts[0]?.blocks[0]).toContain('What its gate said:\n"{\\"new\\":2}"');
  });

  it("is not asked again by a later attempt", async () => {
    const { command, asked } = gated(printing('{"wake": true, "context": "two letters"}'));
    const { engine, advance } = await running({ gate: "./check.sh" }, { command });
    engine.latest.fail({ class: "transient", detail: "503" });
    await settled();
    await advance(10 * SECOND);

    expect(engine.sessions).toHaveLength(2);
    expect(engine.latest.prompts[0]?.blocks[0]).toContain("two letters");
    expect(asked).toHaveLength(1);
  });

  it.each([
    [
      "ends with another code than 0",
      { how: "exited", code: 3, stdout: "", stderr: `no ${SECRET}\n` },
      "its gate failed: it ended with code 3: no [hidden].",
    ],
    [
      "says neither",
      printing("hello"),
      'its gate failed: it did not print {"wake": true} or {"wake": false}, but "hello".',
    ],
    [
      "takes too long",
      { how: "failed", why: "it was not done after 60 s" },
      "its gate failed: it was not done after 60 s.",
    ],
  ] as const)("that %s is a failure, and told", async (_what, end, words) => {
    const { command, asked } = gated(end, end, end);
    const { said, runs, advance } = await running({ gate: "./check.sh" }, { command });
    await advance(10 * SECOND);
    await advance(10 * SECOND);

    expect(asked).toHaveLength(3);
    expect((await said(CHAT)).join()).toContain(words);
    expect(await runs()).toMatchObject([{ state: "failed", attempts: 3 }]);
  });

  it("that fails may be told to nobody", async () => {
    const { command } = gated(printing("", 1));
    const { said, runs } = await running({ gate: "x", gateFailure: "ignore", retries: 0 }, { command });

    expect(await said(CHAT)).toEqual([]);
    expect(await runs()).toMatchObject([{ state: "failed" }]);
  });

  it("that fails may wake the model all the same", async () => {
    const { command } = gated(printing("", 1));
    const { engine } = await running({ gate: "x", gateFailure: "wake" }, { command });

    expect(engine.latest.prompts[0]?.blocks[0]).toContain("It failed: it ended with code 1");
  });
});

describe("a script", () => {
  it("is the whole task: what it prints is the message, without any model", async () => {
    const command = async () => printing("12 letters\n");
    const { engine, said, runs } = await running({ script: "./count.sh" }, { command });

    expect(engine.sessions).toHaveLength(0);
    expect(await said(CHAT)).toEqual(["12 letters"]);
    expect(await runs()).toMatchObject([{ state: "succeeded", result: "12 letters" }]);
  });

  it("that prints nothing says nothing", async () => {
    const { said, runs } = await running({ script: "true" }, { command: async () => printing("") });

    expect(await said(CHAT)).toEqual([]);
    expect(await runs()).toMatchObject([{ state: "succeeded" }]);
  });

  it("never lets a secret out", async () => {
    const { said } = await running({ script: "env" }, { command: async () => printing(`key=${SECRET}`) });

    expect(await said(CHAT)).toEqual(["key=[hidden]"]);
  });

  it("has the time of its task, and ends with a stop", async () => {
    const asked: { script: Script; signal: AbortSignal }[] = [];
    const command = (script: Script, signal: AbortSignal) => {
      asked.push({ script, signal });
      return new Promise<ScriptEnd>((resolve) => {
        signal.addEventListener("abort", () => resolve({ how: "aborted" }));
      });
    };
    const { dispatcher, runs } = await running({ script: "sleep 99", timeout: "3h" }, { command });
    const [run] = dispatcher.running();
    if (run) await dispatcher.stop(run.claim.session.id, "stopped by Ada");

    expect(asked[0]?.script.timeoutMs).toBe(3 * HOUR);
    expect(await runs()).toMatchObject([{ state: "cancelled", reason: "stopped by Ada" }]);
  });
});
