import { ConfigError, createWire, type Inbound, RejectedError, TemporaryError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createSlack, type SlackOptions } from "../src/channel.ts";
import { APP, chatPeer, directOf, idOf, PACE } from "./fake/peer.ts";
import { type FakeSlackOptions, openFakeSlack } from "./fake/slack.ts";

const ANN = { id: "7001", name: "Ann" };
const HOUR_S = 60 * 60;
const { signal } = new AbortController();
const text = (chat: string, words: string) => ({ kind: "text", key: "k", chat, text: words }) as const;
const file = (name: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, bytes = 3) => ({
  name,
  type: "text/plain",
  bytes,
  open: () => Readable.from(content),
});

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function given(also: Partial<FakeSlackOptions> = {}, options: Partial<SlackOptions> = {}) {
  const slack = await openFakeSlack({ app: APP, ...also });
  opened.defer(slack.close);
  const { world, server } = slack;
  const logged: string[] = [];
  const note = (line: string) => void logged.push(line);

  function connect() {
    const wire = createWire();
    opened.defer(wire.close);
    return createSlack({
      account: "",
      botToken: APP.botToken,
      appToken: APP.appToken,
      apiRoot: slack.apiRoot,
      allowPlain: false,
      wire,
      pace: { ...PACE, silenceMs: 2_000 },
      now: Date.now,
      log: { debug() {}, info: note, warn: note, error: note },
      ...options,
    });
  }

  /** Until it is told to stop, or throws. */
  function listening(channel = connect(), cursor?: string) {
    const heard: Inbound[] = [];
    const cursors: (string | undefined)[] = [];
    const stop = new AbortController();
    let held: Promise<void> | undefined;
    const accept = async (inbound: Inbound, at?: string) => {
      heard.push(inbound);
      server.changes.note();
      await held;
      cursors.push(at);
      server.changes.note();
    };
    const over = (async () => await channel.listen?.(cursor, accept, stop.signal))().catch(
      (error: unknown) => error,
    );
    opened.defer(async () => {
      stop.abort(new Error("the test is over"));
      await over;
    });
    const until = <T>(look: () => T | undefined) => server.changes.until(look);
    const hears = (words: string) => until(() => heard.find((one) => one.text === words));
    return {
      channel,
      heard,
      cursors,
      until,
      hears,
      over,
      stop,
      hold: (by: Promise<void>): void => void (held = by),
    };
  }

  const annsChannel = directOf(slack, ANN);
  const kitchen = world.open("C1", "channel", "kitchen");
  return {
    slack,
    world,
    server,
    connect,
    listening,
    logged,
    annsChannel,
    kitchen,
    ann: chatPeer(slack, annsChannel),
    inKitchen: chatPeer(slack, kitchen),
  };
}

/** So long ago that Slack brings nothing of it any more. */
const longAgo = (...chats: string[]) => [Math.floor(Date.now() / 1_000) - HOUR_S, ...chats].join(" ");

