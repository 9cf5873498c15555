import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { toInbound } from "../inbound.ts";
import { Update } from "../update.ts";

const ME = { id: 4242, username: "TheBellBot" };
const ANN = { id: 7, is_bot: false, first_name: "Ann", last_name: "Lee", username: "annlee" };
const PRIVATE = { id: 7, type: "private", first_name: "Ann", last_name: "Lee", username: "annlee" };
const GROUP = { id: -100123, type: "supergroup", title: "The kitchen", is_forum: true };

const opened: string[] = [];
function inbound(update: object, topic?: number) {
  return toInbound(Update.parse({ update_id: 9, ...update }), {
    me: ME,
    open: async (id) => {
      opened.push(id);
      return Readable.from([]);
    },
    topicOf: () => topic,
  });
}
const said = (more: object, chat: object = PRIVATE) =>
  inbound({ message: { message_id: 5, date: 1_700_000_000, chat, from: ANN, ...more } });
const file = (more: object = {}) => ({ file_id: "F", file_unique_id: "U", file_size: 3, ...more });

describe("an update from Telegram", () => {
  it("of a text in a private chat is a message of that person", () => {
    expect(said({ text: "hello" })).toEqual({
      platformId: "5",
      kind: "message",
      version: 0,
      chat: "7",
      chatTitle: "Ann Lee",
      direct: true,
      sender: { id: "7", name: "Ann Lee" },
      text: "hello",
      sentAt: 1_700_000_000_000,
    });
  });

  it("of a forum topic stands in a chat of its own, and answers nothing by being there", () => {
    const topic = { message_thread_id: 3, is_topic_message: true, reply_to_message: { message_id: 3 } };

    const heard = said({ text: "hello", ...topic }, GROUP);

    expect(heard).toMatchObject({ chat: "-100123:3", threadOf: "-100123", direct: false });
    expect(heard).not.toHaveProperty("replyTo");
  });

  it("of a thread of replies where nobody made topics stands in the group", () => {
    const reply = { message_thread_id: 3, reply_to_message: { message_id: 4 } };

    expect(said({ text: "hello", ...reply }, GROUP)).toMatchObject({ chat: "-100123", replyTo: "4" });
  });

  it("with links behind words says where they lead", () => {
    const text = "/sum@TheBellBot this and https://b.example/";
    const entities = [
      { type: "bot_command", offset: 0, length: 15 },
      { type: "text_link", offset: 16, length: 4, url: "https://a.example/" },
      { type: "text_link", offset: 25, length: 18, url: "https://b.example/" },
    ];

    expect(said({ text, entities })).toMatchObject({
      text: "/sum this (https://a.example/) and https://b.example/",
    });
  });

  it.each([
    ["somebody", { type: "user", sender_user: { id: 8, is_bot: false, first_name: "Zoe" } }, "Zoe"],
    ["somebody hidden", { type: "hidden_user", sender_user_name: "Z." }, "Z."],
    ["a group", { type: "chat", sender_chat: { ...GROUP, title: "The cellar" } }, "The cellar"],
    [
      "a channel",
      { type: "channel", chat: { id: -5, type: "channel", title: "News" }, author_signature: "Bo" },
      "Bo (News)",
    ],
    ["whatever comes to be", { type: "new" }, ""],
  ])("of words of %s that are handed on says whose they are", (_who, origin, forwarded) => {
    expect(said({ text: "hello", forward_origin: { date: 1, ...origin } })).toMatchObject({ forwarded });
  });

  it.each([
    ["their own words", { forward_origin: { type: "user", sender_user: ANN } }],
    [
      "a post of the group's own channel",
      { is_automatic_forward: true, forward_origin: { type: "channel", chat: { id: -5, type: "channel" } } },
    ],
  ])("takes nothing for handed on that is %s", (_what, more) => {
    expect(said({ text: "hello", ...more })).not.toHaveProperty("forwarded");
  });

  it("with a quote says which part was quoted", () => {
    const quoting = { reply_to_message: { message_id: 4 }, quote: { text: "this", position: 3 } };

    expect(said({ text: "why?", ...quoting })).toMatchObject({ replyTo: "4", quote: "this" });
  });

  const mention = (length: number, more: object = {}) => [{ type: "mention", offset: 0, length, ...more }];
  const us = { ...ME, is_bot: true, first_name: "Bell" };
  it.each([
    ["by name", { text: "@thebellbot hi", entities: mention(11) }, true],
    ["by hand", { text: "Bell hi", entities: mention(4, { type: "text_mention", user: us }) }, true],
    ["in a caption", { photo: [file()], caption: "@TheBellBot", caption_entities: mention(11) }, true],
    ["not at all", { text: "@annlee hi", entities: mention(7) }, undefined],
    ["by a longer name", { text: "@thebellbots hi", entities: mention(12) }, undefined],
  ])("that mentions us %s says so", (_, more, mentionsUs) => {
    expect(said(more, GROUP)?.mentionsUs).toBe(mentionsUs);
  });

  const command = (text: string, length: number) =>
    said({ text, entities: [{ type: "bot_command", offset: 0, length }] }, GROUP);

  it("of a command that names us is that command, and addressed to us", () => {
    expect(command("/stop@thebellbot now", 16)).toMatchObject({ text: "/stop now", mentionsUs: true });
  });

  it("of a command that names nobody is left as it is", () => {
    const heard = command("/stop now", 5);

    expect(heard?.text).toBe("/stop now");
    expect(heard).not.toHaveProperty("mentionsUs");
  });

  it("of a command for another bot is none of ours", () => {
    expect(command("/stop@OtherBot now", 14)).toBeUndefined();
  });

  it("of an edit is another version each time, in the same second too", () => {
    const edit = (update_id: number) =>
      inbound({
        update_id,
        edited_message: { message_id: 5, date: 1, edit_date: 50, chat: PRIVATE, from: ANN, text: "b" },
      });

    expect(edit(11)).toMatchObject({ kind: "edit", platformId: "5", version: 50_011, sentAt: 50_000 });
    expect(edit(12)?.version).toBe(50_012);
  });

  it.each([
    ["given", [], [{ type: "emoji", emoji: "👍" }], "👍"],
    ["taken away", [{ type: "emoji", emoji: "👍" }], [], ""],
    ["changed", [{ type: "emoji", emoji: "👍" }], [{ type: "emoji", emoji: "🔥" }], "🔥"],
    ["of one's own making", [], [{ type: "custom_emoji", custom_emoji_id: "1" }], "(custom emoji)"],
    ["paid", [], [{ type: "paid" }], "⭐"],
  ])("of a reaction that was %s says what it is now", (_, old_reaction, new_reaction, text) => {
    const reaction = { chat: GROUP, message_id: 5, user: ANN, date: 1, old_reaction, new_reaction };

    expect(inbound({ message_reaction: reaction }, 3)).toMatchObject({
      platformId: "reaction-9",
      kind: "reaction",
      chat: "-100123:3",
      replyTo: "5",
      text,
      sender: { id: "7" },
    });
  });

  it("of a button that was pressed says which, by whom, and below what", () => {
    const press = { id: "77", from: ANN, data: "yes", message: { message_id: 5, date: 0, chat: GROUP } };

    expect(inbound({ callback_query: press })).toMatchObject({
      platformId: "press-77",
      kind: "button",
      chat: "-100123",
      button: "yes",
      replyTo: "5",
      sender: { id: "7", name: "Ann Lee" },
    });
  });

  it.each([
    ["photo", { photo: [file({ file_id: "small" }), file()] }, "photo.jpg", "image/jpeg"],
    [
      "document",
      { document: file({ file_name: "a.pdf", mime_type: "application/pdf" }) },
      "a.pdf",
      "application/pdf",
    ],
    [
      "animation",
      { animation: file({ mime_type: "video/mp4" }), document: file() },
      "animation.mp4",
      "video/mp4",
    ],
    ["audio", { audio: file({ file_name: "b.flac", mime_type: "audio/flac" }) }, "b.flac", "audio/flac"],
    ["voice", { voice: file() }, "voice.ogg", "audio/ogg"],
    ["video", { video: file() }, "video.mp4", "video/mp4"],
    ["video note", { video_note: file() }, "video.mp4", "video/mp4"],
  ])("of a %s brings it as a file, with its caption", async (_, more, name, type) => {
    const heard = said({ ...more, caption: "look" });

    expect(heard).toMatchObject({ text: "look", files: [{ name, type, bytes: 3 }] });
    opened.length = 0;
    await heard?.files?.[0]?.open(new AbortController().signal);
    expect(opened).toEqual(["F"]);
  });

  it.each([
    ["sticker", { sticker: { ...file(), emoji: "😀" } }, "😀"],
    ["location", { location: { latitude: 1.5, longitude: 2 } }, "1.5, 2"],
    [
      "location",
      {
        location: { latitude: 1, longitude: 2 },
        venue: { location: { latitude: 1, longitude: 2 }, title: "Bar", address: "X 1" },
      },
      "Bar, X 1 (1, 2)",
    ],
    ["contact", { contact: { phone_number: "+1", first_name: "Ben" } }, "Ben +1"],
    [
      "poll",
      { poll: { question: "When?", options: [{ text: "now" }, { text: "later" }] } },
      "When?\n- now\n- later",
    ],
    ["dice", { dice: { emoji: "🎲", value: 4 } }, "🎲 4"],
  ])("of a %s says what it is", (nonText, more, text) => {
    expect(said(more)).toMatchObject({ nonText, text });
  });

  it("by an anonymous admin is a person's, by a linked channel a program's", () => {
    const behind = { id: 1_087_968_824, is_bot: true, first_name: "Group" };
    const channel = { id: -100999, type: "channel", title: "News" };

    expect(
      said({ text: "a", from: behind, sender_chat: GROUP, author_signature: "boss" }, GROUP)?.sender,
    ).toEqual({
      id: "chat-100123",
      name: "boss (The kitchen)",
    });
    expect(said({ text: "a", sender_chat: channel, is_automatic_forward: true }, GROUP)?.sender).toEqual({
      id: "chat-100999",
      name: "News",
      bot: true,
    });
  });

  it("by another bot, or by us, says so", () => {
    const bot = (id: number) =>
      said({ text: "a", from: { id, is_bot: true, first_name: "B" } }, GROUP)?.sender;

    expect([bot(1), bot(4242)]).toEqual([
      { id: "1", name: "B", bot: true },
      { id: "4242", name: "B", bot: true, self: true },
    ]);
  });

  it.each([
    ["somebody joined", { new_chat_members: [ANN] }, GROUP],
    ["something was pinned", { pinned_message: {} }, GROUP],
    ["a topic was opened", { forum_topic_created: {}, message_thread_id: 5, is_topic_message: true }, GROUP],
    ["a channel posts", { text: "news" }, { id: -1, type: "channel", title: "News" }],
  ])("that %s is no message", (_, more, chat) => {
    expect(said(more, chat)).toBeUndefined();
  });
});
