import { describe, expect, it } from "vitest";
import { armFailpoints, type Failpoint, failpoint } from "../failpoint.ts";

describe("a failpoint", () => {
  it("does nothing until somebody arms it, and then tells its name", () => {
    const passed: Failpoint[] = [];
    failpoint("send.begin");

    armFailpoints((place) => passed.push(place));
    failpoint("send.done");

    expect(passed).toEqual(["send.done"]);
  });
});