describe("an app that listens", () => {
  it("acknowledges late what is late on disk; what Slack brought meanwhile is the same thing", async () => {
    const { listening, ann, slack } = await given({ ackMs: 20 });
    const { heard, until, hold } = listening();
    const disk = Promise.withResolvers<void>();
    hold(disk.promise);
    await ann.says(ANN, "hello");
    await until(() => heard[0]);
    await until(() => (slack.socketMode.sent() > 1 ? true : undefined));

    disk.resolve();
    await until(() => heard[1]);

    expect(new Set(heard.map(({ platformId, version }) => `${platformId}/${version}`)).size).toBe(1);
  });

  it("has the next connection before the old one goes when Slack asks for it", async () => {
    const { listening, ann, slack, server } = await given();
    const { hears, heard, until, channel } = listening();
    await ann.says(ANN, "before");
    await hears("before");

    slack.socketMode.disconnect("warning");
    await until(() => (server.journal.asked("listen") === 2 ? true : undefined));
    await until(() => (slack.socketMode.connections() === 1 ? true : undefined));
    await ann.says(ANN, "after");
    await hears("after");

    expect(heard.map((one) => one.text)).toEqual(["before", "after"]);
    expect(channel.health?.()).toEqual({ state: "up" });
  });

  it.each([
    ["link_disabled", "Socket Mode was turned off"],
    ["too_many_websockets", "ten connections"],
  ])("stops with a sentence for its operator where Slack ends it for good: %s", async (reason, sentence) => {
    const { listening, ann, slack } = await given();
    const { hears, over, channel } = listening();
    await ann.says(ANN, "hello");
    await hears("hello");

    slack.socketMode.disconnect(reason);

    const error = await over;
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(sentence);
    expect(channel.health?.()).toMatchObject({ state: "down" });
  });

  it("looks twice before it says that another program takes its messages", async () => {
    const { listening, ann, connect, logged } = await given();
    const first = listening();
    await ann.says(ANN, "hello");
    await first.hears("hello");

    const second = listening(connect());
    const error = await second.over;

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("Another program is connected");
    expect(logged).toContain("another program seems to be connected for this Slack app");
  });

  it("takes no connection of its own that died for another program's", async () => {
    const { listening, ann, slack, connect } = await given();
    const dead = listening(connect());
    await ann.says(ANN, "one");
    await dead.hears("one");

    const { channel, hears, until } = listening(connect());
    await until(() =>
      channel.health?.().state === "connecting" && slack.socketMode.connections() === 2 ? true : undefined,
    );
    dead.stop.abort(new Error("it is found dead"));
    await until(() => (channel.health?.().state === "up" ? true : undefined));
    await ann.says(ANN, "two");

    expect(await hears("two")).toMatchObject({ kind: "message" });
  });

  it("passes over what it cannot read with one line each, and nothing else", async () => {
    const { listening, ann, slack, logged } = await given();
    const { hears, heard } = listening();
    await ann.says(ANN, "before");
    await hears("before");
    slack.socketMode.raw("{");
    slack.socketMode.raw('{"type":"news"}');
    slack.tell({ type: "message", channel: 5 });
    slack.socketMode.tell({ type: "interactive", payload: { type: "view_submission" } });
    slack.socketMode.tell({ type: "events_api", payload: {} });
    await ann.says(ANN, "after");
    await hears("after");

    expect(heard.map((one) => one.text)).toEqual(["before", "after"]);
    expect(logged).toHaveLength(5);
  });

  it.each(["invalid_auth", "missing_scope"])("says what to do about %s", async (code) => {
    const { listening, world, server } = await given();
    if (code === "missing_scope") world.appScopes.clear();
    else server.fault("listen", { how: "unauthorised" });

    const error = await listening().over;

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(
      code === "missing_scope" ? "connections:write" : "bellhop channels connect slack",
    );
    expect(String(error)).not.toMatch(/xoxb-|xapp-1/);
  });

  it("learns when it listens again that its bot was taken away", async () => {
    const { listening, connect, ann, world } = await given();
    const channel = connect();
    const { hears, stop, over } = listening(channel);
    await ann.says(ANN, "hello");
    await hears("hello");
    stop.abort(new Error("the connection was cut"));
    await over;
    world.revoked = "account_inactive";

    const error = await listening(channel).over;

    expect(error).toBeInstanceOf(ConfigError);
    expect(channel.health?.()).toMatchObject({ state: "down" });
  });

  it("hears a slash command, and stays in its order", async () => {
    const { listening, ann, slack } = await given();
    const { hears } = listening();
    await ann.says(ANN, "hello");
    const payload = {
      command: "/bellhop",
      text: "stop",
      user_id: idOf(ANN),
      channel_id: ann.id,
      trigger_id: "1.2",
    };
    slack.socketMode.tell({ type: "slash_commands", payload });

    expect(await hears("/stop")).toMatchObject({ chat: ann.id, sender: { name: "Ann" }, direct: true });
  });

  it.each(["C1", "D404"])(
    "says that it cannot answer to a command where it is not: %s",
    async (channel_id) => {
      const { listening, ann, slack, kitchen } = await given();
      const { heard, hears, until } = listening();
      kitchen.joined = false;
      const payload = { text: "status", user_id: idOf(ANN), channel_id, trigger_id: "1.2" };
      slack.socketMode.tell({ type: "slash_commands", payload });
      await ann.says(ANN, "hello");
      await hears("hello");

      expect(await until(() => slack.socketMode.replies[0])).toContain("/invite");
      expect(heard.map((one) => one.text)).toEqual(["hello"]);
    },
  );

  it("goes on without names where Slack does not say them", async () => {
    const { listening, ann, world } = await given();
    world.scopes.delete("users:read");
    const { hears } = listening();
    await ann.says(ANN, "hello");

    expect((await hears("hello")).sender).toEqual({ id: idOf(ANN), name: idOf(ANN) });
  });
});

