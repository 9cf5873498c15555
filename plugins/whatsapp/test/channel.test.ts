import { ConfigError, type Inbound, type Logger, RejectedError, TemporaryError } from "@bellhop/sdk";
import { proto } from "baileys";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { placesOf } from "../src/settings.ts";
import { openPeer, type PeerOptions } from "./fake/peer.ts";
import { createFakeServer, ME, OTHER_ME } from "./fake/server.ts";

const ANN = { id: "7001", name: "Ann" };
const ANN_LID = "887001@lid";
const { signal } = new AbortController();
const PATIENCE = { openMs: 5_000, readyMs: 1_000, ackMs: 1_000, slowMs: 1_000, undecryptedMs: 20 };

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function given(options: PeerOptions = {}) {
  const logged: string[] = [];
  const note = (line: string) => void logged.push(line);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const { peer, server, folder } = await openPeer({ log, ...options });
  opened.defer(peer.close);
  const channel = peer.connect();
  const heard: Inbound[] = [];

  function listen(one = channel, take: (inbound: Inbound) => Promise<void> = async () => undefined) {
    const stop = new AbortController();
    const accept = async (inbound: Inbound) => {
      await take(inbound);
      heard.push(inbound);
      server.changes.note();
    };
    const over = (async () => await one.listen?.(undefined, accept, stop.signal))().catch(
      (error: unknown) => error,
    );
    const end = async () => {
      stop.abort(new Error("the test is over"));
      return await over;
    };
    opened.defer(async () => void (await end()));
    return { over, end };
  }

  const direct = { from: "7001@s.whatsapp.net", sender_lid: ANN_LID, notify: "Ann" };
  const hears = (fits: (one: Inbound) => boolean) => server.changes.until(() => heard.find(fits));
  return {
    peer,
    server,
    folder,
    channel,
    heard,
    hears,
    listen,
    logged,
    says: (id: string, content: proto.IMessage) => server.comes({ ...direct, id }, content),
    direct,
  };
}

