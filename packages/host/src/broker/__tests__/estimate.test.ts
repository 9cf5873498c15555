import { describe, expect, it } from "vitest";
import { createEstimator, totalOf } from "../estimate.ts";

const CALL = { model: "sonnet", kind: "turn", maxTokens: 64_000 } as const;
const used = (more: object) => ({
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWriteHour: 0,
  webSearches: 0,
  ...more,
});

describe("the estimate of a call", () => {
  it("takes a quarter of the bytes, and a usual answer however long it may be", () => {
    expect(createEstimator().of(CALL, 40_000)).toMatchObject({ input: 10_000, output: 2_000 });
  });

  it("takes no more for an answer than the call allows", () => {
    expect(createEstimator().of({ ...CALL, maxTokens: 1 }, 4)).toMatchObject({ output: 1 });
  });

  it("does not take pictures for words", () => {
    expect(createEstimator().of(CALL, 30_000_000).input).toBe(200_000);
  });

  it("goes on from what the call before used, in a conversation that grows", () => {
    const { of, learn } = createEstimator();
    learn(CALL, 40_000, used({ input: 100, cacheRead: 7_000, cacheWrite: 900, output: 9_000 }));

    expect(of(CALL, 44_000)).toMatchObject({ input: 0, cacheRead: 8_000, cacheWrite: 1_000, output: 9_000 });
    expect(of(CALL, 20_000)).toMatchObject({ input: 5_000, cacheRead: 0 });
    expect(of({ ...CALL, kind: "subagent" }, 44_000)).toMatchObject({ input: 11_000 });
  });

  it("learns nothing from a call that failed", () => {
    const { of, learn } = createEstimator();
    learn(CALL, 40_000, used({}));

    expect(totalOf(of(CALL, 40_000))).toBe(12_000);
  });
});
