import { Readable } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { type Here, read } from "../inbound.ts";
import { createPlaces } from "../places.ts";
import type { Envelope } from "../socket.ts";

const USERS: Readonly<Record<string, string>> = { U1: "Ann", U2: "Ben", UBELL: "bellhop" };

let here: Here;
beforeEach(() => {
  here = {
    me: { userId: "UBELL", botId: "BBELL" },
    names: { user: async (id) => USERS[id] ?? id, channel: async () => "kitchen", isIn: async () => true },
    places: createPlaces(),
    open: async () => Readable.from([]),
  };
});

const brought = async (type: Envelope["type"], payload: object) =>
  (await read({ type, envelope_id: "1", payload }, here)).inbound;
const heard = async (event: object) => {
  const whole = { channel: "C1", ts: "1700000000.000100", event_ts: "1700000000.000100", ...event };
  return await brought("events_api", { event: { type: "message", ...whole } });
};
const edited = (message: object, before: object) =>
  heard({
    subtype: "message_changed",
    event_ts: "1700000009.000200",
    message: { user: "U1", ts: "1700000000.000100", ...message },
    previous_message: { user: "U1", ts: "1700000000.000100", ...before },
  });

describe("what Slack brings", () => {
  it("is one thing where it comes as a message and as a mention, and names us in both", async () => {
    const said = { user: "U1", text: "<@UBELL> dinner?" };
    const [message, twin] = [
      await heard({ ...said, channel_type: "channel" }),
      await heard({ ...said, type: "app_mention" }),
    ];

    expect(twin).toEqual(message);
    expect(message).toMatchObject({
      platformId: "1700000000.000100",
      kind: "message",
      version: 0,
      chat: "C1",
      chatTitle: "kitchen",
      mentionsUs: true,
      text: "@bellhop dinner?",
      sentAt: 1_700_000_000_000,
    });
  });

  it("is of a thread, also in direct messages, but for the message that the thread hangs on", async () => {
    const answer = { user: "U1", text: "in it", channel: "D1", ts: "1700000005.000100" };

    expect(await heard({ ...answer, thread_ts: "1700000000.000100" })).toMatchObject({
      chat: "D1:1700000000.000100",
      threadOf: "D1",
      direct: true,
    });
    expect(await heard({ ...answer, thread_ts: answer.ts })).toMatchObject({ chat: "D1", direct: true });
  });

  it("is a program's where a program wrote it, by whatever name", async () => {
    const old = { subtype: "bot_message", bot_id: "B9", username: "CI", text: "green" };
    const now = { user: "U9", bot_id: "B9", bot_profile: { name: "CI" }, text: "green" };

    expect((await heard(old))?.sender).toEqual({ id: "B9", name: "CI", bot: true });
    expect((await heard(now))?.sender).toEqual({ id: "U9", name: "CI", bot: true });
  });

  it.each([
    ["under our name", { user: "UBELL", bot_id: "BBELL" }],
    ["under another", { subtype: "bot_message", bot_id: "BBELL", username: "Cook" }],
  ])("is ours where we sent it %s", async (_, message) => {
    expect((await heard({ text: "x", ...message }))?.sender).toMatchObject({ id: "UBELL", self: true });
  });

  it("knows a file of ours as the outbox does, in reactions too", async () => {
    const files = [{ id: "F1", name: "list.txt" }];
    const ours = await heard({ user: "UBELL", bot_id: "BBELL", subtype: "file_share", files });
    const item = { type: "message", channel: "C1", ts: "1700000000.000100" };
    const reaction = await heard({ type: "reaction_added", user: "U1", reaction: "+1", item });

    expect([ours?.platformId, reaction?.replyTo]).toEqual(["F1", "F1"]);
  });

  it("reads what is handed on: alone in somebody else's words, else as a quote below its sender's own", async () => {
    const attachments = [
      { is_share: true, author_name: "Zoe", text: "buy <@U7> shares\nnow", fallback: "[Nov 3rd] Zoe: buy" },
    ];

    const alone = await heard({ user: "U1", text: "", attachments });
    const commented = await heard({ user: "U1", text: "is that so?", attachments });

    expect(alone).toMatchObject({
      text: expect.stringMatching(/^buy @.* shares\nnow$/),
      forwarded: "Zoe",
    });
    expect(commented).toMatchObject({
      text: expect.stringMatching(/^is that so\?\n\n> buy @.* shares\n> now$/),
      quote: expect.stringMatching(/^buy @.* shares\nnow$/),
    });
    expect(commented).not.toHaveProperty("forwarded");
  });

  it("reads what stands in blocks and attachments where there is no text", async () => {
    const rich = [
      { type: "text", text: "ask " },
      { type: "user", user_id: "U1" },
      { type: "emoji", name: "wave" },
      { type: "link", url: "https://x.y" },
    ];
    const blocks = [
      { type: "header", text: { type: "plain_text", text: "Build 7" } },
      { type: "section", fields: [{ type: "mrkdwn", text: "*green*" }] },
      { type: "rich_text", elements: [{ type: "rich_text_section", elements: rich }] },
      { type: "actions", elements: [{ type: "button", text: { type: "plain_text", text: "Again" } }] },
    ];
    const attachments = [{ title: "Alert", text: "disk full", fallback: "Alert: disk full" }];

    const message = await heard({ bot_id: "B9", user: "U9", text: "", blocks, attachments });

    expect(message?.text).toBe("Build 7\n*green*\nask @Ann👋https://x.y\nAlert\ndisk full");
  });

  it("is of a program what people see: its text is a mere notice where it made blocks", async () => {
    const blocks = [{ type: "section", text: { type: "mrkdwn", text: "*disk full* on db1" } }];
    const attachments = [{ text: "since nine" }, { from_url: "https://x.y", text: "a page" }];
    const program = { bot_id: "B9", user: "U9", text: "1 new alert" };

    expect((await heard({ ...program, blocks, attachments }))?.text).toBe("*disk full* on db1\nsince nine");
    expect((await heard({ ...program, attachments }))?.text).toBe("1 new alert\nsince nine");
    // What Slack makes of a plain text by itself.
    const same = { type: "rich_text_section", elements: [{ type: "text", text: "1 new alert" }] };
    const rich = [{ type: "rich_text", elements: [same] }];
    expect((await heard({ ...program, blocks: rich }))?.text).toBe("1 new alert");
    expect(await edited({ ...program, attachments: attachments.slice(1) }, program)).toBeUndefined();
  });

  it("has the files of what is handed on", async () => {
    const attachments = [{ is_share: true, author_name: "Zoe", files: [{ id: "F1", name: "bill.pdf" }] }];

    expect(await heard({ user: "U1", text: "", attachments })).toMatchObject({
      forwarded: "Zoe",
      files: [{ name: "bill.pdf" }],
    });
    expect(await heard({ user: "U1", text: "pay it", attachments })).toMatchObject({
      text: "pay it",
      quote: "", // somebody else's, though without words
    });
  });

  it("has voice clips by a name of sounds, though Slack gives them that of films", async () => {
    const clip = (subtype?: string) => [
      { id: "F1", name: "audio_message.mp4", mimetype: "video/mp4", subtype },
    ];
    const named = async (files: object[]) =>
      (await heard({ subtype: "file_share", user: "U1", files }))?.files?.map(({ name }) => name);

    expect(await named(clip("slack_audio"))).toEqual(["audio_message.m4a"]);
    expect(await named(clip())).toEqual(["audio_message.mp4"]);
  });

  it("calls us in the thread of a message of ours, as an answer does elsewhere", async () => {
    const answer = { user: "U1", text: "and on Sunday?", ts: "1700000005.000100" };
    const under = (parent_user_id: string) =>
      heard({ ...answer, thread_ts: "1700000000.000100", parent_user_id });

    expect(await under("UBELL")).toMatchObject({ mentionsUs: true });
    expect(await under("U2")).not.toHaveProperty("mentionsUs");
  });

  it("is an edit under a version of its own, and none where a link unfolded", async () => {
    const now = { text: "at nine", edited: { user: "U1", ts: "1700000009.000000" } };

    expect(await edited(now, { text: "at eight" })).toMatchObject({
      kind: "edit",
      platformId: "1700000000.000100",
      version: 1_700_000_009_000_000,
      text: "at nine",
    });
    expect(await edited({ text: "https://x.y" }, { text: "https://x.y" })).toBeUndefined();
    const block = (text: string) => ({ bot_id: "B9", blocks: [{ type: "header", text: { text } }] });
    expect((await edited(block("green"), block("red")))?.text).toBe("green");
    expect(await edited({ ...now, user: "UBELL" }, { text: "at eight" })).toBeUndefined();
  });

  it("is taken back where it is gone, and where only its answers are left", async () => {
    const before = { user: "U1", ts: "1700000000.000100", text: "x", thread_ts: "1600000000.000100" };
    const gone = { kind: "delete", platformId: "1700000000.000100", text: "", sender: { id: "U1" } };

    expect(
      await heard({ subtype: "message_deleted", deleted_ts: before.ts, previous_message: before }),
    ).toMatchObject({ ...gone, chat: "C1:1600000000.000100" });
    expect(
      await edited({ subtype: "tombstone", user: "USLACKBOT", text: "This message was deleted." }, {}),
    ).toMatchObject({ ...gone, chat: "C1" });
  });

  it("is a reaction by its character, or by its name where the workspace made it", async () => {
    const item = { type: "message", channel: "C1", ts: "1700000000.000100" };
    const reaction = (name: string, type = "reaction_added") =>
      heard({ type, user: "U2", reaction: name, item, event_ts: "1700000002.000100" });

    expect(await reaction("+1::skin-tone-2")).toMatchObject({ text: "👍🏻", replyTo: item.ts });
    expect((await reaction("our-logo"))?.text).toBe(":our-logo:");
    expect((await reaction("+1", "reaction_removed"))?.text).toBe("");
  });

  it("is in the thread of the message that a reaction is to, where that was heard", async () => {
    await heard({ user: "U1", text: "in it", ts: "1700000005.000100", thread_ts: "1700000000.000100" });
    const item = { type: "message", channel: "C1", ts: "1700000005.000100" };

    const reaction = await heard({ type: "reaction_added", user: "U2", reaction: "+1", item });

    expect(reaction?.chat).toBe("C1:1700000000.000100");
  });

  it("is nobody's words where nobody is named: Slack tells of answers so", async () => {
    expect(await heard({ message: { user: "U1", text: "x", reply_count: 1 }, hidden: true })).toBeUndefined();
  });

  it.each(["channel_join", "channel_topic", "message_replied"])(
    "is nobody's words where Slack says it itself: %s",
    async (subtype) => {
      expect(await heard({ subtype, user: "U1", text: "has joined" })).toBeUndefined();
    },
  );

  it.each([
    ["stop", "/stop"],
    ["/status now", "/status now"],
    [" ", "/help"],
    ["say <@U1|ann> &amp; all", "/say @ann & all"],
  ])("is a chat command where it was given to Slack's: /bellhop %s", async (text, read) => {
    const command = { text, user_id: "U1", channel_id: "C1", trigger_id: "13345.22" };

    expect(await brought("slash_commands", command)).toMatchObject({
      platformId: "command-13345.22",
      kind: "message",
      text: read,
      mentionsUs: true,
      sender: { id: "U1", name: "Ann" },
    });
  });

  it("is a press by whoever pressed, in the thread where the button stands", async () => {
    const press = {
      type: "block_actions",
      user: { id: "U2" },
      channel: { id: "C1" },
      message: { ts: "1700000005.000100", thread_ts: "1700000000.000100" },
      actions: [{ action_id: "yes", action_ts: "1700000009.000100" }],
    };

    expect(await brought("interactive", press)).toMatchObject({
      kind: "button",
      button: "yes",
      chat: "C1:1700000000.000100",
      replyTo: "1700000005.000100",
      sender: { id: "U2", name: "Ben" },
    });
  });
});
