import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openPeople } from "../people.ts";

const DAY_MS = 24 * 60 * 60_000;
const NOON = Date.UTC(2026, 10, 27, 12);

describe("those who write to a number", () => {
  it("may be answered for a day after their last word, and not at its last moment", () => {
    const ann = openPeople(":memory:").of("");
    ann.heard("4915", undefined, NOON);
    ann.heard("4915", undefined, NOON - DAY_MS); // came late

    const after = [0, DAY_MS - 120_000, DAY_MS - 1_000, DAY_MS].map((ms) =>
      ann.mayBeAnswered("4915", NOON + ms),
    );

    expect(after).toEqual([true, true, false, false]);
    expect(ann.mayBeAnswered("nobody", NOON)).toBe(false);
  });

  it("are known after a restart, each to their own number", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bellhop-people-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const before = openPeople(join(folder, "people.db"));
    before.of("").heard("4915", "DE.1", NOON);
    before.close();

    const after = openPeople(join(folder, "people.db"));
    onTestFinished(() => after.close());

    expect([after.of("").mayBeAnswered("4915", NOON), after.of("2").mayBeAnswered("4915", NOON)]).toEqual([
      true,
      false,
    ]);
    expect(after.of("").who(undefined, "DE.1")).toBe("4915");
  });
});