describe("an app that was away for longer than Slack tries again (G4)", () => {
  it("reads the chats that it had heard, with their threads, in order and once", async () => {
    const { listening, ann, inKitchen, slack, kitchen } = await given();
    const root = await inKitchen.says(ANN, "what is for dinner?");
    await chatPeer(slack, kitchen, root).says(ANN, "soup");
    await ann.says(ANN, "are you there?");
    for (let n = 0; n < 120; n += 1) await ann.says(ANN, `${n}`);
    slack.socketMode.forget();

    const { heard, cursors, until } = listening(undefined, longAgo("C1", ann.id));
    await until(() => (cursors.length === 123 ? true : undefined));
    await ann.says(ANN, "now");
    await until(() => (cursors.length === 124 ? true : undefined));

    const of = (chat: string) => heard.filter((one) => one.chat === chat).map((one) => one.text);
    expect(of(ann.id)).toEqual(["are you there?", ...Array.from({ length: 120 }, (_, n) => `${n}`), "now"]);
    expect(of("C1")).toEqual(["what is for dinner?"]);
    expect(of(`C1:${root}`)).toEqual(["soup"]);
    expect(cursors[0]).toBe(cursors[122]); // it moves once all of it was read
    expect(cursors.at(-1)).not.toBe(cursors[0]);
  });

  it("reads where it has heard nothing yet", async () => {
    const { listening, ann, inKitchen, slack } = await given();
    await inKitchen.says(ANN, "first words");
    slack.socketMode.forget();

    const { hears } = listening(undefined, longAgo(ann.id));

    expect((await hears("first words")).chat).toBe("C1");
  });

  it("reads what it has heard where Slack does not say where else it is", async () => {
    const { listening, ann, inKitchen, slack, world, logged } = await given();
    await inKitchen.says(ANN, "first words");
    await ann.says(ANN, "are you there?");
    slack.socketMode.forget();
    world.scopes.delete("channels:read");

    const { heard, hears } = listening(undefined, longAgo(ann.id));
    await hears("are you there?");
    await ann.says(ANN, "now");
    await hears("now");

    expect(heard.map(({ chat }) => chat)).not.toContain("C1");
    expect(logged.filter((line) => line.includes("in which chats the app is"))).toHaveLength(1);
  });

  it("reads nothing where it was away for a moment", async () => {
    const { listening, ann, slack, server } = await given();
    await ann.says(ANN, "old");
    slack.socketMode.forget();

    const { hears } = listening(undefined, `${Math.floor(Date.now() / 1_000) - 60} ${ann.id}`);
    await ann.says(ANN, "now");
    await hears("now");

    expect(server.journal.entries.filter(({ path }) => path.includes("history"))).toEqual([]);
  });

  it("reads nothing where all that it ever heard was a command, which has no time", async () => {
    const { listening, ann, slack, server } = await given();
    await ann.says(ANN, "of years ago");
    slack.socketMode.forget();
    const first = listening();
    const payload = { text: "help", user_id: idOf(ANN), channel_id: ann.id, trigger_id: "1.2" };
    slack.socketMode.tell({ type: "slash_commands", payload });
    await first.hears("/help");
    const cursor = await first.until(() => first.cursors[0]);
    first.stop.abort(new Error("it is restarted"));
    await first.over;

    const second = listening(undefined, cursor);
    await ann.says(ANN, "now");
    await second.hears("now");

    expect(server.journal.entries.filter(({ path }) => path.includes("history"))).toEqual([]);
  });

  it("says so where it may not read them, and goes on", async () => {
    const { listening, ann, world, slack, logged } = await given();
    await ann.says(ANN, "lost");
    slack.socketMode.forget();
    world.scopes.delete("channels:history");

    const { hears, heard } = listening(undefined, longAgo(ann.id, "C1", "C404"));
    await ann.says(ANN, "now");
    await hears("now");

    expect(heard.map((one) => one.text)).toEqual(["now"]);
    expect(logged.filter((line) => line.includes("could not be read"))).toHaveLength(1);
  });
});

