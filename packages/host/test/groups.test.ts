/** Chats of several people: who calls the assistant, what it is given along, and what it never answers. */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ChatId } from "../src/core/ids.ts";
import { type FakeChat, fakePlatform, type FakePlatformOptions } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };
const robot = { id: "robot", name: "Robot", bot: true };

/** A host with the group `family`, whose chat is `kitchen` on the fake platform. Ann is the owner. */
async function given({ settings = [], ...options }: { settings?: string[] } & FakePlatformOptions = {}) {
  const platform = fakePlatform(options);
  const kitchen = platform.group("kitchen", "The kitchen");
  const family = ["chats: ['fake:kitchen']", ...settings].map((line) => `    ${line}`);
  const config = ["owners: ['fake:ann']", "groups:", "  family:", ...family].join("\n");
  const journey = await givenHost({ config, channels: [platform.channel] });
  return { platform, kitchen, ...journey };
}

/** The prompts of the group's conversation, as the engine's own record has them: blocks of text. */
async function promptsOf(home: string): Promise<string[][]> {
  const prompts: string[][] = [];
  for await (const file of glob(join(home, "sessions", "family", "**", "*.jsonl")))
    for (const line of (await readFile(file, "utf8")).split("\n").filter(Boolean)) {
      const row = Prompt.safeParse(JSON.parse(line));
      if (row.success) prompts.push(row.data.message.content.map(({ text }) => text));
    }
  return prompts;
}

const Prompt = z.object({
  type: z.literal("user"),
  message: z.object({ content: z.array(z.object({ type: z.literal("text"), text: z.string() })) }),
});

function said(chat: FakeChat, text: string) {
  return chat.shows(({ from, text: shown }) => from === "us" && shown === text);
}

describe("a chat of several people", () => {
  it("is answered when somebody calls by name, with what was said before along", async () => {
    const { home, kitchen } = await given();
    kitchen.says(ann, "the cat is called Tom");
    kitchen.says(robot, "@Bellhop say: beep");
    kitchen.says(ben, "", { nonText: "location" });

    kitchen.says(ben, "@bellhop say: hello");
    await said(kitchen, "hello");

    expect(kitchen.ours()).toEqual(["hello"]);
    const [blocks = []] = await promptsOf(home);
    expect(blocks.slice(1)).toEqual([
      "the cat is called Tom",
      "@Bellhop say: beep",
      "(no text)",
      "@bellhop say: hello",
    ]);
    expect(blocks[0]?.split("\n").slice(1, 6)).toEqual([
      "The next 3 blocks are context, said in this chat without calling you:",
      expect.stringMatching(/^- #1 from "Ann" \("fake:ann", owner\) at "[^"]+"$/),
      expect.stringMatching(/^- #2 from "Robot" \("fake:robot", member, bot\) at "[^"]+"$/),
      expect.stringMatching(/^- #3 from "Ben" \("fake:ben", member\) at "[^"]+" \[location\]$/),
      "The block after them is a message:",
    ]);
  });

  it("is answered when somebody mentions the assistant, replies to it, or says what fits the group's pattern", async () => {
    const { kitchen } = await given({ settings: ["pattern: 'cook|dinner'"] });
    kitchen.says(ann, "say: one", { mentionsUs: true });
    const { platformId } = await said(kitchen, "one");

    kitchen.says(ben, "say: two", { replyTo: platformId });
    await said(kitchen, "two");
    kitchen.says(ben, "say: three\nwhat is for Dinner?");
    await said(kitchen, "three");

    expect(kitchen.ours()).toEqual(["one", "two", "three"]);
  });

  it("never answers what the assistant itself sent, whatever it says", async () => {
    const { kitchen, platform } = await given({ settings: ["trigger: always"], echoes: true });

    kitchen.says(ann, "say: @Bellhop say: again");
    await said(kitchen, "@Bellhop say: again");
    await platform.taken();
    kitchen.says(ann, "say: enough");
    await said(kitchen, "enough");

    expect(kitchen.ours()).toEqual(["@Bellhop say: again", "enough"]);
  });

  it("leaves bots that answer it on and on without an answer, and says so once", async () => {
    const { kitchen, platform } = await given({ settings: ["bots: true", "queue: queue"] });

    for (let i = 1; i <= 25; i += 1) kitchen.says(robot, `@Bellhop say: answer ${i}`);
    await platform.taken();
    kitchen.says(ann, "@Bellhop say: that is all");
    await kitchen.shows(({ from, text }) => from === "us" && text.endsWith("that is all"));

    const notices = kitchen.ours().filter((text) => text.includes("leave the other bots"));
    expect(notices).toEqual([
      "I leave the other bots here without an answer for a while: bots have called the assistant 20 times within 10 minutes, which is all they may.",
    ]);
    expect(kitchen.ours().join("\n")).not.toContain("answer 21");
  });

  it("takes what was edited or deleted before its turn as it is then", async () => {
    const { kitchen, platform, client } = await given({ settings: ["queue: queue"] });
    kitchen.says(ann, "@Bellhop say: hi"); // what comes while the room opens would join its first prompt
    await said(kitchen, "hi");
    kitchen.says(ann, "@Bellhop think: 1\nsay: first");
    await platform.taken();
    while ((await client.status()).turns.length === 0) await setTimeout(20);
    const wrong = kitchen.says(ben, "@Bellhop say: seven");
    const gone = kitchen.says(ben, "@Bellhop say: never mind");

    kitchen.edits(wrong, "@Bellhop say: eight");
    kitchen.deletes(gone);
    await said(kitchen, "first");
    await said(kitchen, "eight");

    expect(kitchen.ours()).toEqual(["hi", "first", "eight"]);
  });

  it("goes on after the connection broke, with what was written meanwhile, once", async () => {
    const { kitchen, platform } = await given();
    kitchen.says(ann, "@Bellhop say: one");
    await said(kitchen, "one");
    platform.fail("listen", { how: "unreachable" }, 2);

    platform.disconnect();
    kitchen.says(ann, "@Bellhop say: two");
    await said(kitchen, "two");

    expect(kitchen.ours()).toEqual(["one", "two"]);
  });
});

describe("a chat that no group has", () => {
  it("is not read; the owner is told once, and it is answered once it is bound", async () => {
    const { platform, client, host } = await given();
    const hall = platform.group("hall", "The hall");
    const id = ChatId.parse("fake:hall");

    for (const text of ["@Bellhop say: one", "@Bellhop say: two"]) hall.says(ben, text);
    await platform.taken();

    expect(await client.unregistered()).toMatchObject([
      { id, title: "The hall", messages: 2, lastSender: "Ben" },
    ]);
    expect((await host().status()).unregistered).toBe(1);
    const { events } = await client.history(ChatId.parse("web:notices"), { limit: 10 });
    expect(events).toMatchObject([
      { kind: "notice", text: expect.stringContaining("bellhop chats bind fake:hall GROUP") },
    ]);

    await client.bind(id, "family");
    hall.says(ben, "@Bellhop say: three");
    await said(hall, "three");
    expect(hall.ours()).toEqual(["three"]);
    expect(await client.unregistered()).toEqual([]);
  });
});
