/** Who may speak: strangers, owners' codes, the allowlist, rates, and an account that is shared with its owner. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import { ChatId, SenderId } from "../src/core/ids.ts";
import { guestFolder } from "../src/store/waiting-chats.ts";
import { type FakeChat, fakeFile, fakePlatform, type FakePlatformOptions } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };
const ben = { id: "ben", name: "Ben" };
const sam = { id: "sam", name: "Sam Stranger" };

/** Ann is the owner; `kitchen` is a chat of several people, of the group `family`. */
async function given({
  settings = [],
  allowlist,
  ...options
}: { settings?: readonly string[]; allowlist?: object | string } & FakePlatformOptions = {}) {
  const platform = fakePlatform(options);
  const kitchen = platform.group("kitchen", "The kitchen");
  const config = [
    "owners: ['fake:ann']",
    ...settings,
    "groups:",
    "  family:",
    "    chats: ['fake:kitchen', 'fake:anns']",
  ].join("\n");
  const journey = await givenHost({ config, channels: [platform.channel] });
  const policies = join(journey.home, "..", "config", "bellhop");
  if (allowlist !== undefined) {
    await mkdir(policies, { recursive: true });
    const text = typeof allowlist === "string" ? allowlist : JSON.stringify(allowlist);
    await writeFile(join(policies, "sender-allowlist.json"), text);
    await journey.restart();
  }
  /** What the database holds, looked at from outside. */
  function rows(sql: string): Record<string, unknown>[] {
    const db = new DatabaseSync(homePaths(journey.home).database, { readOnly: true });
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  }
  return { ...journey, platform, kitchen, rows };
}

function said(chat: FakeChat, text: string) {
  return chat.shows(({ from, text: shown }) => from === "us" && shown === text);
}

async function codeIn(chat: FakeChat): Promise<string> {
  const { text } = await chat.shows(({ from, text: shown }) => from === "us" && shown.includes("this code"));
  const [, code = ""] = /this code: (\w{8})\./.exec(text) ?? [];
  return code;
}

