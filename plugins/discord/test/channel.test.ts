import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../src/slash.ts";
import type { FakeDiscordOptions } from "./fake/discord.ts";
import { BOT, interact } from "./fake/peer.ts";
import { ANN, BEN, openRig, type OpenRig } from "./rig.ts";

let opened: OpenRig | undefined;
afterEach(async () => {
  await opened?.close();
  opened = undefined;
});

async function given(options: Partial<FakeDiscordOptions> = {}) {
  opened = await openRig(options);
  return opened;
}

const { signal } = new AbortController();
const text = (wanted: string) => (one: { readonly text: string }) => one.text === wanted;

describe("what is sent to Discord", () => {
  it("has buttons in rows of five, and none once it was edited", async () => {
    const { connect, groupChannel, group } = await given();
    const channel = connect();
    const buttons = Array.from({ length: 25 }, (_, n) => ({ id: `b${n}`, label: `Button ${n}` }));

    const { platformId } = await channel.send(
      { kind: "text", key: "k", chat: group.id, text: "May I?", buttons },
      signal,
    );
    expect(groupChannel.messages.get(platformId)?.buttons).toEqual(buttons);
    await channel.edit?.({ chat: group.id, platformId, text: "Done." }, signal);

    expect(group.messages()).toMatchObject([{ text: "Done.", buttons: undefined }]);
  });

  it("begins with the name of who speaks, in bold", async () => {
    const { connect, groupChannel, group } = await given();

    await connect().send(
      { kind: "text", key: "k", chat: group.id, text: "*hm*", sender: "The cook" },
      signal,
    );

    expect([...groupChannel.messages.values()].map((one) => one.text)).toEqual(["**The cook**\n*hm*"]);
  });

  it("goes as it was written where its markup would make it too long", async () => {
    const { connect, groupChannel, group } = await given();
    const long = "a_b ".repeat(470);

    await connect().send({ kind: "text", key: "k", chat: group.id, text: long }, signal);

    expect([...groupChannel.messages.values()].map((one) => one.text)).toEqual([long]);
  });

  it("shows nothing of what its links lead to: Discord would go there, and tell what is in them", async () => {
    const { connect, groupChannel, group } = await given();
    const channel = connect();
    const open = () => Readable.from(["a"]);
    const file = { name: "a.txt", type: "text/plain", bytes: 1, open };
    const words = { key: "k", chat: group.id, text: "see https://example.org/?secret=7" } as const;

    await channel.send({ ...words, kind: "text" }, signal);
    await channel.send({ ...words, key: "l", kind: "file", file }, signal);

    expect([...groupChannel.messages.values()].map(({ flags }) => flags)).toEqual([4, 4]);
  });

  it("is answered to a slash command as to nothing: that is no message", async () => {
    const { connect, group } = await given();

    await connect().send(
      { kind: "text", key: "k", chat: group.id, text: "stopped", replyTo: "1234" },
      signal,
    );

    expect(group.messages()).toMatchObject([{ text: "stopped", replyTo: undefined }]);
  });

  it("waits as long as Discord says, and is not tried again by itself", async () => {
    const { discord, connect, group } = await given({ rates: true });
    const channel = connect();
    const send = (n: number) =>
      channel.send({ kind: "text", key: `k${n}`, chat: group.id, text: String(n) }, signal);
    for (let n = 0; n < 5; n += 1) await send(n);

    const error: unknown = await send(5).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(TemporaryError);
    expect(error).toMatchObject({ retryAfterMs: expect.any(Number) });
    expect(discord.server.journal.asked("send")).toBe(6);
  });

  it("says which permission is missing, and that a chat is none of Discord's", async () => {
    const { connect } = await given();

    await expect(connect().typing?.("kitchen", signal)).rejects.toThrow(RejectedError);
    await expect(connect().typing?.("1:2", signal)).rejects.toThrow("There is no such chat");
  });

  it("is not sent where the file cannot be read to its end", async () => {
    const { discord, connect, group } = await given();
    const file = {
      name: "a.txt",
      type: "text/plain",
      bytes: 100,
      open: () =>
        Readable.from(
          (function* () {
            yield Buffer.from("half");
            throw new Error("the disk is gone");
          })(),
        ),
    };

    const sent = connect().send({ kind: "file", key: "k", chat: group.id, text: "", file }, signal);

    await expect(sent).rejects.toThrow(TemporaryError);
    expect(discord.server.journal.applied("file")).toBe(0);
  });
});

