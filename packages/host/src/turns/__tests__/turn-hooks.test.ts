import type { Hooks, TurnEndEvent, TurnEvent } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { fakePlugins } from "../../plugins/powers/__tests__/fake-plugins.ts";
import { middle, type MiddleOptions, MINUTE, SECOND, settled } from "./middle.ts";

const CHAT = "web:kitchen";

/** Two plugins that write down what they hear. */
async function given(options: MiddleOptions = {}, more: Hooks = {}) {
  const heard: string[] = [];
  const hear = (name: string): Hooks => ({
    onTurnStart: ({ kind, chat, group }: TurnEvent) =>
      void heard.push(`${name}: ${kind} in ${chat} of ${group}`),
    onTurnEnd: ({ outcome, durationMs }: TurnEndEvent) =>
      void heard.push(`${name}: ${outcome} in ${durationMs}`),
  });
  const plugins = fakePlugins({ b: { hooks: hear("b") }, a: { hooks: { ...hear("a"), ...more } } });
  const house = await middle({ ...options, plugins });
  const quiet = async () => {
    for (let i = 0; i < 4; i += 1) await settled();
  };
  return { ...house, heard, quiet };
}

describe("the life of a turn, as plugins hear of it", () => {
  it("is a beginning and an end, told to each in the order of the names", async () => {
    const { says, engine, heard, advance, quiet } = await given();
    await says(CHAT, "dinner?");
    await advance(2 * SECOND);

    engine.latest.answer("soup");
    await quiet();

    expect(heard).toEqual([
      "a: chat in web:kitchen of main",
      "b: chat in web:kitchen of main",
      "a: done in 2000",
      "b: done in 2000",
    ]);
  });

  it("begins once and ends once, however many attempts there are", async () => {
    let fails = 2;
    const { says, heard, advance, quiet } = await given({
      script: {
        onPrompt: (session) =>
          fails-- > 0 ? session.fail({ class: "transient", detail: "no" }) : session.answer("soup"),
      },
    });

    await says(CHAT, "dinner?");
    await advance(MINUTE);
    await advance(MINUTE);
    await quiet();

    expect(heard.filter((line) => line.startsWith("a"))).toEqual([
      "a: chat in web:kitchen of main",
      expect.stringMatching(/^a: done in/),
    ]);
  });

  it.each([
    [
      "failed",
      (session: { fail(failure: { class: "permanent"; detail: string }): void }) =>
        session.fail({ class: "permanent", detail: "no" }),
    ],
  ])("ends as %s", async (outcome, onPrompt) => {
    const { says, heard, quiet } = await given({ script: { onPrompt } });

    await says(CHAT, "dinner?");
    await quiet();

    expect(heard.at(-1)).toMatch(new RegExp(`^b: ${outcome}`));
  });

  it("ends as cancelled when somebody stops it", async () => {
    const { says, heard, quiet } = await given();
    await says(CHAT, "dinner?");

    await says(CHAT, "/stop");
    await quiet();

    expect(heard.at(-1)).toMatch(/^b: cancelled/);
  });

  it("goes on while a plugin hangs, and its end is told after its beginning all the same", async () => {
    const { says, engine, said, heard, told, advance, quiet } = await given(
      {},
      { onTurnStart: () => new Promise<void>(() => undefined) },
    );
    await says(CHAT, "dinner?");

    engine.latest.answer("soup");
    await quiet();
    expect(await said(CHAT)).toEqual(["soup"]);
    expect(heard).toEqual([]);

    await advance(5 * SECOND);
    await quiet();

    expect(heard.map((line) => line.slice(0, 7))).toEqual(["b: chat", "a: done", "b: done"]);
    expect(told).toEqual([expect.stringContaining("a was left out at onTurnStart")]);
  });
});
