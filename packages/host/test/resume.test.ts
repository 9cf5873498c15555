import { describe, expect, it } from "vitest";
import { givenHost } from "./journey.ts";

describe("a conversation", () => {
  it.each([
    ["a rate limit", "error: rate_limit x1", "done"],
    ["an overload", "error: overloaded x1", "done"],
    ["an error of the service", "error: server x1", "done"],
    ["a refusal", "error: refusal x2", "failed"],
  ])("is remembered after %s", async (_what, words, state) => {
    const { ask } = await givenHost();
    await ask("say: one");
    await ask("say: two");

    expect((await ask(`${words}\nsay: three`)).state).toBe(state);

    expect(Number((await ask("count:")).answer)).toBeGreaterThanOrEqual(3);
  });

  it("is remembered after an attempt that took too long", async () => {
    const { ask } = await givenHost({ config: "defaults:\n  turnMinutes: 0.2\n" });
    await ask("say: one");

    expect((await ask("run: tail -f /dev/null")).state).toBe("failed");

    expect(Number((await ask("count:")).answer)).toBeGreaterThanOrEqual(2);
  });

  it("that grew too long is summed up by the engine and answered, and what was said is known by the summary", async () => {
    const { ask, restart } = await givenHost();
    for (const text of ["the key lies under the mat", "two", "three", "four"]) await ask(`say: ${text}`);

    const { answer, state } = await ask("error: context x1\nsay: went on");
    expect(state).toBe("done");
    expect(answer).toContain("went on");
    await restart();

    expect((await ask("recall:")).answer).toContain("the key lies under the mat");
  });
});