describe("what people do on WhatsApp", () => {
  it("is passed over one by one where it cannot be read, and holds up nothing", async () => {
    const { server, says, direct, hears, heard, listen, logged } = await given();
    says("1", { extendedTextMessage: { text: "fine" } });
    server.comes({ ...direct, id: "2" }, { protocolMessage: { type: 0 } }); // of what, it does not say
    server.comes({ ...direct, id: "3" }, { reactionMessage: { text: "👍", key: {} } });
    server.comes({ id: "4", from: "status@broadcast", participant: direct.from }, { conversation: "status" });
    server.comes({ id: "5", from: "123@newsletter" }, { conversation: "news" });
    says("6", { senderKeyDistributionMessage: { groupId: "g" } });
    says("7", { conversation: "after" });
    listen();

    await hears(({ text }) => text === "after");

    expect(heard.map(({ text }) => text)).toEqual(["fine", "after"]);
    expect(logged.filter((line) => line.includes("cannot be read"))).toHaveLength(2);
    expect(server.waiting()).toBe(0);
  });

  it.each<[string, proto.IMessage, Partial<Inbound>]>([
    [
      "a disappearing message, seen once",
      { ephemeralMessage: { message: { viewOnceMessageV2: { message: { conversation: "soon gone" } } } } },
      { text: "soon gone" },
    ],
    [
      "a place",
      { locationMessage: { degreesLatitude: 52.5, degreesLongitude: 13.25, name: "Home" } },
      { text: "Home (52.5, 13.25)", nonText: "location" },
    ],
    [
      "a contact",
      { contactMessage: { displayName: "Ben", vcard: "BEGIN:VCARD\nTEL;waid=49:+49 1\nEND:VCARD" } },
      { text: "Ben +49 1", nonText: "contact" },
    ],
    [
      "a poll",
      { pollCreationMessageV3: { name: "When?", options: [{ optionName: "at 8" }, { optionName: "at 9" }] } },
      { text: "When?\n- at 8\n- at 9", nonText: "poll" },
    ],
    ["what is not known here", { orderMessage: { orderId: "1" } }, { text: "", nonText: "unknown kind" }],
  ])("is heard: %s", async (_, content, expected) => {
    const { says, hears, listen } = await given();
    says("1", content);
    listen();

    expect(await hears(({ platformId }) => platformId === "1")).toMatchObject(expected);
  });

  it("is not taken out of more wrappers than anybody uses", async () => {
    const { says, hears, heard, listen } = await given();
    let content: proto.IMessage = { conversation: "deep" };
    for (let depth = 0; depth < 50; depth += 1) content = { ephemeralMessage: { message: content } };
    says("1", content);
    says("2", { conversation: "next" });
    listen();

    await hears(({ text }) => text === "next");

    expect(heard).toHaveLength(1);
  });

  it("is one person's and one chat's, by number and by LID, on another device too", async () => {
    const { server, hears, heard, listen } = await given();
    server.comes({ id: "1", from: ANN_LID, notify: "Ann" }, { conversation: "by LID" });
    server.comes(
      { id: "2", from: "7001:3@s.whatsapp.net", sender_lid: ANN_LID, notify: "Ann" },
      { conversation: "by both" },
    );
    server.comes({ id: "3", from: "7001@s.whatsapp.net", notify: "Ann" }, { conversation: "by number" });
    server.comes(
      { id: "4", from: "1-2@g.us", participant: "887001:9@lid", addressing_mode: "lid", notify: "Ann" },
      { conversation: "in a group" },
    );
    listen();

    await hears(({ text }) => text === "in a group");

    expect(heard.map(({ sender }) => sender.id)).toEqual([ANN_LID, ANN_LID, ANN_LID, ANN_LID]);
    expect(heard.map(({ chat }) => chat)).toEqual([ANN_LID, ANN_LID, ANN_LID, "1-2@g.us"]);
  });

  it("is answered at the number, where a chat is known by its LID", async () => {
    const { server, channel, hears, listen, peer } = await given();
    server.comes(
      { id: "1", from: ANN_LID, notify: "Ann", sender_pn: "7001@s.whatsapp.net" },
      { conversation: "hi" },
    );
    listen();
    const { chat } = await hears(({ text }) => text === "hi");
    const { messages } = peer.direct(ANN);

    await channel.send({ kind: "text", key: "k", chat, text: "hello" }, signal);

    expect(chat).toBe("7001");
    expect(messages().map(({ text }) => text)).toEqual(["hello"]);
  });

  it("is told of where it cannot be decrypted, and is a message of its own when it can be later", async () => {
    const { server, direct, says, hears, heard, listen } = await given({ patience: PATIENCE });
    server.comes({ ...direct, id: "1" }, undefined);
    listen();
    const placeholder = await hears(({ nonText }) => nonText !== undefined);
    says("1", { conversation: "late" });
    await hears(({ text }) => text === "late");

    expect(placeholder.nonText).toBe("message that could not be decrypted");
    expect(heard.map(({ platformId }) => platformId)).toEqual(["undecrypted-1", "1"]);
  });

  it("is not told of where it comes in time", async () => {
    const { server, direct, says, hears, heard, listen } = await given();
    server.comes({ ...direct, id: "1" }, undefined);
    listen();
    await server.changes.until(() => server.waiting() === 0 || undefined);
    says("1", { conversation: "again" });

    await hears(({ text }) => text === "again");

    expect(heard).toHaveLength(1);
  });

  it("counts as an edit only from whom it was", async () => {
    const { server, heard, hears, listen } = await given();
    const in_group = (id: string, participant: string) => ({
      id,
      from: "1-2@g.us",
      participant,
      notify: "x",
    });
    const edit: proto.IMessage = {
      protocolMessage: {
        type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
        key: { id: "1", remoteJid: "1-2@g.us" },
        editedMessage: { conversation: "forged" },
      },
    };
    const deletion: proto.IMessage = {
      protocolMessage: { type: 0, key: { id: "1", remoteJid: "1-2@g.us" } },
    };
    server.comes(in_group("1", "7001@s.whatsapp.net"), { conversation: "true" });
    server.comes(in_group("2", "7002@s.whatsapp.net"), edit);
    server.comes(in_group("3", "7002@s.whatsapp.net"), deletion);
    server.comes(in_group("4", "7002@s.whatsapp.net"), { conversation: "end" });
    listen();

    await hears(({ text }) => text === "end");

    expect(heard.map(({ text }) => text)).toEqual(["true", "end"]);
  });

  it("is shown as read once Bellhop has it, where its owner wants that", async () => {
    const { server, says, listen } = await given({ settings: { readReceipts: true } });
    says("1", { conversation: "hi" });
    listen();

    await server.changes.until(() => server.asked.includes("read 1") || undefined);

    expect(server.asked).toEqual(["read 1"]);
  });
});

