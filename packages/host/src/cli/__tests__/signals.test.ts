import { afterEach, describe, expect, it } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { type Stops, takeStops } from "../signals.ts";

let stops: Stops | undefined;
afterEach(() => stops?.close());

describe("a wish to stop", () => {
  it("is one, however many signals a key press makes", () => {
    const { clock, said } = given();

    process.emit("SIGINT", "SIGINT");
    clock.advance(20);
    process.emit("SIGINT", "SIGINT");
    process.emit("SIGTERM", "SIGTERM");

    expect(said).toEqual(["drain SIGINT"]);
  });

  it("is to end now the second time", () => {
    const { clock, said } = given();

    stops?.press();
    clock.advance(400);
    process.emit("SIGTERM", "SIGTERM");

    expect(said).toEqual(["drain SIGINT", "now SIGTERM"]);
  });

  it("is to end now at once with SIGQUIT", () => {
    const { said } = given();

    process.emit("SIGQUIT", "SIGQUIT");

    expect(said).toEqual(["now SIGQUIT"]);
  });

  it("is the process's own affair again after close", () => {
    given();
    const before = process.listenerCount("SIGTERM");

    stops?.close();

    expect(process.listenerCount("SIGTERM")).toBe(before - 1);
  });
});

function given() {
  const clock = fakeClock();
  const said: string[] = [];
  stops = takeStops({
    clock,
    drain: (signal) => said.push(`drain ${signal}`),
    now: (signal) => said.push(`now ${signal}`),
  });
  return { clock, said };
}
