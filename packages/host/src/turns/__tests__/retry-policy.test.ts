import { describe, expect, it } from "vitest";
import type { EngineFailure, FailureClass } from "../engine.ts";
import { judged, nextRung, retryAt } from "../retry-policy.ts";

const failed = (kind: FailureClass, retryAfterMs?: number): EngineFailure => ({
  class: kind,
  detail: "test",
  retryAfterMs,
});
const attempted = { attempt: 1, attempts: 3, createdAt: 0, now: 0, random: () => 0.5 };

describe("another attempt", () => {
  it("comes after a backoff with full jitter, while there are attempts left", () => {
    expect(retryAt(failed("transient"), attempted)).toBe(1_000);
    expect(retryAt(failed("crashed"), { ...attempted, attempt: 2 })).toBe(2_000);
    expect(retryAt(failed("resource"), { ...attempted, attempt: 3 })).toBeUndefined();
  });

  it("never comes earlier than a provider asked for, and later the longer it has turned us away", () => {
    expect(retryAt(failed("rate_limited", 7_000), attempted)).toBe(7_500);
    expect(retryAt(failed("rate_limited"), attempted)).toBe(10_500);
    expect(retryAt(failed("rate_limited", 1_000), { ...attempted, attempt: 9, now: 60_000 })).toBe(90_500);
    expect(retryAt(failed("rate_limited", 1_000), { ...attempted, now: 3_600_000 })).toBe(3_900_500);
  });

  it("never comes where it cannot help", () => {
    for (const kind of ["auth", "permanent", "refused", "overflow", "cancelled"] as const) {
      expect(retryAt(failed(kind), attempted)).toBeUndefined();
    }
  });
});

describe("the ladder", () => {
  it("goes from the position to the session to a fresh start, each rung once", () => {
    expect(nextRung(failed("stale_position"), new Set())).toBe("stale_position");
    expect(nextRung(failed("stale_position"), new Set(["stale_position"]))).toBe("stale_session");
    expect(nextRung(failed("stale_session"), new Set())).toBe("stale_session");
    expect(nextRung(failed("stale_session"), new Set(["stale_session"]))).toBeUndefined();
    expect(nextRung(failed("transient"), new Set())).toBeUndefined();
  });
});

describe("the word of the broker", () => {
  it("comes before the engine's, except on what only the engine can know", () => {
    expect(judged(failed("crashed"), failed("auth")).class).toBe("auth");
    expect(judged(failed("crashed"), undefined).class).toBe("crashed");
    expect(judged(failed("stale_session"), failed("auth")).class).toBe("stale_session");
  });
});
