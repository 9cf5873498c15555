import { ConfigError, TemporaryError } from "@bellhop/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { placeFrom } from "../src/cursor.ts";
import type { FakeDiscordOptions } from "./fake/discord.ts";
import { BOT, chatPeer } from "./fake/peer.ts";
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

const text = (wanted: string) => (one: { readonly text: string }) => one.text === wanted;

describe("the connection to Discord", () => {
  it("is cut a hundred times, begins one session, and loses nothing", async () => {
    const { discord, connect, listenOn, direct } = await given();
    const listened = listenOn(connect());
    await direct.says(ANN, "begin");
    await listened.hears(text("begin"));

    for (let n = 0; n < 100; n += 1) {
      await direct.says(ANN, String(n));
      discord.server.cut();
      if (n % 10 === 0) await listened.hears(text(String(n)));
    }
    await direct.says(ANN, "end");
    await listened.hears(text("end"));

    const heard = new Set(listened.heard.map((one) => one.text));
    expect([...heard]).toEqual(["begin", ...Array.from({ length: 100 }, (_, n) => String(n)), "end"]);
    expect(discord.gateway.journal.filter((one) => one === "identify")).toHaveLength(1);
  });

  it("takes the session up after a restart, from what was on disk", async () => {
    const { discord, connect, listen, direct } = await given();
    const first = listen(connect());
    await direct.says(ANN, "before");
    await first.hears(text("before"));
    await first.stop();
    await direct.says(ANN, "meanwhile");

    const second = listen(connect(), first.cursor);
    await second.hears(text("meanwhile"));

    expect(second.heard.map((one) => one.text)).toEqual(["meanwhile"]);
    expect(discord.gateway.journal).toEqual(["identify", "resume"]);
  });

  it.each([
    ["asks for it", { op: 7 }],
    ["wants the session taken up once more", { op: 9, d: true }],
  ])("is made anew where Discord %s", async (_, frame) => {
    const { discord, connect, listen, direct } = await given();
    const channel = connect();
    const first = listen(channel);
    await direct.says(ANN, "before");
    await first.hears(text("before"));

    discord.gateway.say(frame);

    expect(await first.over).toBeInstanceOf(TemporaryError);
    const second = listen(channel, first.cursor);
    await direct.says(ANN, "after");
    await second.hears(text("after"));
    expect(discord.gateway.journal).toEqual(["identify", "resume"]);
  });

  it("answers when Discord asks for a sign of life", async () => {
    const { discord, connect, listen, direct, until } = await given({ beatMs: 600_000 });
    const listened = listen(connect());
    await direct.says(ANN, "hello");
    await listened.hears(text("hello"));
    const beats = discord.gateway.beats();

    discord.gateway.say({ op: 1 });

    await until(() => (discord.gateway.beats() > beats ? true : undefined));
    expect(discord.gateway.beats()).toBe(beats + 1);
  });

  it("does not say that it has heard what is not on disk", async () => {
    const { discord, connect, listen, direct, until } = await given({ beatMs: 600_000 });
    const disk = Promise.withResolvers<void>();
    let waits = false;
    const listened = listen(connect(), undefined, async () => {
      waits = true;
      discord.server.changes.note();
      await disk.promise;
    });
    const beaten = async () => {
      const beats = discord.gateway.beats();
      discord.gateway.say({ op: 1 });
      await until(() => (discord.gateway.beats() > beats ? true : undefined));
      return discord.gateway.lastBeat() ?? 0;
    };
    await direct.says(ANN, "hello");
    await until(() => (waits ? true : undefined));

    const before = await beaten();
    disk.resolve();
    await listened.hears(text("hello"));

    expect(await beaten()).toBe(before + 1);
  });

  it("goes through the main address where that of the session is gone", async () => {
    const { discord, connect, listen, direct } = await given();
    const first = listen(connect());
    await direct.says(ANN, "before");
    await first.hears(text("before"));
    await first.stop();
    const place = placeFrom(first.cursor);
    const cursor = JSON.stringify({ ...place, session: { ...place.session, url: "ws://127.0.0.1:9" } });
    const channel = connect();

    expect(await listen(channel, cursor).over).toBeInstanceOf(TemporaryError);
    const second = listen(channel, cursor);
    await direct.says(ANN, "after");
    await second.hears(text("after"));

    expect(discord.gateway.journal).toEqual(["identify", "resume"]);
  });

  it("never goes in the clear to another machine", async () => {
    const { connect, listen } = await given();
    const cursor = JSON.stringify({ session: { id: "s", seq: 1, url: "ws://gateway.example.org" } });

    const error = await listen(connect(), cursor).over;

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("without encryption");
  });

  it("passes over what it cannot read, with one line", async () => {
    const { discord, connect, listen, direct, logged } = await given();
    const listened = listen(connect());
    await direct.says(ANN, "before");
    await listened.hears(text("before"));

    discord.gateway.tell("MESSAGE_CREATE", { id: "strange", channel_id: {} });
    discord.gateway.say({ op: 99 });
    await direct.says(ANN, "after");
    await listened.hears(text("after"));

    expect(logged.filter((line) => line.includes("cannot be read"))).toHaveLength(2);
  });

  it("is refused for good with a sentence", async () => {
    const { discord, connect, listen } = await given();
    discord.gateway.refuse(4011);
    const channel = connect();

    expect(await listen(channel).over).toBeInstanceOf(ConfigError);
    expect(channel.health?.()).toMatchObject({ state: "down" });
  });

  it("says which intent is missing, and where to switch it on", async () => {
    const { connect, listen } = await given({ bot: { ...BOT, flags: 0 } });

    const error = await listen(connect()).over;

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("Message Content Intent");
  });
});

