import { describe, expect, it } from "vitest";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import type { NewTask } from "../../core/task.ts";
import { middle, type MiddleOptions, MINUTE, settled } from "../../turns/__tests__/middle.ts";
import type { EngineScript } from "../../turns/testing.ts";

const answering: EngineScript = { onPrompt: (session) => session.answer("done") };

/** Chats of groups of their own, as in `web:a` of the group `a`. */
async function given(groups: readonly string[], options: MiddleOptions = {}) {
  const house = await middle(options);
  for (const group of groups) await house.bind(`web:${group}`, group);
  return {
    ...house,

    /** A task of the group, in the conversation of its chat unless it says otherwise; run by hand at once. */
    async runs(group: string, task: Partial<NewTask> = {}) {
      const chat = ChatId.parse(`web:${group}`);
      const of = { group: GroupFolder.parse(group), chat, context: "group" } as const;
      const { id } = await house.tasks.add({ ...of, every: "1h", prompt: `the task of ${group}`, ...task });
      await house.tasks.run(id);
      await settled();
      return id;
    },

    running: () => runningIn(house),

    /** Ends the turn that runs for this chat, of a conversation or of a task. */
    async end(native: string, kind: "chat" | "task" = "chat") {
      const turn = house.dispatcher
        .running()
        .find(({ claim }) => claim.chat.native === native && claim.kind === kind);
      const door = house.broker.doors.findLastIndex(({ spec }) => spec.session === turn?.claim.session.id);
      const session = house.engine.sessions[door];
      if (!session) throw new Error(`nothing of ${native} is under way`);
      session.answer("done");
      await settled();
    },
  };
}

function runningIn({ dispatcher }: Pick<Awaited<ReturnType<typeof middle>>, "dispatcher">): string[] {
  return dispatcher
    .running()
    .map(({ claim }) => `${claim.chat.native}: ${claim.kind}`)
    .toSorted();
}

describe("a run that comes while its conversation is being answered", () => {
  it("is done after that, as a run", async () => {
    const { says, runs, running, end, tasks } = await given(["a"]);
    await says("web:a", "hello");

    const id = await runs("a");
    expect(running()).toEqual(["a: chat"]);
    await end("a");

    expect(running()).toEqual(["a: task"]);
    await end("a", "task");
    expect((await tasks.show(id)).recent).toMatchObject([{ state: "succeeded", result: "done" }]);
  });

  it("goes before what another group wrote meanwhile, as what a schedule wants does", async () => {
    const { says, runs, running, end } = await given(["a", "b"], { sandboxes: 1 });
    await says("web:a", "hello");
    await runs("a");
    await says("web:b", "hello");

    await end("a");

    expect(running()).toEqual(["a: task"]);
    await end("a", "task");
    expect(running()).toEqual(["b: chat"]);
  });

  it("is not forgotten over what is written during it", async () => {
    const { says, runs, running, end } = await given(["a"], { script: { steers: false } });
    await says("web:a", "hello");
    await runs("a");
    await says("web:a", "and another thing");

    await end("a");
    expect(running()).toEqual(["a: task"]);
    await end("a", "task");

    expect(running()).toEqual(["a: chat"]);
  });
});

describe("an isolated run", () => {
  it("goes on beside the conversation of its group, and one at a time", async () => {
    const { says, runs, running, end } = await given(["a"]);
    await says("web:a", "hello");

    await runs("a", { context: "isolated" });
    await runs("a", { context: "isolated" });
    expect(running()).toEqual(["a: chat", "a: task"]);

    await end("a", "task");
    expect(running()).toEqual(["a: chat", "a: task"]);
    await end("a", "task");
    expect(running()).toEqual(["a: chat"]);
  });

  it("leaves no sandbox behind, because nobody comes back to it", async () => {
    const { runs, rooms, tasks } = await given(["a"], { script: answering });

    const id = await runs("a", { context: "isolated" });

    expect((await tasks.show(id)).recent).toMatchObject([{ state: "succeeded" }]);
    expect(rooms.list()).toEqual([]);
  });
});

