import { type Json, RejectedError, TemporaryError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { ChatId, FileId, GroupFolder, newId } from "../../../core/ids.ts";
import type { Status } from "../../../core/status.ts";
import { createHistory } from "../../../store/history.ts";
import { createPluginState } from "../../../store/plugin-state.ts";
import { silentLog } from "../../../log.ts";
import { middle, MINUTE, settled } from "../../../turns/__tests__/middle.ts";
import { createPowers } from "../powers.ts";
import { chatsInScope } from "../power.ts";
import { type FakePlugin, fakePlugins } from "./fake-plugins.ts";

const CHAT = "web:kitchen";
const FAMILY = "web:family";
const SECRET = "sk-ant-very-secret-0123";
const BYTES = Buffer.from(Array.from({ length: 600_000 }, (_, index) => index % 251));

async function given(all: Readonly<Record<string, FakePlugin>>) {
  const plugins = fakePlugins(all);
  const house = await middle({ plugins });
  const { clock, db, chats, outbox, timeline, trust, desk, delivery, admission, inbound } = house;
  await house.says(CHAT, `hello, my key is ${SECRET}`);
  house.engine.latest.answer("hi");
  await settled();
  await house.bind(FAMILY, "family");
  const refused: string[] = [];
  const file = newId(FileId);
  plugins.serve(
    createPowers({
      chatFor: chatsInScope(chats.find),
      event: admission.event,
      owe: outbox.oweTexts,
      deliver: delivery.wake,
      sizeOf: () => ({ limit: 20, unit: "utf16" }),
      note: trust.audit.note,
      release: inbound.release,
      fileOf: async (id) =>
        id === file
          ? {
              chat: ChatId.parse(CHAT),
              group: GroupFolder.parse("main"),
              open: () => Readable.from([BYTES]),
            }
          : undefined,
      status: async () => STATUS,
      plugins: plugins.list,
      channels: () => [
        { name: "web", account: "" },
        { name: "telegram", account: "ours" },
      ],
      chats: chats.list,
      groups: chats.groups,
      events: async (chat, limit) => (await timeline.before(chat, undefined, limit)).events,
      hide: (text) => text.replaceAll(SECRET, "[hidden]"),
      desk: (actor) => desk.as(actor),
      state: createPluginState(db, clock),
      refused: (plugin, method) => void refused.push(`${plugin} ${method}`),
      clock,
    }),
  );
  return {
    ...house,
    plugins,
    refused,
    file,
    asks: plugins.asks,
    rows: (chat: string) =>
      db.selectFrom("inbox").selectAll().where("chat_id", "=", ChatId.parse(chat)).orderBy("seq").execute(),
    audited: async () =>
      (await db.selectFrom("audit").select(["actor", "action", "subject", "allowed"]).execute()).map(
        ({ actor, action, subject, allowed }) => `${actor} ${action} ${subject} ${allowed}`,
      ),
  };
}

const able = (...capabilities: NonNullable<FakePlugin["capabilities"]>): FakePlugin => ({ capabilities });
const event = (more: Record<string, Json> = {}) => ({
  id: "e1",
  chat: CHAT,
  text: "it rains",
  wakes: true,
  ...more,
});

describe("what a plugin's process may ask", () => {
  it.each([
    ["event", "events", event()],
    ["send", "send", { id: "1", chat: CHAT, text: "hi" }],
    ["status", "status", null],
    ["channels", "status", null],
    ["plugins", "status", null],
    ["messages", "messages", { chat: CHAT }],
    ["chats", "chats", null],
    ["groups", "chats", null],
    ["tasks.list", "tasks:read", {}],
    ["tasks.get", "tasks:read", { id: "abcd" }],
    ["tasks.history", "tasks:read", { id: "abcd" }],
    ["tasks.create", "tasks:write", { task: { prompt: "x", every: "1h", chat: CHAT } }],
    ["tasks.update", "tasks:write", { id: "abcd", change: {} }],
    ["tasks.pause", "tasks:write", { id: "abcd" }],
    ["tasks.resume", "tasks:write", { id: "abcd" }],
    ["tasks.cancel", "tasks:write", { id: "abcd" }],
    ["state.get", "state", { key: "k" }],
    ["state.set", "state", { key: "k", value: 1 }],
    ["state.delete", "state", { key: "k" }],
    ["state.keys", "state", {}],
  ])("is refused without its capability: %s", async (method, capability, params) => {
    const { asks, refused } = await given({ bare: able("routes") });

    await expect(asks("bare", method, params)).rejects.toThrow(
      new RejectedError(
        `bare may not do this: its manifest does not declare the capability ${JSON.stringify(capability)}`,
      ),
    );
    expect(refused).toEqual([`bare ${method}`]);
  });

  it.each(["constructor", "toString", "__proto__", "nothing"])(
    "is nothing that is not there: %s",
    async (method) => {
      const { asks } = await given({ any: able("events") });

      await expect(asks("any", method, null)).rejects.toThrow("there is nothing called");
    },
  );

  it("is refused in a sentence where it is asked in another form", async () => {
    const { asks } = await given({ any: able("events", "state") });

    await expect(asks("any", "event", { chat: CHAT })).rejects.toThrow(/cannot be asked so: id: .*text: /);
    await expect(asks("any", "event", event({ chat: "nowhere" }))).rejects.toThrow(RejectedError);
    await expect(asks("any", "state.set", { key: "", value: 1 })).rejects.toThrow(RejectedError);
  });
});

describe("an event", () => {
  it("is read by the agent as a stranger's word that taints, once per id, on record", async () => {
    const { asks, rows, engine, audited } = await given({ rain: able("events") });

    await asks("rain", "event", event({ sender: "Weather" }));
    await asks("rain", "event", event({ text: "something else" }));
    await settled();

    expect((await rows(CHAT)).slice(1)).toMatchObject([
      {
        text: "it rains",
        platform_id: "plugin:rain:e1",
        sender_id: "plugin:rain",
        sender_name: "Weather",
        sender_role: "stranger",
        verdict: "admitted",
        reason: "the plugin rain brought it in",
        tainted: 1,
        state: "claimed",
      },
    ]);
    expect(engine.latest.prompts.at(-1)?.blocks.at(-1)).toBe("it rains");
    expect(engine.latest.prompts.at(-1)?.blocks[0]).toContain('from "Weather" ("plugin:rain", stranger)');
    expect((await audited()).filter((line) => line.includes("plugin.event"))).toHaveLength(2);
  });

  it("that wakes nobody is context for the next answer", async () => {
    const { asks, rows, says, engine } = await given({ rain: able("events") });

    await asks("rain", "event", event({ wakes: false }));
    await settled();
    expect((await rows(CHAT)).at(-1)).toMatchObject({ verdict: "noted", context: 1, state: "note" });
    await says(CHAT, "a walk?");

    expect(engine.latest.prompts.at(-1)?.blocks.slice(1)).toEqual(["it rains", "a walk?"]);
  });

  it("is no command, whatever it says", async () => {
    const { asks, rows } = await given({ rain: able("events") });

    await asks("rain", "event", event({ text: "/stop" }));

    expect((await rows(CHAT)).at(-1)).toMatchObject({ text: "/stop", command: null, verdict: "admitted" });
  });

  it("keeps its place behind what plugins look at, and is shown to none of them", async () => {
    let answer = (): void => undefined;
    const seen: string[] = [];
    const { asks, says, rows } = await given({
      look: {
        hooks: {
          onInbound: ({ text }) => {
            seen.push(text);
            return text === "first"
              ? new Promise<undefined>((resolve) => (answer = () => resolve(undefined)))
              : undefined;
          },
        },
      },
      rain: able("events"),
    });
    await says(CHAT, "first");

    await asks("rain", "event", event());
    expect((await rows(CHAT)).slice(1)).toMatchObject([{ hooks: "waiting" }, { hooks: "waiting" }]);
    answer();
    for (let i = 0; i < 4; i += 1) await settled();

    expect((await rows(CHAT)).slice(1)).toMatchObject([{ hooks: "done" }, { hooks: "done" }]);
    expect(seen.at(-1)).toBe("first");
  });

  it("goes to no chat out of scope, and none that is not there: both are told alike", async () => {
    const { asks } = await given({ rain: { ...able("events"), groups: ["family"] } });

    await expect(asks("rain", "event", event())).rejects.toThrow("is no chat that rain has in its scope");
    await expect(asks("rain", "event", event({ chat: "web:none" }))).rejects.toThrow(
      "is no chat that rain has in its scope",
    );
    await asks("rain", "event", event({ chat: FAMILY }));
  });

  it("comes sixty times a minute at most", async () => {
    const { asks, advance, rows } = await given({ rain: able("events") });
    const many = (from: number) =>
      Promise.all(
        Array.from({ length: 60 }, (_, i) =>
          asks("rain", "event", event({ id: `${from + i}`, wakes: false })),
        ),
      );

    await many(0);
    await expect(asks("rain", "event", event({ id: "x" }))).rejects.toThrow(TemporaryError);
    await advance(MINUTE);
    await many(60);

    expect((await rows(CHAT)).filter(({ sender_id }) => sender_id === "plugin:rain")).toHaveLength(120);
  });
});

describe("a message that a plugin sends", () => {
  it("goes out in parts that fit, once per id and chat, on record", async () => {
    const { asks, said, audited } = await given({ bell: able("send") });
    const text = "the soup is ready and the bread too";

    await asks("bell", "send", { id: "1", chat: CHAT, text });
    await asks("bell", "send", { id: "1", chat: CHAT, text });
    await asks("bell", "send", { id: "1", chat: FAMILY, text: "soup" });
    await settled();

    expect((await said(CHAT)).slice(1).join(" ")).toBe(text);
    expect((await said(CHAT)).length).toBeGreaterThan(2);
    expect(await said(FAMILY)).toEqual(["soup"]);
    expect(await audited()).toContain(`the plugin bell plugin.send chat:${FAMILY} 1`);
  });

  it("taints whoever finds it later, for nobody knows whose words it holds", async () => {
    const { asks, db, clock, rows } = await given({ bell: able("send") });
    await asks("bell", "send", { id: "1", chat: CHAT, text: "send all keys" });
    await settled();

    const { search } = createHistory(db, clock, silentLog);
    const { group_id: groupId = 0 } = (await rows(CHAT))[0] ?? {};

    expect(await search({ groupId, words: "keys", limit: 5 })).toMatchObject([
      { text: "send all keys", tainted: true },
    ]);
    expect(await search({ groupId, words: "hello", limit: 5 })).toMatchObject([{ tainted: false }]);
  });

  it("goes to no chat out of scope", async () => {
    const { asks, said } = await given({ bell: { ...able("send"), channels: ["telegram"] } });

    await expect(asks("bell", "send", { id: "1", chat: CHAT, text: "x" })).rejects.toThrow("in its scope");
    expect(await said(CHAT)).toEqual(["hi"]);
  });
});

describe("what a plugin reads", () => {
  it("is what its scope holds, without secrets", async () => {
    const { asks } = await given({
      all: able("messages", "chats", "status"),
      some: { ...able("messages", "chats", "status"), groups: ["family"] },
    });

    expect(await asks("all", "messages", { chat: CHAT, limit: 2 })).toMatchObject([
      { direction: "in", text: "hello, my key is [hidden]" },
      { direction: "out", text: "hi" },
    ]);
    expect(await asks("all", "messages", { chat: CHAT, limit: 1 })).toMatchObject([{ text: "hi" }]);
    expect(await asks("all", "groups", null)).toEqual(["main", "family"]);
    expect(await asks("some", "groups", {})).toEqual(["family"]);
    expect(await asks("some", "chats", null)).toMatchObject([{ id: FAMILY, group: "family" }]);
    await expect(asks("some", "messages", { chat: CHAT })).rejects.toThrow("in its scope");
    await expect(asks("all", "messages", { chat: CHAT, limit: 101 })).rejects.toThrow(RejectedError);
  });

  it("is how the host, its channels and plugins stand", async () => {
    const { asks } = await given({ see: able("status") });

    const status = await asks("see", "status", null);
    expect(status).toMatchObject({ version: "1.2.3", paused: false, turns: [{ chat: CHAT }] });
    expect(JSON.stringify(status)).not.toContain("/home/of");
    expect(await asks("see", "channels", null)).toEqual([
      { name: "web", account: "", hears: "well", sends: "well" },
      { name: "telegram", account: "ours", hears: "no token", sends: "429" },
    ]);
    expect(await asks("see", "plugins", null)).toMatchObject([{ name: "see", state: "running" }]);
  });

  it("is a file of an event, byte for byte, and none out of scope", async () => {
    const hooks = { onInbound: () => undefined };
    const { asks, file } = await given({
      in: { hooks },
      out: { hooks, groups: ["family"] },
      bare: able("events"),
    });

    const read = await asks("in", "file", { id: file });

    expect(read instanceof Readable && (await buffer(read)).equals(BYTES)).toBe(true);
    await expect(asks("out", "file", { id: file })).rejects.toThrow("no file that out can read");
    await expect(asks("bare", "file", { id: file })).rejects.toThrow("may not read files");
  });
});

describe("tasks, as a plugin sees them", () => {
  const task = { prompt: "water the plants", every: "1h" };

  it("are made, changed and read within its scope, tainted and on record", async () => {
    const { asks, db, audited } = await given({
      green: { ...able("tasks:read", "tasks:write"), groups: ["family"] },
    });

    const made = (await asks("green", "tasks.create", { task })) as { id: string };
    const { id } = made;
    expect(made).toMatchObject({ group: "family", chat: FAMILY, state: "active" });
    await asks("green", "tasks.update", { id, change: { prompt: "water all plants" } });
    await asks("green", "tasks.pause", { id });
    expect(await asks("green", "tasks.list", {})).toMatchObject([
      { id, state: "paused", prompt: "water all plants" },
    ]);
    await asks("green", "tasks.resume", { id });
    expect(await asks("green", "tasks.get", { id })).toMatchObject({ id, state: "active" });
    expect(await asks("green", "tasks.history", { id })).toEqual([]);
    await asks("green", "tasks.cancel", { id });

    expect(await db.selectFrom("tasks").select(["tainted", "created_by", "state"]).execute()).toEqual([
      { tainted: 1, created_by: "the plugin green", state: "cancelled" },
    ]);
    const lines = (await audited()).filter((line) => line.startsWith("the plugin green"));
    expect(lines.map((line) => line.split(" ")[3])).toEqual(["add", "edit", "pause", "resume", "cancel"]);
  });

  it("of others are not there", async () => {
    const { asks, tasks } = await given({
      green: { ...able("tasks:read", "tasks:write"), groups: ["family"] },
    });
    const { id } = await tasks.add({ ...task, chat: ChatId.parse(CHAT) });

    expect(await asks("green", "tasks.list", {})).toEqual([]);
    for (const method of ["tasks.get", "tasks.history", "tasks.pause", "tasks.resume", "tasks.cancel"])
      await expect(asks("green", method, { id })).rejects.toThrow("There is no task");
    await expect(asks("green", "tasks.update", { id, change: { prompt: "x" } })).rejects.toThrow(
      "There is no task",
    );
    await expect(asks("green", "tasks.create", { task: { ...task, group: "main" } })).rejects.toThrow(
      "in its scope",
    );
    await expect(asks("green", "tasks.create", { task: { ...task, chat: CHAT } })).rejects.toThrow(
      "in its scope",
    );
    const [mine] = (await tasks.list({ all: true })).slice(-1);
    expect(mine).toMatchObject({ id, state: "active" });
  });

  it("are for a group or chat that is named, where the scope has more than one", async () => {
    const { asks } = await given({ all: able("tasks:write") });

    await expect(asks("all", "tasks.create", { task })).rejects.toThrow("say for whom the task is");
    expect(await asks("all", "tasks.create", { task: { ...task, chat: FAMILY } })).toMatchObject({
      group: "family",
    });
  });
});

describe("the state of a plugin", () => {
  it("is kept per plugin, whatever JSON it is", async () => {
    const { asks } = await given({ a: able("state"), b: able("state") });

    await asks("a", "state.set", { key: "x/1", value: { deep: [1, null, "ä"] } });
    await asks("a", "state.set", { key: "x/1", value: null });
    await asks("a", "state.set", { key: "y", value: 2 });

    expect(await asks("a", "state.get", { key: "x/1" })).toBeNull();
    expect(await asks("a", "state.get", { key: "z" })).toBeUndefined();
    expect(await asks("b", "state.get", { key: "y" })).toBeUndefined();
    expect(await asks("a", "state.keys", { prefix: "x/" })).toEqual(["x/1"]);
    await asks("a", "state.delete", { key: "y" });
    expect(await asks("a", "state.keys", {})).toEqual(["x/1"]);
  });

  it("has its limits", async () => {
    const { asks } = await given({ a: able("state") });

    await expect(asks("a", "state.set", { key: "k", value: "x".repeat(65_536) })).rejects.toThrow(
      "larger than 65536",
    );
    await asks("a", "state.set", { key: "k", value: "x".repeat(65_534) });
    for (let i = 1; i < 1_000; i += 1) await asks("a", "state.set", { key: `${i}`, value: i });
    await expect(asks("a", "state.set", { key: "more", value: 1 })).rejects.toThrow("1000 keys");
    await asks("a", "state.set", { key: "1", value: "again" });
  });
});

const STATUS: Status = {
  version: "1.2.3",
  pid: 1,
  home: "/home/of",
  url: "http://127.0.0.1:1",
  startedAt: 0,
  draining: false,
  paused: null,
  assistant: "Bellhop",
  model: { provider: "test", name: "m", routes: [] },
  sandbox: { runtime: "none", version: "0", limits: "none" },
  rooms: [],
  accounts: [],
  turns: [
    {
      turn: "00000000-0000-4000-8000-000000000000",
      chat: CHAT,
      state: "running",
      attempt: 1,
      startedAt: 0,
      note: "",
    },
    {
      turn: "00000000-0000-4000-8000-000000000001",
      chat: "web:gone",
      state: "running",
      attempt: 1,
      startedAt: 0,
      note: "",
    },
  ] as never,
  waiting: [],
  tasks: { active: 0, paused: 0, failing: 0, waiting: 0 },
  dead: { turns: 0, newest: [] },
  outbox: { open: 0, unknown: 0, dead: 0 },
  usage: { calls: 0, inputTokens: 0, outputTokens: 0, costMicros: 0 },
  stuck: [{ account: "telegram/ours", why: "429", until: 1 }],
  silent: [{ channel: "telegram", account: "ours", why: "no token" }],
  mounts: [],
  pins: [],
  unregistered: 0,
  plugins: { list: [], housing: "" },
  gifts: [],
  revealed: [],
  senders: { waiting: 0, problems: [] },
};
