import { describe, expect, it } from "vitest";
import { afterMessage, afterSeq, cursorOf, MOST_CHATS, NOWHERE, placeFrom } from "../cursor.ts";

describe("the cursor", () => {
  it("holds the session, how far it was heard, and the last message of each chat", () => {
    const begun = { session: { id: "s", seq: 1, url: "wss://a.b" }, heard: [] };

    const place = afterSeq(afterMessage(begun, "10", "100"), 7);

    expect(placeFrom(cursorOf(place))).toEqual({
      session: { id: "s", seq: 7, url: "wss://a.b" },
      heard: [["10", "100"]],
    });
  });

  it.each([undefined, "", "42", '{"session":{}}'])("that is none of ours is none: %s", (cursor) => {
    expect(placeFrom(cursor)).toEqual(NOWHERE);
  });

  it("forgets the chats that were heard longest ago", () => {
    let place = NOWHERE;
    for (let chat = 0; chat <= MOST_CHATS; chat += 1) place = afterMessage(place, String(chat), "1");
    place = afterMessage(place, "1", "2");

    expect(place.heard).toHaveLength(MOST_CHATS);
    expect(place.heard[0]?.[0]).toBe("2");
    expect(place.heard.at(-1)).toEqual(["1", "2"]);
    expect(cursorOf(place).length).toBeLessThan(8_000);
  });

  it("does not go back where messages come in another order", () => {
    const place = afterMessage(afterMessage(NOWHERE, "10", "1000"), "10", "999");

    expect(place.heard).toEqual([["10", "1000"]]);
  });
});
