/** The judge of `npm run bench -- channels`, at a platform in memory that loses and doubles what it is told to. */
import { createChanges } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { paceOf, pass, peopleFor } from "../../../bench/channels/pass.ts";

/** @param answers what is shown once a text was written; later than that, so that some write at the same time */
function given(people: readonly string[], answers: (text: string) => readonly string[] = (text) => [text]) {
  const changes = createChanges();
  const writing = new Set<string>();
  let most = 0;
  const chats = people.map((sender) => {
    const shown: string[] = [];
    return {
      sender,
      chat: sender,
      async says(text: string) {
        writing.add(sender);
        most = Math.max(most, writing.size);
        setImmediate(() => {
          shown.push(...answers(text));
          writing.delete(sender);
          changes.note();
        });
      },
      shown: () => shown,
    };
  });
  return { platform: { chats, changed: changes.changed }, most: () => most };
}

describe("messages through a channel", () => {
  it("are shared out over all chats, and as many write at the same time as shall", async () => {
    const { platform, most } = given(["a", "b", "c", "d", "e"]);

    const { ms, lost, doubled } = await pass(platform, { messages: 13, atOnce: 2, everyMs: 0 });

    expect([ms.n, lost, doubled, most()]).toEqual([13, 0, 0, 2]);
    expect(platform.chats.map(({ shown }) => shown().length)).toEqual([4, 4, 4, 3, 3]); // and a first word each
  });

  it("are doubled where one is shown twice", async () => {
    const twice = (text: string) => (text === "message 1 of a" ? [text, text] : [text]);
    const { platform } = given(["a", "b"], twice);

    expect(await pass(platform, { messages: 4, everyMs: 0 })).toMatchObject({ lost: 0, doubled: 1 });
  });

  it("are lost where one is gone again in the end", async () => {
    const { platform } = given(["a"]);
    const chats = platform.chats.map((chat) => ({ ...chat, shown: () => chat.shown().slice(-1) }));

    expect(await pass({ ...platform, chats }, { messages: 3, everyMs: 0 })).toMatchObject({
      lost: 2,
      doubled: 0,
    });
  });

  it.each([
    ["as fast as a chat may", { everyMs: 1_050, accountEveryMs: 34 }, 10, 1_050],
    ["as fast as all of them together may", { everyMs: 1_050, accountEveryMs: 34 }, 100, 3_400],
    ["without a pause", { everyMs: 0 }, 100, 0],
  ])("are written %s", (_, platform, atOnce, everyMs) => {
    expect(paceOf(platform, atOnce)).toBe(everyMs);
  });

  it.each([
    ["any number to each", { burst: undefined }, { messages: 1_000, atOnce: 10 }, 10],
    ["45 to each, which 10 people are enough for", { burst: 45 }, { messages: 440, atOnce: 10 }, 10],
    ["45 to each, which they are not", { burst: 45 }, { messages: 441, atOnce: 10 }, 20],
    ["45 to each, of a thousand", { burst: 45 }, { messages: 1_000, atOnce: 10 }, 30],
    ["none at all", { burst: 45 }, { messages: 0, atOnce: 10 }, 10],
  ])("take as many people as their platform asks for: %s", (_, platform, asked, people) => {
    expect(peopleFor({ ...(platform.burst !== undefined && { burst: platform.burst }) }, asked)).toBe(people);
  });
});
