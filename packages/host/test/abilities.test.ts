/** What a platform can do, from it to the agent and back: buttons, threads, files of any size. */
import { describe, expect, it } from "vitest";
import { fakeFile, fakePlatform } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };

/** Ann is the owner, and is told what there is to tell in a chat of hers; the kitchen is of the group `family`. */
async function given() {
  const platform = fakePlatform({
    abilities: { buttons: { most: 4 }, threads: true, maxInboundFileBytes: 1_024 },
  });
  const kitchen = platform.group("kitchen", "The kitchen");
  const anns = platform.direct("anns");
  const config = [
    "owners: ['fake:ann']",
    "notices: 'fake:anns'",
    "groups:",
    "  family: { chats: ['fake:kitchen'] }",
    "  household: { chats: ['fake:anns'] }",
  ].join("\n");
  const journey = await givenHost({ config, channels: [platform.channel] });
  return { ...journey, platform, kitchen, anns };
}

describe("a stranger's card", () => {
  it("lets them in at the press of a button, after a restart, and once however often it is pressed", async () => {
    const { platform, anns, restart, client } = await given();
    const dm = platform.direct("bens");
    dm.says(ben, "say: let me in");
    await anns.shows(({ buttons = [] }) => buttons.length > 0);
    await restart();

    const button = anns.presses(ann, "Let them in");
    await dm.shows(({ from, text }) => from === "us" && text === "let me in");
    anns.pressesId(ann, button);
    await platform.taken();

    expect(await client.senders.list()).toMatchObject({
      senders: [{ id: "fake:ben", standing: "allowed" }],
      waiting: [],
    });
    expect(dm.ours().filter((text) => text === "let me in")).toHaveLength(1);
  });
});

describe("a stranger's card that is decided", () => {
  it.each([
    ["Let them in", "Ben (fake:ben) wrote to me in fake:bens.\n\nLet in by Ann (fake:ann)."],
    ["Turn them away", "Ben (fake:ben) wrote to me in fake:bens.\n\nTurned away by Ann (fake:ann)."],
  ])("by “%s” says so in its place, without buttons", async (label, words) => {
    const { platform, anns } = await given();
    platform.direct("bens").says(ben, "say: let me in");
    const card = await anns.shows(({ buttons = [] }) => buttons.length > 0);

    anns.presses(ann, label);

    const closed = await anns.shows(({ text }) => text === words);
    expect(closed).toMatchObject({ platformId: card.platformId, buttons: undefined });
  });
});

describe("a thread", () => {
  it("is answered in itself, in its group, without anybody having registered it", async () => {
    const { kitchen, client } = await given();
    const plans = kitchen.thread("5");

    plans.says(ben, "say: in the thread", { mentionsUs: true });
    kitchen.says(ben, "say: above it", { mentionsUs: true });

    await plans.shows(({ from, text }) => from === "us" && text === "in the thread");
    await kitchen.shows(({ from, text }) => from === "us" && text === "above it");
    expect([plans.ours(), kitchen.ours()]).toEqual([["in the thread"], ["above it"]]);
    expect(await client.chats()).toContainEqual(
      expect.objectContaining({ id: "fake:kitchen:5", group: "family" }),
    );
  });
});

describe("a file that is larger than its platform hands out", () => {
  it("is never asked for, and is a line to whoever sent it", async () => {
    const { kitchen } = await given();
    let asked = false;
    const film = fakeFile("film.mp4", "x".repeat(2_048));
    const files = [
      { ...film, open: async (signal: AbortSignal) => ((asked = true), await film.open(signal)) },
    ];

    kitchen.says(ben, "say: seen", { mentionsUs: true, files });

    const { text } = await kitchen.shows(({ from, text }) => from === "us" && text.includes("film.mp4"));
    await kitchen.shows(({ from, text: answer }) => from === "us" && answer === "seen");
    expect(text).toBe(
      "I could not take the file “film.mp4”: the platform hands out no file of more than 1.0 KB; send it another way, or in parts.",
    );
    expect(asked).toBe(false);
  });
});
