/** Many messages over many chats at once: a short run of `npm run bench -- load`. */
import { describe, expect, it } from "vitest";
import { measureLoad } from "../../../bench/load.ts";

describe("a host that many write to at once", () => {
  it("loses nothing, doubles nothing and keeps the order of each chat", { timeout: 120_000 }, async () => {
    const report = await measureLoad({ messages: 100, chats: 10, answered: false });

    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ acked: 100, lost: 0, doubled: 0, unexpected: 0, outOfOrder: 0 });
  });
});
