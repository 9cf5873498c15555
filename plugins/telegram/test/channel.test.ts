import { ConfigError, createWire, type Inbound, RejectedError, TemporaryError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createTelegram, type TelegramOptions } from "../src/channel.ts";
import { type FakeBotApiOptions, openFakeBotApi } from "./fake/bot-api.ts";
import { BOT, chatPeer, worldOf } from "./fake/peer.ts";
import { FIRST_UPDATE } from "./fake/world.ts";

const ANN = { id: "7001", name: "Ann" };
const OTHER = { token: "5353:AAHrandom-letters-of-a-token-000002", id: 5353, username: "TheOtherBot" };
const DAY = 24 * 60 * 60_000;
const { signal } = new AbortController();
const text = (chat: string, words: string) => ({ kind: "text", key: "k", chat, text: words }) as const;

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function given(options: Partial<FakeBotApiOptions> = {}, more: Partial<TelegramOptions> = {}) {
  const api = await openFakeBotApi({ bots: [BOT, OTHER], ...options });
  opened.defer(api.close);
  const logged: string[] = [];
  const note = (line: string) => void logged.push(line);

  function bot({ token } = BOT, also: Partial<TelegramOptions> = {}) {
    const wire = createWire();
    opened.defer(wire.close);
    return createTelegram({
      account: "",
      token,
      apiRoot: api.server.url,
      wire,
      now: Date.now,
      log: { debug: note, info: note, warn: note, error: note },
      ...more,
      ...also,
    });
  }

  /** Until it is told to stop, or throws. */
  function listening({ channel }: ReturnType<typeof bot>, cursor?: string) {
    const heard: Inbound[] = [];
    const cursors: (string | undefined)[] = [];
    const stop = new AbortController();
    const accept = async (inbound: Inbound, at?: string) => {
      heard.push(inbound);
      cursors.push(at);
      api.server.changes.note();
    };
    const over = (async () => await channel.listen?.(cursor, accept, stop.signal))().catch(
      (error: unknown) => error,
    );
    opened.defer(async () => {
      stop.abort(new Error("the test is over"));
      await over;
    });
    const hears = (words: string) => api.server.changes.until(() => heard.find((one) => one.text === words));
    return { heard, cursors, hears, over, stop };
  }

  const world = worldOf(api, BOT);
  return {
    api,
    world,
    bot,
    listening,
    logged,
    ann: chatPeer(api, world, world.open(7001, "private", "Ann", 2)),
  };
}