describe("a stranger who writes directly", () => {
  it("is held, told a code, and answered in order once let in by it, in a group of their own", async () => {
    const { platform, client, rows, home } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    const code = await codeIn(dm);
    dm.says(sam, "say: two");
    await platform.taken();
    const before = rows("SELECT * FROM inbox");
    const { waiting } = await client.senders.list();

    const allowed = await client.senders.allow(code);
    await said(dm, "two");

    expect(before).toEqual([]);
    expect(waiting).toMatchObject([{ sender: "fake:sam", chat: "fake:sams", messages: 2 }]);
    expect(allowed).toEqual({ sender: "fake:sam", chats: ["fake:sams"] });
    expect(rows("SELECT text, sender_role, tainted FROM inbox ORDER BY seq")).toEqual([
      { text: "say: one", sender_role: "member", tainted: 1 },
      { text: "say: two", sender_role: "member", tainted: 1 },
    ]);
    const group = guestFolder(ChatId.parse("fake:sams"), sam.name);
    expect(await client.chats()).toContainEqual(expect.objectContaining({ id: "fake:sams", group }));
    expect(group).toMatch(/^guest-sam-stranger-/);
    expect(await readFile(join(home, "groups", group, "CLAUDE.md"), "utf8")).not.toBe("");
    expect(rows("SELECT * FROM held")).toEqual([]);
    expect(rows("SELECT action, subject FROM audit")).toEqual([
      { action: "senders.allow", subject: "sender:fake:sam" },
    ]);
  });

  it("is told once however much they write, and the owner is told once too", async () => {
    const { platform, rows } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "hello");
    await codeIn(dm);
    for (const text of ["are you there?", "hello?"]) dm.says(sam, text);
    await platform.taken();

    expect(dm.ours()).toHaveLength(1);
    expect(rows("SELECT text FROM outbox WHERE key LIKE 'notice:stranger:%'")).toEqual([
      { text: expect.stringContaining("Sam Stranger (fake:sam) wrote to me") },
    ]);
  });

  it("stays let in after a restart, with a group that has tasks like any other", async () => {
    const { platform, client, restart } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    await client.senders.allow(await codeIn(dm));
    await said(dm, "one");

    await restart();
    dm.says(sam, "say: two");
    await said(dm, "two");
    const task = await client.tasks.add({
      chat: ChatId.parse("fake:sams"),
      every: "1h",
      prompt: "say: tick",
    });
    await client.tasks.run(task.id);

    expect(await said(dm, "tick")).toBeDefined();
  });

  it("is held over a restart, and let in by their address", async () => {
    const { platform, client, restart } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    await codeIn(dm);
    await restart();

    await client.senders.allow("fake:sam");

    expect(await said(dm, "one")).toBeDefined();
  });

  it("is let in by the owner's command in a chat, and their files are fetched then", async () => {
    const { platform, kitchen, rows } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one", { files: [fakeFile("cat.txt", Buffer.from("meow"))] });
    await codeIn(dm);

    kitchen.says(ann, "/senders allow fake:sam");

    await said(dm, "one");
    expect(rows("SELECT name, state FROM files")).toEqual([{ name: "cat.txt", state: "stored" }]);
  });

  it("is not let in by anybody but an owner", async () => {
    const { platform, kitchen, rows } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    await codeIn(dm);

    kitchen.says(ben, "/senders allow fake:sam");

    await said(kitchen, "Only the owner may use /senders.");
    expect(rows("SELECT chat_id FROM held")).toEqual([{ chat_id: "fake:sams" }]);
    expect(rows("SELECT * FROM inbox WHERE chat_id = 'fake:sams'")).toEqual([]);
  });

  it("loses what was held when they are turned away, and is not asked about again", async () => {
    const { platform, client, rows } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    await codeIn(dm);

    await client.senders.deny("fake:sam");
    dm.says(sam, "say: two");
    await platform.taken();

    expect(rows("SELECT * FROM held")).toEqual([]);
    expect(await client.senders.list()).toMatchObject({
      senders: [{ id: "fake:sam", standing: "denied" }],
      waiting: [],
    });
    expect(dm.ours()).toHaveLength(1);
    expect(rows("SELECT detail FROM audit")).toEqual([{ detail: "1 held messages were dropped" }]);
  });

  it("is answered at once where the owner has let them in beforehand", async () => {
    const { platform, client } = await given();
    await client.senders.allow("fake:sam");
    const dm = platform.direct("sams");

    dm.says(sam, "say: one");

    await said(dm, "one");
    expect(dm.ours()).toEqual(["one"]);
  });

  it("is given a group of the owner's choice when their chat is bound to it", async () => {
    const { platform, client } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    await codeIn(dm);

    await client.bind(ChatId.parse("fake:sams"), "family");

    await said(dm, "one");
    expect(await client.chats()).toContainEqual(
      expect.objectContaining({ id: "fake:sams", group: "family" }),
    );
  });

  it("cannot be guessed in: after three wrong codes only an address counts", async () => {
    const { platform, client } = await given();
    const dm = platform.direct("sams");
    dm.says(sam, "say: one");
    const code = await codeIn(dm);
    for (const wrong of ["AAAA2222", "AAAA3333", "AAAA4444"])
      await expect(client.senders.allow(wrong)).rejects.toThrow("No stranger who waits was given this code.");

    await expect(client.senders.allow(code)).rejects.toThrow("Three codes were wrong within an hour");
    await client.senders.allow("fake:sam");

    await said(dm, "one");
  });

  it("is never written to on a personal account: only the owner hears of them", async () => {
    const { platform, rows, client } = await given({ abilities: { personal: true }, echoes: true });
    const dm = platform.direct("sams");
    dm.says(sam, "hello");
    await platform.taken();
    await expect.poll(() => rows("SELECT 1 FROM outbox WHERE key LIKE 'notice:stranger:%'")).toHaveLength(1);

    expect(dm.ours()).toEqual([]);
    expect((await client.senders.list()).waiting).toMatchObject([{ sender: "fake:sam" }]);
  });
});

