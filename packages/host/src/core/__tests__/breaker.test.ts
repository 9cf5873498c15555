import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBreaker } from "../breaker.ts";
import { fakeClock } from "../testing.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

function given({ failures = 0 } = {}) {
  const clock = fakeClock();
  const breaker = createBreaker(clock);
  for (let i = 0; i < failures; i += 1) {
    breaker.admit();
    breaker.failed();
  }
  return { clock, breaker };
}

describe("a breaker", () => {
  it("opens at the fifth failure in a row, and says until when", () => {
    const { breaker, clock } = given({ failures: 4 });
    expect(breaker).toMatchObject({ state: "closed", waitMs: 0, until: undefined });

    breaker.failed();

    expect(breaker).toMatchObject({ state: "open", waitMs: 30 * SECOND, until: clock.now() + 30 * SECOND });
    expect(breaker.admit()).toBe(false);
  });

  it("starts to count anew after a success", () => {
    const { breaker } = given({ failures: 4 });

    breaker.ok();
    for (let i = 0; i < 4; i += 1) breaker.failed();

    expect(breaker.state).toBe("closed");
  });

  it("opens when half of ten calls within a minute failed, and not when they took longer", () => {
    const [quick, slow] = [given(), given()];

    for (const [{ breaker, clock }, apart] of [
      [quick, 5 * SECOND],
      [slow, 20 * SECOND],
    ] as const)
      for (let i = 0; i < 10; i += 1) {
        clock.advance(apart);
        if (i % 2 === 0) breaker.ok();
        else breaker.failed();
      }

    expect([quick.breaker.state, slow.breaker.state]).toEqual(["open", "closed"]);
  });

  it("lets one probe through after 30 s, and doubles the wait up to ten minutes while they fail", () => {
    const { breaker, clock } = given({ failures: 5 });
    const waits: number[] = [];

    for (let i = 0; i < 7; i += 1) {
      waits.push(breaker.waitMs);
      clock.advance(breaker.waitMs - 1);
      expect(breaker.admit()).toBe(false);
      clock.advance(1);
      expect([breaker.admit(), breaker.admit()]).toEqual([true, false]);
      breaker.failed();
    }

    expect(waits).toEqual([30, 60, 120, 240, 480, 600, 600].map((s) => s * SECOND));
  });

  it("is as new once a probe succeeded", () => {
    const { breaker, clock } = given({ failures: 5 });
    clock.advance(30 * SECOND);
    breaker.admit();

    breaker.ok();

    expect(breaker.state).toBe("closed");
    for (let i = 0; i < 5; i += 1) breaker.failed();
    expect(breaker.waitMs).toBe(30 * SECOND);
  });

  it("does not wait for ever for a probe of which nothing is heard", () => {
    const { breaker, clock } = given({ failures: 5 });
    clock.advance(30 * SECOND);
    breaker.admit();

    clock.advance(30 * SECOND);

    expect(breaker.admit()).toBe(true);
  });

  it("gives a probe that was not made to the next who asks", () => {
    const { breaker, clock } = given({ failures: 5 });
    clock.advance(30 * SECOND);
    breaker.admit();

    breaker.notMade();

    expect(breaker).toMatchObject({ state: "open", waitMs: 0 });
    expect(breaker.admit()).toBe(true);
  });

  it("never lets through more than one call while it is open, and always lets one through in time", () => {
    const step = fc.oneof(
      fc.constant("admit" as const),
      fc.constant("ok" as const),
      fc.constant("failed" as const),
      fc.constant("notMade" as const),
      fc.integer({ min: 0, max: 20 * MINUTE }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { breaker, clock } = given();
        const wrong: string[] = [];
        for (const one of steps) {
          const before = breaker.state;
          if (typeof one === "number") clock.advance(one);
          else if (one === "admit") {
            const [first, second] = [breaker.admit(), breaker.admit()];
            if (before === "closed" ? !first || !second : second) wrong.push(before);
          } else breaker[one]();
          if (breaker.waitMs > 10 * MINUTE) wrong.push(`${breaker.waitMs} ms`);
        }
        expect(wrong).toEqual([]);
        clock.advance(10 * MINUTE);
        expect(breaker.admit()).toBe(true);
      }),
    );
  });
});