describe("a bot that sends", () => {
  it("is told to wait where it is faster than Telegram allows", async () => {
    const { bot, ann } = await given({ rates: true });
    const { channel } = bot();
    for (const words of ["1", "2", "3"]) await channel.send(text(ann.id, words), signal);

    const error = await channel.send(text(ann.id, "4"), signal).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(TemporaryError);
    expect(error).toMatchObject({ retryAfterMs: 3_000 });
  });

  it("says it plain where Telegram does not take what was rendered, and where that is too long", async () => {
    const { bot, ann, api } = await given();
    const { channel } = bot();
    const wide = `| ${"a".repeat(200)} | b |\n|---|---|\n${"| c | d |\n".repeat(30)}`;

    await channel.send(text(ann.id, wide), signal);

    expect(ann.messages().at(-1)?.text).toBe(wide.trim());
    expect(api.server.journal.asked("send")).toBe(1);
  });

  it("sends what is nothing but markup all the same", async () => {
    const { bot, ann } = await given();

    await bot().channel.send(text(ann.id, "#"), signal);

    expect(ann.messages().at(-1)?.text).toBe("#");
  });

  it("puts the name of a subagent before what it says, however long that is", async () => {
    const { bot, ann } = await given();
    const { channel } = bot();
    const most = "x".repeat(channel.abilities.maxTextLength);

    await channel.send({ ...text(ann.id, most), sender: "N".repeat(64) }, signal);

    expect(ann.messages().at(-1)?.text).toBe(`${"N".repeat(64)}\n${most}`);
  });

  it("shows a picture as one, and as a document where Telegram does not take it", async () => {
    const { bot, ann, world } = await given();
    const { channel } = bot();
    const picture = (name: string) => ({
      kind: "file" as const,
      key: "k",
      chat: ann.id,
      text: "*look*",
      file: { name, type: "image/png", bytes: 3, open: () => Readable.from([Buffer.from("png")]) },
    });

    await channel.send(picture('a "b"; c.png'), signal);
    await channel.send(picture("odd.png"), signal);

    const shown = [...(world.chats.get(7001)?.messages.values() ?? [])];
    expect(shown.map(({ method, file, text: caption }) => [method, file?.name, caption])).toEqual([
      ["sendPhoto", "a _b_; c.png", "look"],
      ["sendDocument", "odd.png", "look"],
    ]);
  });

  it("knows that a file which could not be read to its end has not arrived", async () => {
    const { bot, ann } = await given();
    const file = {
      name: "a.bin",
      type: "application/octet-stream",
      bytes: 200_000,
      open: () =>
        Readable.from(
          (async function* () {
            yield Buffer.alloc(100_000);
            throw new Error("the disk is gone");
          })(),
        ),
    };

    const sending = bot().channel.send({ kind: "file", key: "k", chat: ann.id, text: "", file }, signal);

    await expect(sending).rejects.toThrow(TemporaryError);
    expect(ann.messages()).toEqual([]);
  });

  it("follows a group that became a supergroup", async () => {
    const { bot, world, api } = await given();
    const group = world.open(-100, "group", "The kitchen", 3);
    const supergroup = chatPeer(api, world, world.open(-1001, "supergroup", "The kitchen", 3));
    group.movedTo = -1001;
    const { channel } = bot();

    await channel.send(text("-100", "one"), signal);
    await channel.send(text("-100", "two"), signal);

    expect(supergroup.messages().map((message) => message.text)).toEqual(["one", "two"]);
    expect(api.server.journal.asked("send")).toBe(3);
  });

  it("lets Telegram ask for no address that an agent writes", async () => {
    const { bot, ann, world } = await given();
    const { channel } = bot();
    const words = "see https://evil.example/?what=is-secret";

    const { platformId } = await channel.send(text(ann.id, words), signal);
    await channel.edit?.({ chat: ann.id, platformId, text: `${words}-too` }, signal);

    expect(ann.messages().at(-1)?.text).toBe(`${words}-too`);
    expect(world.asked).toEqual([]);
  });

  it("answers a message that is gone without its quote", async () => {
    const { bot, ann } = await given();

    await bot().channel.send({ ...text(ann.id, "hello"), replyTo: "99" }, signal);

    expect(ann.messages().at(-1)).toMatchObject({ text: "hello", replyTo: undefined });
  });

  it("gives only reactions that Telegram has", async () => {
    const { bot, ann } = await given();
    const { channel } = bot();
    const to = await ann.says(ANN, "please");
    const react = (emoji: string) =>
      channel.send({ kind: "reaction", key: "k", chat: ann.id, to, emoji }, signal);

    await react("❤️");

    expect(ann.messages()[0]?.reaction).toBe("❤");
    await expect(react("🥕")).rejects.toThrow(RejectedError);
  });

  it("knows what a chat is called, and how many are in it", async () => {
    const { bot, world, ann } = await given();
    world.open(-100, "supergroup", "The kitchen", 5);
    const { channel } = bot();

    expect(await channel.chatInfo?.("-100:7", signal)).toEqual({
      title: "The kitchen",
      direct: false,
      members: 5,
    });
    expect(await channel.chatInfo?.(ann.id, signal)).toEqual({ title: "Ann", direct: true });
  });
});