describe("an app that sends", () => {
  it("finds what it sent by its key, far back and in threads, and a file too", async () => {
    const { connect, ann, slack, annsChannel } = await given();
    const channel = connect();
    const root = await ann.says(ANN, "a thread");
    const thread = chatPeer(slack, annsChannel, root);
    const first = await channel.send({ ...text(ann.id, "first"), key: "one" }, signal);
    const inThread = await channel.send({ ...text(thread.id, "in it"), key: "two" }, signal);
    const list = {
      kind: "file",
      key: "three",
      chat: ann.id,
      file: file("a.txt", [Buffer.from("abc")]),
      text: "",
    } as const;
    const sentFile = await channel.send(list, signal);
    for (let n = 0; n < 150; n += 1) await ann.says(ANN, `${n}`);

    expect(await channel.find?.({ chat: ann.id, key: "one" }, signal)).toEqual(first);
    expect(await channel.find?.({ chat: thread.id, key: "two" }, signal)).toEqual(inThread);
    expect(await channel.find?.({ chat: ann.id, key: "two" }, signal)).toBeUndefined();
    expect(await channel.find?.({ chat: ann.id, key: "three" }, signal)).toEqual(sentFile);
  });

  it("says that it cannot look where it may not read", async () => {
    const { connect, ann, world } = await given();
    world.scopes.delete("channels:history");

    await expect(connect().find?.({ chat: ann.id, key: "one" }, signal)).rejects.toThrow(RejectedError);
  });

  it("speaks under a subagent's name, and puts it in the first line where it may not", async () => {
    const { connect, ann, annsChannel, world, server } = await given();
    const channel = connect();
    await channel.send({ ...text(ann.id, "one"), sender: "Cook" }, signal);
    world.scopes.delete("chat:write.customize");
    await channel.send({ ...text(ann.id, "two"), sender: "Cook" }, signal);
    await channel.send({ ...text(ann.id, "three"), sender: "Cook" }, signal);

    expect([...annsChannel.messages.values()].map((one) => [one.username, one.text])).toEqual([
      ["Cook", "one"],
      [undefined, "*Cook*\ntwo"],
      [undefined, "*Cook*\nthree"],
    ]);
    expect(server.journal.asked("send")).toBe(4);
  });

  it("takes a message's buttons away with its edit", async () => {
    const { connect, ann } = await given();
    const channel = connect();
    const buttons = [{ id: "yes", label: "Yes" }];
    const { platformId } = await channel.send({ ...text(ann.id, "May I?"), buttons }, signal);

    await channel.edit?.({ chat: ann.id, platformId, text: "Thank you" }, signal);

    expect(ann.messages()).toMatchObject([{ text: "Thank you" }]);
    expect(ann.messages()[0]?.buttons).toBeUndefined();
  });

  it("shows that it writes in threads, and asks no more where it may not", async () => {
    const { connect, inKitchen, slack, kitchen, world, server, logged } = await given();
    const channel = connect();
    const thread = chatPeer(slack, kitchen, await inKitchen.says(ANN, "a thread"));
    await channel.typing?.(inKitchen.id, signal);
    await channel.typing?.(thread.id, signal);
    world.scopes.delete("chat:write");
    for (let n = 0; n < 3; n += 1) await channel.typing?.(thread.id, signal);

    expect(thread.typings?.()).toBe(1);
    expect(server.journal.asked("typing")).toBe(2);
    expect(logged).toHaveLength(1);
  });

  it("does not go on showing that it writes once an answer has ended by an edit", async () => {
    const { connect, inKitchen, kitchen } = await given();
    const channel = connect();
    const root = await inKitchen.says(ANN, "a thread");
    const chat = `C1:${root}`;
    await channel.typing?.(chat, signal);
    const { platformId } = await channel.send(text(chat, "It is"), signal);
    expect([...kitchen.statuses]).toEqual([]);
    await channel.typing?.(chat, signal);
    expect([...kitchen.statuses]).toEqual([root]);

    await channel.edit?.({ chat, platformId, text: "It is nine." }, signal);

    expect([...kitchen.statuses]).toEqual([]);
  });

  it("reacts by Slack's names, with what a workspace made too, and with nothing that Slack has not", async () => {
    const { connect, ann, annsChannel } = await given();
    const channel = connect();
    const to = await ann.says(ANN, "please");
    const react = (emoji: string) =>
      channel.send({ kind: "reaction", key: "k", chat: ann.id, to, emoji }, signal);

    await react("👋🏽");
    await react("👋🏽");
    expect([...(annsChannel.messages.get(to)?.reactions.keys() ?? [])]).toEqual(["wave::skin-tone-4"]);
    await react(":eyes:");
    await react("");
    expect(annsChannel.messages.get(to)?.reactions.size).toBe(0);
    await expect(react("a")).rejects.toThrow(RejectedError);
    await expect(react(":our-logo:")).rejects.toThrow("invalid_name");
  });

  it("knows that nobody has seen a file which could not be read or brought to its end", async () => {
    const { connect, ann } = await given();
    const channel = connect();
    const broken = async function* () {
      yield Buffer.alloc(100);
      throw new Error("the disk is gone");
    };
    const send = (content: AsyncIterable<Uint8Array>) =>
      channel.send({ kind: "file", key: "k", chat: ann.id, file: file("a", content, 200), text: "" }, signal);

    await expect(send(broken())).rejects.toThrow(TemporaryError);
    expect(ann.messages()).toEqual([]);
  });

  it("is told to wait where it is faster than Slack allows", async () => {
    const { connect, ann } = await given({ rates: true });
    const channel = connect();
    for (const words of ["1", "2", "3"]) await channel.send(text(ann.id, words), signal);

    const error = await channel.send(text(ann.id, "4"), signal).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(TemporaryError);
    expect(error).toMatchObject({ retryAfterMs: 3_000 });
  });

  it("keeps what it owes where it may not write, and names the scope", async () => {
    const { connect, ann, world } = await given();
    world.scopes.delete("chat:write");

    const error = await connect()
      .send(text(ann.id, "hello"), signal)
      .catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("chat:write");
  });

  it("says what helps where it is not in a channel", async () => {
    const { connect, kitchen } = await given();
    kitchen.joined = false;

    await expect(connect().send(text("C1", "hello"), signal)).rejects.toThrow("/invite");
  });

  it("knows what a chat is called, and how many are in it", async () => {
    const { connect, ann, world, inKitchen } = await given();
    await ann.says(ANN, "hello");
    world.open("G1", "mpim", "mpdm-ann--ben--bellhop-1");
    const channel = connect();

    expect(await channel.chatInfo?.(ann.id, signal)).toEqual({ title: "Ann", direct: true });
    expect(await channel.chatInfo?.("G1", signal)).toMatchObject({ title: "ann, ben, bellhop" });
    expect(await channel.chatInfo?.(`${inKitchen.id}:1.2`, signal)).toEqual({
      title: "kitchen",
      direct: false,
      members: 2,
    });
  });
});