describe("a new session on Discord", () => {
  it("begins where the old one is not known any more, and what was written meanwhile is heard", async () => {
    const { discord, connect, listen, direct, group } = await given();
    const first = listen(connect());
    await direct.says(ANN, "one");
    await group.says(BEN, "two");
    await first.hears(text("two"));
    await first.stop();
    for (let n = 0; n < 120; n += 1) await group.says(BEN, `meanwhile ${n}`);
    await direct.says(ANN, "and this");
    discord.gateway.forget();

    const second = listen(connect(), first.cursor);
    await second.hears(text("and this"));
    await second.hears(text("meanwhile 119"));
    await direct.says(ANN, "now");
    await second.hears(text("now"));

    const inGroup = second.heard.filter(({ chat }) => chat === group.id).map((one) => one.text);
    expect(inGroup).toEqual(Array.from({ length: 120 }, (_, n) => `meanwhile ${n}`));
    expect(discord.gateway.journal).toEqual(["identify", "resume", "identify"]);
  });

  it("hears who wrote meanwhile where nobody had written before", async () => {
    const { discord, connect, listen, direct, group, groupChannel } = await given();
    discord.world.put(groupChannel, { from: BEN, text: "before it was there" });
    const first = listen(connect());
    await direct.says(ANN, "one");
    await first.hears(text("one"));
    await first.stop();
    const thread = discord.world.open({ type: 11, name: "Dinner", parent: groupChannel.id });
    await group.says(BEN, "in the channel");
    await chatPeer(discord, thread).says(BEN, "in its thread");
    discord.gateway.forget();

    const second = listen(connect(), first.cursor);
    await second.hears(text("in its thread"));

    expect(second.heard.map((one) => [one.chat, one.text])).toEqual([
      [group.id, "in the channel"],
      [`${group.id}:${thread.id}`, "in its thread"],
    ]);
  });

  it("is called by what called it meanwhile, by its role too", async () => {
    const { discord, connect, listen, direct, group } = await given({ bot: { ...BOT, roles: ["5555"] } });
    const first = listen(connect());
    await direct.says(ANN, "one");
    await first.hears(text("one"));
    await first.stop();
    await group.says(BEN, "<@&5555> dinner?");
    discord.gateway.forget();

    const second = listen(connect(), first.cursor);

    expect(await second.hears(text("dinner?"))).toMatchObject({ mentionsUs: true });
  });

  it("is not gone on with before what was written meanwhile is on disk", async () => {
    const { discord, connect, listen, direct } = await given();
    const first = listen(connect());
    await direct.says(ANN, "one");
    await first.hears(text("one"));
    await first.stop();
    await direct.says(ANN, "two");
    await direct.says(ANN, "three");
    discord.gateway.forget();
    let left = 1;
    const dying = async () => {
      if (left-- === 0) throw new TemporaryError("the host dies here");
    };

    const second = listen(connect(), first.cursor, dying);
    await second.over;
    const third = listen(connect(), second.cursor);
    await third.hears(text("three"));

    expect(second.heard.map((one) => one.text)).toEqual(["two"]);
    expect(third.heard.map((one) => one.text)).toEqual(["three"]);
  });

  it("does not begin where Discord has few left for today", async () => {
    const { discord, connect, listen } = await given({ starts: 3 });

    const error = await listen(connect()).over;

    expect(error).toMatchObject({ constructor: TemporaryError, retryAfterMs: 3_600_000 });
    expect(discord.gateway.journal).toEqual([]);
  });

  it("does not begin within five seconds of the one before", async () => {
    const { discord, connect, listen, direct } = await given({ identifyEveryMs: 300 });
    const pace = { helloMs: 2_000, identifyEveryMs: 400, refusedMs: { least: 0, more: 0 } };
    const channel = connect({ pace });
    const first = listen(channel);
    await direct.says(ANN, "one");
    await first.hears(text("one"));
    discord.gateway.forget();
    discord.server.cut();
    await first.over;

    const second = listen(channel, first.cursor);
    await direct.says(ANN, "two");
    await second.hears(text("two"));

    expect(discord.gateway.journal).toEqual(["identify", "resume", "identify"]);
  });
});