describe("a bot that listens by polling", () => {
  it("goes on behind the last update that was committed", async () => {
    const { bot, listening, ann } = await given();
    await ann.says(ANN, "old");
    await ann.says(ANN, "new");

    const { hears, heard } = listening(bot(), `${FIRST_UPDATE + 2}@${Date.now()}`);
    await hears("new");

    expect(heard.map((one) => one.text)).toEqual(["new"]);
  });

  it("asks for all that waits after six quiet days, since Telegram numbers anew (G4)", async () => {
    const { bot, listening, ann } = await given();
    await ann.says(ANN, "hello");

    const { hears, cursors } = listening(bot(), `${FIRST_UPDATE + 900_000}@${Date.now() - 6 * DAY}`);
    await hears("hello");

    expect(cursors[0]).toMatch(new RegExp(`^${FIRST_UPDATE + 2}@`));
  });

  it("passes over what it cannot read, and nothing else", async () => {
    const { bot, listening, ann, api, world, logged } = await given();
    await ann.says(ANN, "before");
    api.tell(world, { message: { message_id: "five", chat: [] }, strange: true });
    api.tell(world, { strange: { a: 1 } });
    await ann.says(ANN, "after");

    const { hears, heard } = listening(bot());
    await hears("after");

    expect(heard.map((one) => one.text)).toEqual(["before", "after"]);
    expect(logged).toEqual(["an update that cannot be read was passed over"]);
  });

  it("takes a webhook away that was set before", async () => {
    const { bot, listening, ann, api } = await given({ post: async () => 503 });
    const { server } = api;
    await fetch(`${server.url}/bot${BOT.token}/setWebhook`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url: "https://old.example.org/" }),
    });

    const { hears, heard } = listening(bot());
    await ann.says(ANN, "hello");
    await hears("hello");

    expect(heard.map((one) => one.text)).toEqual(["hello"]);
  });

  it("says to whom it happens that another program receives its updates", async () => {
    const { bot, listening, ann } = await given();
    const first = bot();
    const { over, hears } = listening(first);
    await ann.says(ANN, "one");
    await hears("one");

    listening(bot());

    const error = await over;
    expect(error).toBeInstanceOf(ConfigError);
    expect(first.channel.health?.()).toMatchObject({ state: "down" });
    expect(String(error)).toContain("Another program receives the updates");
  });

  it("tells a button that it was heard", async () => {
    const { bot, listening, ann, world, api } = await given();
    const { channel, ...rest } = bot();
    const { heard } = listening({ channel, ...rest });
    const buttons = [{ id: "yes", label: "Yes" }];
    const { platformId } = await channel.send({ ...text(ann.id, "May I?"), buttons }, signal);

    await ann.presses?.(ANN, platformId, "yes");
    await api.server.changes.until(() => (heard.length > 0 && world.presses.size === 0 ? true : undefined));

    expect(heard[0]).toMatchObject({ kind: "button", button: "yes" });
  });

  it("hands out a file that came, and says when its connection broke", async () => {
    const { bot, listening, ann, api } = await given();
    const { hears } = listening(bot());
    const content = new TextEncoder().encode("eggs and milk");
    await ann.says(ANN, "here", { file: { name: "list.txt", type: "text/plain", content } });
    const { files: [file] = [] } = await hears("here");

    expect((await buffer((await file?.open(signal)) ?? Readable.from([]))).toString()).toBe("eggs and milk");
    api.server.fault("send", { how: "unreachable" });
    await expect(file?.open(signal)).rejects.toThrow(TemporaryError);
  });

  it("has a world for each of two bots", async () => {
    const { bot, listening, api, ann } = await given();
    const other = worldOf(api, OTHER);
    const elsewhere = chatPeer(api, other, other.open(7001, "private", "Ann", 2));
    const [one, two] = [listening(bot()), listening(bot(OTHER, { account: "2" }))];

    await ann.says(ANN, "to the first");
    await elsewhere.says(ANN, "to the second");
    await Promise.all([one.hears("to the first"), two.hears("to the second")]);

    expect([one.heard.length, two.heard.length]).toEqual([1, 1]);
  });
});

describe("a bot that listens by a webhook", () => {
  const url = "https://bellhop.example.org/plugins/telegram/default";
  const secret = "a-secret-that-nobody-guesses";

  async function posted() {
    let route: ((headers: Readonly<Record<string, string>>, body: string) => Promise<number>) | undefined;
    const setup = await given({ post: async (_url, headers, body) => (await route?.(headers, body)) ?? 503 });
    const telegram = setup.bot(BOT, { webhook: { url, secret } });
    route = async (headers, body) => {
      const request = {
        method: "POST",
        path: "/default",
        query: {},
        headers,
        body: Buffer.from(body),
        remote: "x",
      };
      return (await telegram.webhook?.route(request))?.status ?? 404;
    };
    return { ...setup, telegram, route };
  }

  it("hears in order what Telegram posts, each once it is on disk", async () => {
    const { listening, telegram, ann, world } = await posted();
    const { hears, heard } = listening(telegram);
    for (const words of ["one", "two", "three"]) await ann.says(ANN, words);

    await hears("three");

    expect(heard.map((one) => one.text)).toEqual(["one", "two", "three"]);
    expect(telegram.channel.health?.()).toEqual({ state: "up" });
    expect(world.feed.confirmed).toBeGreaterThan(2);
  });

  it.each([
    ["no secret", {}],
    ["a wrong one", { "x-telegram-bot-api-secret-token": "a-secret-that-nobody-guesseS" }],
  ])("refuses what comes with %s", async (_, headers) => {
    const { listening, telegram, route } = await posted();
    const { heard } = listening(telegram);

    expect(await route(headers, JSON.stringify({ update_id: 1 }))).toBe(401);
    expect(heard).toEqual([]);
  });

  it("asks Telegram to come again while nobody listens", async () => {
    const { route } = await posted();

    expect(await route({ "x-telegram-bot-api-secret-token": secret }, JSON.stringify({ update_id: 1 }))).toBe(
      503,
    );
  });
});