describe("bellhop pair", () => {
  it("makes whoever sends its code an owner, durably, and /main makes the chat part of main", async () => {
    const { platform, client, rows, restart, home } = await given();
    const { code } = await client.senders.pair();
    const dm = platform.direct("bens");

    dm.says(ben, code.toLowerCase());
    await dm.shows(({ text }) => text.startsWith("You are an owner now. Send /main"));
    dm.says(ben, "/main");
    await said(dm, "This chat is part of main.");
    await restart();
    dm.says(ben, "say: hello");
    await said(dm, "hello");

    expect(rows("SELECT text, sender_role, tainted FROM inbox ORDER BY seq")).toEqual([
      { text: "/main", sender_role: "owner", tainted: 0 },
      { text: "say: hello", sender_role: "owner", tainted: 0 },
    ]);
    expect(await client.chats()).toContainEqual(expect.objectContaining({ id: "fake:bens", group: "main" }));
    expect(
      JSON.stringify(rows("SELECT * FROM outbox")) + JSON.stringify(rows("SELECT * FROM pairings")),
    ).not.toMatch(new RegExp(code, "i"));
    expect(await readFile(homePaths(home).log, "utf8")).not.toMatch(new RegExp(code, "i"));
    expect(rows("SELECT action, actor FROM audit")).toEqual([
      { action: "senders.pair", actor: "the owner" },
      { action: "senders.own", actor: "fake:ben" },
    ]);
  });

  it("gives a code that is good once: a copy of the message, or the code again, is no message either", async () => {
    const { platform, kitchen, client, rows } = await given();
    const { code } = await client.senders.pair();
    kitchen.says(ben, code);
    await kitchen.shows(({ text }) => text.startsWith("You are an owner now. Several people write here"));

    kitchen.says(sam, code);
    kitchen.says(sam, `the code is ${code}, I think`);
    await platform.taken();

    expect((await client.senders.list()).senders).toMatchObject([{ id: "fake:ben", standing: "owner" }]);
    expect(rows("SELECT * FROM inbox")).toEqual([]);
  });

  it("is not guessed: three wrong codes from a chat, and none from there is looked at for an hour", async () => {
    const { platform, client, rows } = await given();
    const { code } = await client.senders.pair();
    const dm = platform.direct("bens");
    for (const wrong of ["AAAA2222", "AAAA3333", "AAAA4444"]) dm.says(ben, wrong);
    await dm.shows(({ text }) => text.includes("No more codes are taken here for an hour"));

    dm.says(ben, code);
    await platform.taken();

    expect((await client.senders.list()).senders).toEqual([]);
    expect(dm.ours()).toEqual([
      "That code is not valid. You may try 2 times more.",
      "That code is not valid. You may try once more.",
      "That code is not valid. No more codes are taken here for an hour.",
    ]);
    expect(rows("SELECT * FROM inbox")).toEqual([]);
  });

  it("is not for the owner's own desk, where it would reach an agent", async () => {
    const { client, rows, send } = await given();
    const { code } = await client.senders.pair();

    await expect(send(code)).rejects.toThrow("this is a pairing code");

    expect(rows("SELECT * FROM inbox")).toEqual([]);
  });

  it("is undone by senders deny; an owner of the configuration is not", async () => {
    const { kitchen, client } = await given();
    const { code } = await client.senders.pair();
    kitchen.says(ben, code);
    await kitchen.shows(({ text }) => text.startsWith("You are an owner now"));

    await client.senders.deny("fake:ben");

    expect((await client.senders.list()).senders).toMatchObject([
      { id: SenderId.parse("fake:ben"), standing: "denied" },
    ]);
    await expect(client.senders.deny("fake:ann")).rejects.toThrow("fake:ann is an owner in config.yaml");
  });
});

describe("the sender allowlist", () => {
  const onlyBen = (mode: string) => ({
    default: { allow: "*", mode: "trigger" },
    chats: { "fake:kitchen": { allow: ["fake:ben"], mode } },
  });

  it("keeps as context what others say, commands too, and answers none of it (mode trigger)", async () => {
    const { kitchen, platform, rows } = await given({ allowlist: onlyBen("trigger") });
    kitchen.says(sam, "@Bellhop say: no");
    kitchen.says(sam, "/status");
    await platform.taken();

    kitchen.says(ben, "@Bellhop say: yes");
    await said(kitchen, "yes");

    expect(kitchen.ours()).toEqual(["yes"]);
    const inbox = () => rows("SELECT text, verdict, sender_role, tainted, state FROM inbox ORDER BY seq");
    await expect.poll(inbox).toEqual([
      { text: "@Bellhop say: no", verdict: "noted", sender_role: "stranger", tainted: 1, state: "note" },
      { text: "/status", verdict: "noted", sender_role: "stranger", tainted: 1, state: "note" },
      { text: "@Bellhop say: yes", verdict: "admitted", sender_role: "member", tainted: 1, state: "done" },
    ]);
  });

  it("stores nothing of what others say, but moves the cursor over it (mode drop, G1)", async () => {
    const { kitchen, platform, rows, restart } = await given({ allowlist: onlyBen("drop") });
    kitchen.says(sam, "@Bellhop say: no");
    await platform.taken();
    await restart();

    kitchen.says(ben, "@Bellhop say: yes");
    await said(kitchen, "yes");

    expect(rows("SELECT text FROM inbox")).toEqual([{ text: "@Bellhop say: yes" }]);
    expect(rows("SELECT * FROM cursors WHERE channel = 'fake'")).toMatchObject([{ cursor: "2" }]);
  });

  it("lets only owners speak while it is broken from the start, and says so everywhere", async () => {
    const { kitchen, rows, client, platform } = await given({ allowlist: "nonsense" });
    kitchen.says(ben, "@Bellhop say: no");
    await platform.taken();

    kitchen.says(ann, "@Bellhop say: yes");
    await said(kitchen, "yes");

    const broken = expect.stringContaining("only owners may speak");
    expect(kitchen.ours()).toEqual(["yes"]);
    expect((await client.status()).senders.problems).toEqual([broken]);
    expect(rows("SELECT text FROM outbox WHERE key LIKE 'notice:senders:%'")).toEqual([{ text: broken }]);
  });

  it("keeps the owner from being asked about strangers whom it does not let speak", async () => {
    const { platform, client, rows } = await given({ allowlist: { default: { allow: [], mode: "drop" } } });
    const dm = platform.direct("sams");
    dm.says(sam, "hello");
    await platform.taken();

    expect((await client.senders.list()).waiting).toEqual([]);
    expect(rows("SELECT * FROM held")).toEqual([]);
  });
});

