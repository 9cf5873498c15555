import { describe, expect, it } from "vitest";
import type { ChatEvent, EventId } from "../../core/events.ts";
import { follow } from "../follow.ts";
import { chatOf, type House, openHouse } from "./house.ts";

const CHAT = chatOf("main");

async function given(options: { maxHeld?: number } = {}) {
  const house = await openHouse();
  const { message } = await house.says(CHAT, "hello");
  const follower = await followed(house, options);
  const turn = await house.turn(CHAT, [message]);
  expect(shown(await follower.next())).toEqual(["started"]);
  const reading = follower.next(); // past the snapshot, which is empty, and waiting
  turn.activity("Read");
  expect(shown(await reading)).toEqual(["[Read]"]);
  return { house, follower, turn };
}

async function followed({ deps, timeline }: House, options: { maxHeld?: number } = {}) {
  const { bus, live } = deps;
  const after: EventId = await timeline.latest();
  return follow({ bus, timeline, live, chat: CHAT, liveChat: CHAT, after, ...options });
}

const shown = (events: readonly ChatEvent[] = []) =>
  events.map((event) => {
    switch (event.type) {
      case "message":
        return event.text;
      case "turn":
        return event.state;
      case "delta":
        return `${event.reset ? "=" : "+"}${event.text}`;
      case "activity":
        return `[${event.tool ?? "thinks"}]`;
      default:
        return event satisfies never;
    }
  });

describe("a follower that reads late", () => {
  it("is shown the draft first and then the message that it became, once", async () => {
    const { follower, turn } = await given();
    turn.delta("draft", true);
    turn.delta(" of it");
    await turn.reply("The whole.");
    await turn.end();

    expect(shown(await follower.next())).toEqual(["=draft", "+ of it"]);
    expect(shown(await follower.next())).toEqual(["The whole.", "done"]);
  });

  it("is spared the drafts that the durable events have overtaken", async () => {
    const { house, follower, turn } = await given();
    await house.says(CHAT, "and one more"); // a reason to look, held before the draft
    turn.delta("draft", true);
    await turn.reply("The whole.");
    await turn.end();

    expect(shown(await follower.next())).toEqual(["and one more", "The whole.", "done"]);
    const next = follower.next();
    await house.says(CHAT, "next");

    expect(shown(await next)).toEqual(["next"]);
  });

  it("gets a snapshot in place of the pieces that were too many to hold", async () => {
    const { follower, turn } = await given({ maxHeld: 1000 });
    turn.delta("a", true);
    for (let n = 0; n < 100; n++) turn.delta("b");

    expect(shown(await follower.next())).toEqual([`=a${"b".repeat(100)}`]);
    turn.delta("c");
    expect(shown(await follower.next())).toEqual(["+c"]);
  });

  it("gets what was held in one go", async () => {
    const { follower, turn } = await given();
    turn.activity("Bash");
    turn.activity();
    turn.delta("done", true);

    expect(shown(await follower.next())).toEqual(["[Bash]", "[thinks]", "=done"]);
  });
});

describe("a follower that is closed", () => {
  it("ends, also in the middle of waiting", async () => {
    const { follower } = await given();
    const waiting = follower.next();

    follower.close();

    expect(await waiting).toBeUndefined();
    expect(await follower.next()).toBeUndefined();
  });
});