describe("a message that WhatsApp was told we have", () => {
  it("is heard at the next connection where Bellhop did not take it", async () => {
    const { server, says, hears, heard, listen, channel } = await given();
    says("1", { conversation: "once" });
    const first = listen(channel, async () => {
      throw new TemporaryError("the disk is full");
    });
    expect(await first.over).toMatchObject({ message: "the disk is full" });
    expect(server.waiting()).toBe(0); // WhatsApp will not bring it again

    listen();
    await hears(({ text }) => text === "once");
    await first.end();

    expect(heard).toHaveLength(1);
  });

  it("is never given up because Bellhop could not take it, and is passed over where it never will", async () => {
    const { says, hears, heard, listen, channel, logged } = await given();
    says("1", { conversation: "kept" });
    for (let tries = 0; tries < 15; tries += 1) {
      const { over } = listen(channel, async () => {
        throw new TemporaryError("the disk is full");
      });
      await over;
    }
    listen(channel, async ({ text }) => {
      if (text === "bad") throw new RejectedError("this is no message");
    });
    await hears(({ text }) => text === "kept");
    says("2", { conversation: "bad" });
    says("3", { conversation: "good" });
    await hears(({ text }) => text === "good");

    expect(heard.map(({ text }) => text)).toEqual(["kept", "good"]);
    expect(logged).toContain("a message that Bellhop cannot take was passed over");
  });

  it("is taken before all that came after it, where Bellhop did not take it at once", async () => {
    const { says, hears, heard, listen, channel } = await given();
    for (const id of ["1", "2", "3"]) says(id, { conversation: id });
    const { over } = listen(channel, async ({ text }) => {
      if (text === "2") throw new TemporaryError("the disk is full");
    });
    await over;

    listen();
    await hears(({ text }) => text === "3");

    expect(heard.map(({ text }) => text)).toEqual(["1", "2", "3"]);
  });

  it("is heard by the next process, where this one died while it was taken", async () => {
    const { peer, server, says, hears, listen, channel } = await given();
    says("1", { conversation: "once" });
    const stuck = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    const first = listen(channel, async () => {
      waits.resolve();
      await stuck.promise;
      throw new TemporaryError("this process is dead");
    });
    await waits.promise;
    expect(server.waiting()).toBe(0);
    await first.end();

    listen(peer.connect());
    await hears(({ text }) => text === "once");
    stuck.resolve();
  });
});