describe("what is heard from Discord", () => {
  it("names a thread and the chat that it belongs to", async () => {
    const { discord, connect, listen, groupChannel, until } = await given();
    const { world } = discord;
    const listened = listen(connect());
    await until(() => (discord.gateway.isThere() ? true : undefined));
    const thread = world.open({ type: 11, name: "Dinner", parent: groupChannel.id });

    discord.tell("MESSAGE_CREATE", thread, world.put(thread, { from: ANN, text: "soup?" }));

    expect(await listened.hears(text("soup?"))).toMatchObject({
      chat: `${groupChannel.id}:${thread.id}`,
      threadOf: groupChannel.id,
      chatTitle: "Dinner",
    });
  });

  it("asks for a chat's name once, and again when Discord says that it has changed", async () => {
    const { discord, connect, listen, group, groupChannel } = await given();
    const listened = listen(connect());
    const looks = () =>
      discord.server.journal.entries.filter(({ path }) => path.endsWith(`/channels/${groupChannel.id}`))
        .length;
    await group.says(ANN, "one");
    await group.says(ANN, "two");
    await listened.hears(text("two"));
    expect(looks()).toBe(1);

    groupChannel.name = "pantry";
    discord.gateway.tell("CHANNEL_UPDATE", { id: groupChannel.id, guild_id: groupChannel.guild });
    await group.says(ANN, "three");

    expect(await listened.hears(text("three"))).toMatchObject({ chatTitle: "pantry" });
    expect(looks()).toBe(2);
  });

  it("calls us by a role that we have there", async () => {
    const { connect, listen, group } = await given({ bot: { ...BOT, roles: ["5555"] } });
    const listened = listen(connect());

    await group.says(ANN, "<@&5555> dinner?");
    await group.says(ANN, "<@&6666> supper?");

    expect(await listened.hears(text("dinner?"))).toMatchObject({ mentionsUs: true });
    expect((await listened.hears(text("<@&6666> supper?"))).mentionsUs).toBeUndefined();
  });

  it("says whose message was taken back, where it heard it", async () => {
    const { discord, connect, listen, group, groupChannel } = await given();
    const listened = listen(connect());
    const id = await group.says(BEN, "oh");
    await listened.hears(text("oh"));

    discord.gateway.tell("MESSAGE_DELETE_BULK", {
      ids: [id, "999"],
      channel_id: groupChannel.id,
      guild_id: groupChannel.guild,
    });

    expect(await listened.hears((one) => one.kind === "delete" && one.platformId === "999")).toMatchObject({
      sender: { id: "unknown" },
    });
    expect(listened.heard.find(({ kind }) => kind === "delete")).toMatchObject({ sender: { id: BEN.id } });
  });

  it("hands out a file until Discord does not any more", async () => {
    const { discord, connect, listen, direct } = await given();
    const listened = listen(connect());
    const content = Buffer.from("eggs and milk");
    await direct.says(ANN, "list", { file: { name: "list.txt", type: "text/plain", content } });
    const [file] = (await listened.hears(text("list"))).files ?? [];

    expect(file && (await buffer(await file.open(signal))).toString()).toBe("eggs and milk");
    discord.world.files.clear();

    await expect(file?.open(signal)).rejects.toThrow(RejectedError);
  });
});

describe("slash commands and buttons on Discord", () => {
  it("are told to Discord once, and left alone where it has them so", async () => {
    const { discord, connect, listen, direct } = await given();
    const overwrites = () => discord.server.journal.entries.filter(({ method }) => method === "PUT").length;
    const first = listen(connect());
    await direct.says(ANN, "one");
    await first.hears(text("one"));
    await first.stop();
    const second = listen(connect(), first.cursor);
    await direct.says(ANN, "two");
    await second.hears(text("two"));

    expect(overwrites()).toBe(1);
    expect(discord.world.commands).toHaveLength(COMMANDS.length);
  });

  it("are answered once they are on disk, and not before", async () => {
    const { discord, connect, listen, groupChannel, until } = await given();
    const { world, gateway } = discord;
    const disk = Promise.withResolvers<void>();
    const listened = listen(connect(), undefined, () => disk.promise);
    await until(() => (gateway.isThere() ? true : undefined));

    const id = interact(discord, groupChannel, BEN, { type: 2, data: { name: "stop", options: [] } });
    await until(() =>
      discord.server.journal.entries.some(({ path }) => path.includes("/channels/")) ? true : undefined,
    );
    expect(world.waiting.get(id)?.answer).toBeUndefined();
    disk.resolve();

    const answer = await until(() => world.waiting.get(id)?.answer);
    expect(answer).toEqual({ type: 4, data: { content: "/stop: taken.", flags: 64 } });
    expect(listened.heard).toMatchObject([
      { text: "/stop", mentionsUs: true, sender: { id: BEN.id }, platformId: id },
    ]);
  });

  it.each([
    ["not see the channel", 0 as const, 1n << 11n, false],
    ["not write there", 0 as const, 1n << 10n, false],
    ["not write in threads", 11 as const, (1n << 10n) | (1n << 11n), false],
    ["do everything", 11 as const, 1n << 3n, true],
  ])("say so where the bot may %s", async (_, type, permissions, heard) => {
    const { discord, connect, listen, groupChannel, direct, until } = await given();
    const listened = listen(connect());
    await until(() => (discord.gateway.isThere() ? true : undefined));
    const place =
      type === 0 ? groupChannel : discord.world.open({ type, name: "Dinner", parent: groupChannel.id });

    const id = interact(discord, place, BEN, { type: 2, data: { name: "status", options: [] } }, permissions);
    await direct.says(ANN, "hello");
    await listened.hears(text("hello"));

    const answer = await until(() => discord.world.waiting.get(id)?.answer);
    const content = expect.stringContaining(heard ? "taken" : "I may not write here");
    expect(answer).toEqual({ type: 4, data: { content, flags: 64 } });
    expect(listened.heard.some((one) => one.text === "/status")).toBe(heard);
  });

  it("are heard all the same where the sign for them comes too late", async () => {
    const { discord, connect, listen, groupChannel, logged, until } = await given();
    const listened = listen(connect());
    await until(() => (discord.gateway.isThere() ? true : undefined));

    const id = interact(discord, groupChannel, BEN, { type: 2, data: { name: "status", options: [] } });
    discord.world.waiting.delete(id);
    await listened.hears(text("/status"));

    await until(() => (logged.some((line) => line.includes("was not told")) ? true : undefined));
    expect(listened.heard).toHaveLength(1);
  });
});