describe("a file that came", () => {
  it("is handed out with the bot's token, and looked up where Slack says no address at first", async () => {
    const { listening, world, slack, ann } = await given();
    const { hears } = listening();
    const content = Buffer.from("eggs and milk");
    world.files.set("F9", { id: "F9", name: "list.txt", type: "text/plain", content });
    slack.tell({
      type: "message",
      channel: ann.id,
      user: idOf(ANN),
      text: "here",
      ts: world.nextTs(),
      files: [{ id: "F9", file_access: "check_file_info" }],
    });

    const { files: [given9] = [] } = await hears("here");

    expect((await buffer((await given9?.open(signal)) ?? Readable.from([]))).equals(content)).toBe(true);
  });

  it.each([
    ["stands elsewhere, whoever says so", "https://evil.example/list.txt"],
    ["stands at a host that is only named alike", "http://127.0.0.1.evil.example/list.txt"],
  ])("is not fetched, and no token shown, where it %s", async (_, url_private) => {
    const asked: string[] = [];
    const wire = createWire();
    opened.defer(wire.close);
    const { listening, slack, ann, world } = await given(
      {},
      { wire: { ...wire, open: (url, request) => (asked.push(url), wire.open(url, request)) } },
    );
    const { hears } = listening();
    const files = [{ id: "F9", name: "list.txt", url_private }];
    slack.tell({
      type: "message",
      channel: ann.id,
      user: idOf(ANN),
      text: "here",
      ts: world.nextTs(),
      files,
    });
    const { files: [one] = [] } = await hears("here");

    await expect(one?.open(signal)).rejects.toThrow(RejectedError);
    expect(asked).toEqual([]);
  });

  it("is said to be out of reach where the app may not read files", async () => {
    const { listening, ann, world } = await given();
    world.scopes.delete("files:read");
    const { hears } = listening();
    const content = new TextEncoder().encode("x");
    await ann.says(ANN, "here", { file: { name: "a.txt", type: "text/plain", content } });
    const { files: [one] = [] } = await hears("here");

    await expect(one?.open(signal)).rejects.toThrow("files:read");
  });
});