describe("an account", () => {
  it.each([
    [401, "unlinked this device", true],
    [403, "blocked this number", false],
    [405, "`version`", false],
    [440, "Another program", false],
  ])("that WhatsApp ends with %i needs its operator", async (status, says, isGone) => {
    const { server, channel, listen } = await given();
    const { over } = listen();
    await server.changes.until(() => server.isLive() || undefined);
    server.cut(status);

    const error = await over;
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(says);
    expect(channel.health?.()).toMatchObject({ state: "down" });
    const connected = server.changes.until(() => (server.isLive() ? "connected" : undefined));
    const again = await Promise.race([listen().over.then(String), connected]);
    expect(again.includes("No WhatsApp account is linked")).toBe(isGone);
  });

  it.each([408, 428, 503, 500])("whose connection ends with %i is connected again later", async (status) => {
    const { server, channel, listen } = await given();
    const { over } = listen();
    await server.changes.until(() => server.isLive() || undefined);
    server.cut(status);

    expect(await over).toBeInstanceOf(TemporaryError);
    expect(channel.health?.()).toMatchObject({ state: "connecting" });
  });

  it("is connected again at once where WhatsApp asks for it", async () => {
    const { server, says, hears, listen } = await given();
    listen();
    await server.changes.until(() => server.isLive() || undefined);
    server.cut(515);
    says("1", { conversation: "after" });

    await hears(({ text }) => text === "after");
    expect(server.journal.asked("listen")).toBe(2);
  });

  it("hands over what it had confirmed before it is forgotten, though WhatsApp has unlinked it", async () => {
    const { server, direct, says, heard, listen, channel } = await given({ patience: PATIENCE });
    says("1", { conversation: "first" });
    says("2", { conversation: "second" });
    server.comes({ ...direct, id: "3" }, undefined);
    const { over } = listen(channel, async () => {
      await server.changes.until(() => server.waiting() === 0 || undefined); // WhatsApp will bring none of it again
      throw new TemporaryError("the disk is full");
    });
    await over;
    server.faults.set("listen", { how: "unauthorised" });
    const full = await listen(channel, async ({ text }) => {
      if (text === "second") throw new TemporaryError("the disk is full again");
    }).over;
    server.faults.set("listen", { how: "unauthorised" });

    const error = await listen().over;

    expect(full).toMatchObject({ message: "the disk is full again" });
    expect(error).toMatchObject({ message: expect.stringContaining("unlinked this device") });
    expect(heard.map(({ text, nonText }) => nonText ?? text)).toEqual([
      "first",
      "second",
      "message that could not be decrypted",
    ]);
    expect(await listen().over).toMatchObject({ message: expect.stringContaining("No WhatsApp account") });
  });

  it("lies in a file that nobody else reads", async () => {
    const { folder, server, listen } = await given();
    listen();
    await server.changes.until(() => server.isLive() || undefined);

    for (const name of ["whatsapp.db", "whatsapp.db-wal"])
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  it("that is shared is its owner's own, whose words are told from ours", async () => {
    const { server, channel, hears, heard, listen, direct } = await given({ settings: { mode: "shared" } });
    listen();
    server.open("7001@s.whatsapp.net");
    const { platformId } = await channel.send({ kind: "text", key: "k", chat: "7001", text: "ours" }, signal);
    const mine = { from: `${ME.phone}@s.whatsapp.net`, recipient: direct.from };
    server.comes({ ...mine, id: platformId }, { conversation: "ours" });
    server.comes({ ...mine, id: "2" }, { conversation: "the owner's" });
    await hears(({ text }) => text === "the owner's");

    expect(channel.abilities.personal).toBe(true);
    expect(heard).toMatchObject([{ chat: "7001", sender: { id: ME.phone, self: true } }]);
  });
});

describe("two accounts", () => {
  it("lie in files of their own, and know people each by itself", async () => {
    const first = await given();
    const { peer, server } = await openPeer({
      folder: first.folder,
      number: 2,
      server: createFakeServer(OTHER_ME),
      settings: { accounts: ["", "work"], modes: ["own", "shared"] },
    });
    opened.defer(peer.close);
    const second = peer.connect();
    const stop = new AbortController();
    const heard: Inbound[] = [];
    const accept = async (inbound: Inbound) => {
      heard.push(inbound);
      server.changes.note();
    };
    const over = second.listen?.(undefined, accept, stop.signal).catch(() => undefined);
    opened.defer(async () => {
      stop.abort();
      await over;
    });
    first.listen();
    first.server.comes({ id: "1", from: ANN_LID, notify: "Ann" }, { conversation: "to the first" });
    server.comes({ ...first.direct, id: "1" }, { conversation: "to the second" });
    await first.hears(({ text }) => text === "to the first");
    await server.changes.until(() => heard[0]);

    expect([first.channel, second].map(({ account }) => account)).toEqual(["", "work"]);
    expect([first.channel, second].map(({ abilities }) => abilities.personal)).toEqual([undefined, true]);
    expect(first.heard).toMatchObject([{ chat: ANN_LID, text: "to the first" }]);
    expect(heard).toMatchObject([{ chat: "7001", text: "to the second" }]);
    expect(await readdir(first.folder)).toEqual(expect.arrayContaining(["whatsapp.db", "whatsapp-2.db"]));
  });

  it("do not have the same name", () => {
    const kept = { WHATSAPP_LINKED_AT: "then", WHATSAPP_LINKED_AT_2: "then" };

    expect(() => placesOf({ accounts: ["2"] }, kept)).toThrow("same name");
    expect(placesOf({ accounts: ["2"] }, {})).toMatchObject([{ isKept: false }, {}, {}]);
  });
});

describe("what is sent", () => {
  it("is kept before it is sent, under an id that comes of its key, for who asks for it again", async () => {
    const { peer, server, channel, listen } = await given();
    listen();
    const chat = peer.direct(ANN);
    server.faults.set("send", { how: "refuse" });
    const message = { kind: "text", key: "k", chat: chat.id, text: "**hello**" } as const;
    await expect(channel.send(message, signal)).rejects.toThrow(RejectedError);

    const sent = await channel.send(message, signal);

    expect(sent.platformId).toMatch(/^3EB0[0-9A-F]{18}$/);
    const again = await server.asksAgain("7001@s.whatsapp.net", sent.platformId);
    expect(again?.extendedTextMessage?.text).toBe("*hello*");
    expect(chat.messages()).toMatchObject([{ platformId: sent.platformId, text: "hello" }]);
  });

  it("is not edited after a quarter of an hour", async () => {
    let now = Date.now();
    const { peer, channel, listen } = await given({ now: () => now });
    listen();
    const chat = peer.direct(ANN).id;
    const { platformId } = await channel.send({ kind: "text", key: "k", chat, text: "a" }, signal);
    now += 16 * 60_000;

    await expect(channel.edit?.({ chat, platformId, text: "b" }, signal)).rejects.toThrow(
      "quarter of an hour",
    );
  });

  it("goes to nobody who has no WhatsApp, and is not tried without a connection", async () => {
    const { channel, listen, server } = await given({ patience: { ...PATIENCE, readyMs: 10 } });
    const message = { kind: "text", key: "k", chat: "404404", text: "?" } as const;
    await expect(channel.send(message, signal)).rejects.toThrow(TemporaryError);
    listen();
    await server.changes.until(() => channel.health?.().state === "up" || undefined);

    await expect(channel.send(message, signal)).rejects.toThrow("has no WhatsApp");
  });
});
