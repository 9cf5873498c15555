import { describe, expect, it } from "vitest";
import { GroupFolder } from "../../core/ids.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import type { EngineFailure } from "../engine.ts";
import { HELD } from "../failure-words.ts";
import { createProviderHealth } from "../provider-health.ts";
import { createRoutes } from "../routes.ts";
import { middle, MINUTE, SECOND, settled } from "./middle.ts";

const CHAT = "web:kitchen";
const ORDER = ["first", "second"];
const AUTH: EngineFailure = { class: "auth", detail: "the model API answered 401" };
const DOWN: EngineFailure = { class: "transient", detail: "the model API answered 503" };
const STANDS_IN = "(notice) The usual model (first) can't answer just now, so second does";

async function house(order = ORDER) {
  const here = await middle({ order });
  /** What the service of the newest sandbox answers, and what its program makes of it. */
  async function fails(failure: EngineFailure) {
    const door = here.broker.doors.at(-1);
    if (!door) throw new Error("there is no door");
    door.failure = failure;
    here.engine.latest.fail(failure);
    await settled();
  }
  async function answers(text: string) {
    here.engine.latest.answer(text);
    await settled();
  }
  const over = () => here.broker.doors.map(({ spec }) => spec.provider);
  const sessions = () =>
    here.db.selectFrom("sessions").select(["provider", "recap", "ended_at"]).orderBy("created_at").execute();
  return { ...here, fails, answers, over, sessions };
}

describe("a turn whose model route refuses our key", () => {
  it("goes on over the next at once, in a fresh conversation, and its chat is told in one line", async () => {
    const { says, said, fails, answers, over, sessions, turnRows, broker, advance } = await house();
    broker.usable = false;
    await says(CHAT, "what is for dinner?");

    await fails(AUTH);
    await advance(1);
    await answers("soup");

    expect(over()).toEqual(["first", "second"]);
    expect(await said(CHAT)).toEqual([expect.stringContaining(STANDS_IN), "soup"]);
    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 1 }]);
    expect(await sessions()).toMatchObject([
      { provider: "first", ended_at: expect.any(Number) },
      { provider: "second", recap: 1, ended_at: null },
    ]);
  });

  it("stays there while that works, even once the first works again, until /new", async () => {
    const { says, fails, answers, over, broker, advance, said } = await house();
    broker.usable = false;
    await says(CHAT, "one");
    await fails(AUTH);
    await advance(1);
    await answers("first answer");
    broker.usable = true;
    await advance(30 * SECOND);

    await says(CHAT, "two");
    await answers("second answer");
    expect(over()).toEqual(["first", "second"]); // the same sandbox
    await says(CHAT, "/new");
    await says(CHAT, "three");
    await answers("third answer");

    expect(over().at(-1)).toBe("first");
    expect((await said(CHAT)).filter((text) => text.startsWith(STANDS_IN))).toHaveLength(1);
  });

  it("is held, as ever, where every route does; and goes on over whichever works first", async () => {
    const { says, said, fails, answers, over, broker, turnRows, advance } = await house();
    broker.usable = false;
    await says(CHAT, "what is for dinner?");
    await fails(AUTH);
    await advance(1);
    await fails(AUTH);

    expect(await turnRows()).toMatchObject([{ state: "waiting", held_for: "second", attempt: 0 }]);
    expect((await said(CHAT)).at(-1)).toBe(`(notice) ${HELD}`);
    broker.usable = true;
    await advance(30 * SECOND);
    await answers("soup");

    expect(over()).toHaveLength(3);
    expect(await said(CHAT)).toContain("soup");
  });

  it("is not moved where the owner has given no order", async () => {
    const { says, fails, over, broker, turnRows, advance } = await house(["first"]);
    broker.usable = false;
    await says(CHAT, "hello");

    await fails(AUTH);
    await advance(1);

    expect(over()).toEqual(["first"]);
    expect(await turnRows()).toMatchObject([{ state: "waiting", held_for: "first" }]);
  });
});

describe("a turn whose model route fails", () => {
  it("is tried there once more, and then goes on over the next", async () => {
    const { says, said, fails, answers, over, turnRows, advance } = await house();
    await says(CHAT, "hello");
    await fails(DOWN);
    await advance(10 * SECOND);

    await fails(DOWN);
    await advance(SECOND);
    await answers("hello to you");

    expect(over()).toEqual(["first", "first", "second"]);
    expect((await said(CHAT)).at(-1)).toBe("hello to you");
    expect(await turnRows()).toMatchObject([{ state: "done", attempt: 2 }]);
  });

  it("that asks for a long wait is left at once, and is not asked before", async () => {
    const { says, fails, answers, over, advance } = await house();
    await says(CHAT, "hello");
    await fails({ class: "rate_limited", detail: "429", retryAfterMs: 5 * MINUTE });
    await advance(SECOND);
    await answers("hello to you");

    await says("web:garden", "and here?");

    expect(over()).toEqual(["first", "second", "second"]);
  });

  it("that asks for a short wait is waited for", async () => {
    const { says, fails, answers, over, advance } = await house();
    await says(CHAT, "hello");

    await fails({ class: "rate_limited", detail: "429", retryAfterMs: 5 * SECOND });
    await advance(10 * SECOND);
    await answers("hello to you");

    expect(over()).toEqual(["first", "first"]);
  });

  it("is asked again by a new conversation after a while, and kept when it works", async () => {
    const { says, fails, answers, over, advance } = await house();
    await says(CHAT, "hello");
    await fails(DOWN);
    await advance(10 * SECOND);
    await fails(DOWN);
    await advance(SECOND);
    await answers("hello to you");

    await advance(MINUTE);
    await says("web:garden", "and here?");

    expect(over().at(-1)).toBe("first");
  });
});

describe("the choice of a route", () => {
  function given(order: readonly string[]) {
    const clock = fakeClock();
    const routes = createRoutes({ orderOf: () => order, clock });
    routes.attend((provider) =>
      createProviderHealth({
        provider,
        check: async () => false,
        onUsable: async () => undefined,
        notices: { tell: async () => undefined },
        clock,
        log: silentLog,
      }),
    );
    return { clock, routes, main: GroupFolder.parse("main") };
  }

  it("moves nothing where nothing works", () => {
    const { routes, main } = given(ORDER);
    for (const name of ORDER) routes.health(name).heard(AUTH);

    const { provider, keeps } = routes.choose(main);

    expect(provider).toBe("first");
    expect(ORDER.map(keeps)).toEqual([true, true]);
  });

  it("leaves a route that the owner has taken out of the order", () => {
    const { routes, main } = given(["first"]);

    expect(routes.choose(main).keeps("second")).toBe(false);
  });

  it("says in words what is wrong with a route", () => {
    const { routes } = given(ORDER);
    expect(routes.trouble("first")).toBeUndefined();

    routes.health("first").heard(AUTH);

    expect(routes.trouble("first")).toBe("first refuses our key");
    expect(routes.trouble("second")).toBeUndefined();
  });
});