describe("a run that waits when its host dies", () => {
  it.each([
    ["isolated", true],
    ["group", false],
  ] as const)("is found at the next start: %s", async (context, isolated) => {
    const dead = await given(["a"], { paused: () => true });
    const id = await dead.runs("a", { context });
    const [waiting] = await dead.turns.due();
    expect(waiting).toMatchObject({ kind: "occurrence", isolated, at: 0 });

    const next = await middle({ after: dead, script: answering });
    await next.dispatcher.sweep();
    await settled();

    expect((await next.tasks.show(id)).recent).toMatchObject([{ state: "succeeded" }]);
    expect(await next.turns.due()).toEqual([]);
  });

  it("is taken up beside the conversation of its group, if it is isolated", async () => {
    const dead = await given(["a"], { paused: () => true });
    await dead.says("web:a", "hello");
    await dead.runs("a", { context: "isolated" });

    const next = await middle({ after: dead });
    await next.dispatcher.sweep();
    await settled();

    expect(runningIn(next)).toEqual(["a: chat", "a: task"]);
  });
});

describe("a run that is under way when its host dies", () => {
  it("goes on after the next start, and that is no attempt of its own", async () => {
    const dead = await given(["a"]);
    const id = await dead.runs("a", { context: "isolated" });

    const next = await middle({ after: dead, script: answering });
    await next.dispatcher.sweep();
    await settled();

    expect((await next.tasks.show(id)).recent).toMatchObject([{ state: "succeeded", attempts: 1 }]);
    expect(await next.turnRows()).toMatchObject([{ state: "done", lost: 1 }]);
  });

  it("is not done again where it may be done once at most: it has failed, and its chat is told", async () => {
    const dead = await given(["a"]);
    const id = await dead.runs("a", { atMostOnce: true });
    await dead.says("web:a", "hello");

    const next = await middle({ after: dead, script: answering });
    await next.dispatcher.sweep();
    await settled();

    const { recent, failures } = await next.tasks.show(id);
    expect(recent).toMatchObject([
      { state: "failed", reason: expect.stringContaining("never begun a second time") },
    ]);
    expect(failures).toBe(1);
    const asked = next.engine.sessions.flatMap(({ prompts }) => prompts.flatMap(({ blocks }) => blocks));
    expect(JSON.stringify(asked)).toContain("hello");
    expect(JSON.stringify(asked)).not.toContain("the task of a");
    expect((await next.said("web:a")).join("\n")).toContain("“the task of a” did not get done");
  });

  it("is buried after ten hosts otherwise", async () => {
    const first = await given(["a"]);
    const id = await first.runs("a");
    for (let host = 0; host < 9; host += 1) {
      const { dispatcher } = await middle({ after: first });
      await dispatcher.sweep();
      await settled();
    }
    expect((await first.tasks.show(id)).recent).toMatchObject([{ state: "running" }]);

    const last = await middle({ after: first, script: answering });
    await last.dispatcher.sweep();
    await settled();

    expect((await last.tasks.show(id)).recent).toMatchObject([{ state: "failed" }]);
  });
});

describe("a run that waits to be tried again", () => {
  it("is tried again after a restart, beside the conversation of its group", async () => {
    const failing: EngineScript = {
      onPrompt: (session) => session.fail({ class: "transient", detail: "503" }),
    };
    const dead = await given(["a"], { script: failing });
    const id = await dead.runs("a", { context: "isolated" });
    expect(await dead.turns.due()).toMatchObject([{ kind: "occurrence", isolated: true }]);

    const next = await middle({ after: dead });
    await next.says("web:a", "hello");
    await next.dispatcher.sweep();
    await next.advance(MINUTE);
    expect(runningIn(next)).toEqual(["a: chat", "a: task"]);
    next.engine.latest.answer("done");
    await settled();

    expect((await next.tasks.show(id)).recent).toMatchObject([{ state: "succeeded", attempts: 2 }]);
  });
});