describe("who calls too often", () => {
  it("is refused with the reason, told so once, and /why tells it; the owner is not counted", async () => {
    const settings = ["senders: { perMinute: 2, perHour: 100, chatPerMinute: 100 }"];
    const { kitchen, platform, rows } = await given({ settings });
    for (const word of ["one", "two", "three", "four"]) kitchen.says(ben, `@Bellhop say: ${word}`);
    await platform.taken();
    for (const word of ["five", "six", "seven"]) kitchen.says(ann, `@Bellhop say: ${word}`);
    await platform.taken();

    const reason = "this sender may call the assistant 2 times a minute, and has";
    expect(rows("SELECT verdict, reason FROM inbox WHERE sender_id = 'fake:ben' ORDER BY seq")).toEqual([
      { verdict: "admitted", reason: expect.any(String) },
      { verdict: "admitted", reason: expect.any(String) },
      { verdict: "refused", reason },
      { verdict: "refused", reason },
    ]);
    expect(rows("SELECT DISTINCT verdict FROM inbox WHERE sender_id = 'fake:ann'")).toEqual([
      { verdict: "admitted" },
    ]);
    expect(rows("SELECT 1 FROM outbox WHERE key LIKE 'limit:%'")).toHaveLength(1);
    kitchen.says(ann, "/why #3");
    await kitchen.shows(({ text }) => text.includes(`Refused: ${reason}`));
  });

  it("is counted with all others of the chat", async () => {
    const settings = ["senders: { chatPerMinute: 1 }"];
    const { kitchen, platform, rows } = await given({ settings });
    kitchen.says(ben, "@Bellhop say: one");
    kitchen.says(sam, "@Bellhop say: two");
    await platform.taken();

    expect(rows("SELECT verdict FROM inbox ORDER BY seq")).toEqual([
      { verdict: "admitted" },
      { verdict: "refused" },
    ]);
  });
});

describe("an account that the assistant shares with its owner", () => {
  const us = { id: "us", name: "The account of the assistant" };
  const personal = { abilities: { personal: true }, echoes: true };

  it("takes the account's own messages for the owner's, carries its name, and does not answer itself", async () => {
    const { kitchen, platform, rows } = await given(personal);
    kitchen.types("@Bellhop say: @Bellhop say: again");
    await said(kitchen, "Bellhop: @Bellhop say: again");
    kitchen.types("@Bellhop say: done");
    await said(kitchen, "Bellhop: done");
    await platform.taken();

    expect(kitchen.ours()).toEqual(["Bellhop: @Bellhop say: again", "Bellhop: done"]);
    expect(
      rows("SELECT sender_id, sender_role, tainted, verdict FROM inbox WHERE verdict = 'admitted'"),
    ).toEqual([
      { sender_id: `fake:${us.id}`, sender_role: "owner", tainted: 0, verdict: "admitted" },
      { sender_id: `fake:${us.id}`, sender_role: "owner", tainted: 0, verdict: "admitted" },
    ]);
  });

  it("knows its echo also where the answer to sending it was lost", async () => {
    const { kitchen, platform } = await given(personal);
    platform.fail("send", { how: "time out", applied: true });
    kitchen.types("@Bellhop say: @Bellhop say: again");
    await said(kitchen, "Bellhop: @Bellhop say: again");
    kitchen.types("@Bellhop say: done");
    await said(kitchen, "Bellhop: done");
    await platform.taken();

    expect(new Set(kitchen.ours())).toEqual(new Set(["Bellhop: @Bellhop say: again", "Bellhop: done"]));
  });
});
