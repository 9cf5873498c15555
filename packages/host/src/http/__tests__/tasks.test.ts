import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { ChatId, GroupFolder } from "../../core/ids.ts";
import { Occurrence, OpenedTask } from "../../core/task.ts";
import { fakeClock } from "../../core/testing.ts";
import { Problem } from "../problem.ts";
import { OccurrencePage, TaskList } from "../schemas.ts";
import type { Scope } from "../../store/tokens.ts";
import { HOST, openHouse, SOCKET, TCP } from "./house.ts";

const DAILY = { cron: "0 7 * * *", timezone: "Europe/Berlin", prompt: "say: good morning" };

async function given() {
  const clock = fakeClock();
  const house = await openHouse({ clock });
  async function call(method: string, path: string, body?: object) {
    const json = body && {
      headers: { ...HOST, "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    const response = await house.app.request(`/api/v1${path}`, { method, headers: HOST, ...json }, SOCKET);
    return { status: response.status, body: await response.json() };
  }
  return {
    ...house,
    clock,
    call,
    /** What a call that must succeed gives. */
    async gives<T>(schema: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
      const answer = await call(method, path, body);
      expect([200, 201]).toContain(answer.status);
      return schema.parse(answer.body);
    },
    /** The status and the code of a refusal. */
    async refuses(method: string, path: string, body?: object) {
      const answer = await call(method, path, body);
      return [answer.status, Problem.parse(answer.body).error.code];
    },
  };
}

describe("a task", () => {
  it("is made with 201, and shown, listed and changed under the id that it got", async () => {
    const { call, gives } = await given();

    const made = await call("POST", "/tasks", DAILY);
    const { id, next } = OpenedTask.parse(made.body);
    const changed = await gives(OpenedTask, "PATCH", `/tasks/${id}`, { model: "haiku", retries: 0 });

    expect(made.status).toBe(201);
    expect(next).toHaveLength(3);
    expect(changed).toMatchObject({ id, model: "haiku", retries: 0, prompt: "say: good morning" });
    expect(await gives(OpenedTask, "GET", `/tasks/${id}`)).toEqual(changed);
    expect((await gives(TaskList, "GET", "/tasks")).tasks).toMatchObject([{ id, model: "haiku" }]);
  });

  it("is named by as much of its id as fits no other", async () => {
    const { gives, refuses } = await given();
    const { id } = await gives(OpenedTask, "POST", "/tasks", DAILY);

    expect(await gives(OpenedTask, "GET", `/tasks/${id.slice(0, 4)}`)).toMatchObject({ id });

    // Of so many, two begin alike.
    const all = [id];
    while (all.length < 40) all.push((await gives(OpenedTask, "POST", "/tasks", DAILY)).id);
    const twice = all.find((one, at) => all.findIndex((other) => other[0] === one[0]) !== at) ?? "";
    expect(await refuses("GET", `/tasks/${twice[0]}`)).toEqual([409, "conflict"]);
  });

  it("is paused, goes on and is cancelled; one that is over is listed only when asked for", async () => {
    const { gives } = await given();
    const { id } = await gives(OpenedTask, "POST", "/tasks", DAILY);
    const state = async (act: string) => (await gives(OpenedTask, "POST", `/tasks/${id}/${act}`)).state;

    expect([await state("pause"), await state("resume"), await state("cancel")]).toEqual([
      "paused",
      "active",
      "cancelled",
    ]);

    expect((await gives(TaskList, "GET", "/tasks")).tasks).toEqual([]);
    expect((await gives(TaskList, "GET", "/tasks?all=false")).tasks).toEqual([]);
    expect((await gives(TaskList, "GET", "/tasks?all=true")).tasks).toMatchObject([{ id }]);
  });

  it("is listed with those of its group", async () => {
    const { gives, deps } = await given();
    const family = GroupFolder.parse("family");
    await deps.chats.ensureGroup(family);
    await deps.chats.ensure(ChatId.parse("web:family"), family);
    await gives(OpenedTask, "POST", "/tasks", DAILY);
    const { id } = await gives(OpenedTask, "POST", "/tasks", {
      ...DAILY,
      group: "family",
      chat: "web:family",
    });

    const { tasks } = await gives(TaskList, "GET", "/tasks?group=family");

    expect(tasks.map((task) => task.id)).toEqual([id]);
  });

  it("is run by hand, once at a time", async () => {
    const { gives, refuses } = await given();
    const { id } = await gives(OpenedTask, "POST", "/tasks", DAILY);

    const run = await gives(Occurrence, "POST", `/tasks/${id}/run`);

    expect(run).toMatchObject({ task: id, state: "waiting", manual: true });
    expect(await refuses("POST", `/tasks/${id}/run`)).toEqual([409, "conflict"]);
  });
});

describe("the history of a task", () => {
  it("is given in pages, newest first", async () => {
    const { gives, db, clock } = await given();
    const { id } = await gives(OpenedTask, "POST", "/tasks", DAILY);
    const runs: string[] = [];
    for (const state of ["succeeded", "failed", "cancelled"] as const) {
      runs.unshift((await gives(Occurrence, "POST", `/tasks/${id}/run`)).id);
      await db
        .updateTable("occurrences")
        .set({ state, ended_at: clock.now() })
        .where("ended_at", "is", null)
        .execute();
      clock.advance(1);
    }

    const first = await gives(OccurrencePage, "GET", `/tasks/${id}/history?limit=2`);
    const rest = await gives(
      OccurrencePage,
      "GET",
      `/tasks/${id}/history?before=${first.occurrences[1]?.id}`,
    );

    expect([...first.occurrences, ...rest.occurrences].map((one) => one.id)).toEqual(runs);
    expect(first.occurrences.map(({ state }) => state)).toEqual(["cancelled", "failed"]);
    expect([first.more, rest.more]).toEqual([true, false]);
  });
});

describe("what the API does not take", () => {
  it.each<[string, string, string, object?]>([
    ["a word that is no field", "POST", "/tasks", { ...DAILY, colour: "red" }],
    ["a policy that there is not", "POST", "/tasks", { ...DAILY, misfire: "sometimes" }],
    ["a prompt that is empty", "POST", "/tasks", { ...DAILY, prompt: " " }],
    ["no body", "POST", "/tasks"],
    ["another group for a task", "PATCH", "/tasks/abcdefgh", { group: "family" }],
    ["what is no group", "GET", "/tasks?group=../etc"],
    ["neither true nor false", "GET", "/tasks?all=perhaps"],
    ["a page of none", "GET", "/tasks/abcdefgh/history?limit=0"],
    ["a place in the history that is none", "GET", "/tasks/abcdefgh/history?before=yesterday"],
  ])("is %s", async (_, method, path, body) => {
    const { refuses } = await given();

    expect(await refuses(method, path, body)).toEqual([400, "bad_request"]);
  });

  it("is what the desk refuses, with its reason", async () => {
    const { call } = await given();

    expect(await call("POST", "/tasks", { ...DAILY, every: "1h" })).toEqual({
      status: 409,
      body: { error: { code: "conflict", message: expect.stringContaining("one schedule") } },
    });
  });

  it.each(["abcdefgh", "%25", "ABC", "abcdefghi", "..%2Fdead"])(
    "is the task %s, which is not there",
    async (id) => {
      const { gives, refuses } = await given();
      await gives(OpenedTask, "POST", "/tasks", DAILY);

      expect(await refuses("GET", `/tasks/${id}`)).toEqual([404, "not_found"]);
      expect(await refuses("POST", `/tasks/${id}/run`)).toEqual([404, "not_found"]);
    },
  );
});

const CALLS: [method: string, path: string, body?: object][] = [
  ["GET", "/tasks"],
  ["POST", "/tasks", DAILY],
  ["GET", "/tasks/abcdefgh"],
  ["PATCH", "/tasks/abcdefgh", { retries: 0 }],
  ["POST", "/tasks/abcdefgh/pause", {}],
  ["POST", "/tasks/abcdefgh/resume", {}],
  ["POST", "/tasks/abcdefgh/cancel", {}],
  ["POST", "/tasks/abcdefgh/run", {}],
  ["GET", "/tasks/abcdefgh/history"],
];

describe.each(CALLS)("%s %s", (method, path, body) => {
  it("is for tokens that administer alone", async () => {
    const { app, token } = await openHouse();
    async function statusWith(scope: Scope): Promise<number> {
      const headers = {
        ...HOST,
        authorization: `Bearer ${await token(scope)}`,
        ...(body && { "content-type": "application/json" }),
      };
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await app.request(`/api/v1${path}`, init, TCP)).status;
    }

    expect([await statusWith("read"), await statusWith("chat")]).toEqual([403, 403]);
    expect(await statusWith("admin")).not.toBe(403);
  });
});
