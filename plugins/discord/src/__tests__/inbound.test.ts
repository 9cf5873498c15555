import type { Inbound } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { Interaction, Message } from "../events.ts";
import { interacted, said } from "../inbound.ts";

const ME = "42";
const ROLE = "77";
const ANN = { id: "7001", username: "ann", global_name: "Ann" };
const BEN = { id: "7002", username: "ben" };
const WHERE = { chat: "10", chatTitle: "kitchen" };
const HERE = { me: ME, roles: [ROLE], where: WHERE, open: async () => Readable.from([]) };

/** A message of Ann's, but for what is given. */
const written = (also: object) =>
  Message.parse({
    id: "100",
    channel_id: "10",
    guild_id: "1",
    author: ANN,
    type: 0,
    content: "hello",
    timestamp: "2026-11-27T06:00:00.000000+00:00",
    edited_timestamp: null,
    ...also,
  });
const heard = (also: object, kind: "message" | "edit" = "message") => said(written(also), kind, HERE);

describe("a message on Discord", () => {
  it("is heard with all that belongs to it", () => {
    expect(heard({})).toEqual({
      platformId: "100",
      kind: "message",
      version: 0,
      ...WHERE,
      sender: { id: "7001", name: "Ann" },
      text: "hello",
      sentAt: Date.UTC(2026, 10, 27, 6),
    } satisfies Inbound);
  });

  it.each([
    ["a mention", { content: `<@${ME}> /stop`, mentions: [{ id: ME, username: "bell" }] }, "/stop"],
    ["a mention of old", { content: `hey <@!${ME}>`, mentions: [{ id: ME, username: "bell" }] }, "hey @bell"],
    ["our role", { content: `<@&${ROLE}> hello`, mention_roles: [ROLE] }, "hello"],
    ["an answer to us", { type: 19, referenced_message: { author: { id: ME, username: "bell" } } }, "hello"],
    ["nothing but a mention", { content: `<@${ME}>`, mentions: [{ id: ME, username: "bell" }] }, "@bell"],
  ])("calls us by %s", (_, also, text) => {
    expect(heard(also)).toMatchObject({ mentionsUs: true, text });
  });

  it.each([
    ["somebody else", { content: "<@7002> hello", mentions: [BEN] }, "@ben hello"],
    ["another role", { content: "<@&78> hello", mention_roles: ["78"] }, "<@&78> hello"],
    ["everyone", { content: "@everyone hello", mention_everyone: true }, "@everyone hello"],
  ])("does not call us by calling %s", (_, also, text) => {
    expect(heard(also)).toMatchObject({ text });
    expect(heard(also)?.mentionsUs).toBeUndefined();
  });

  it("answers another", () => {
    expect(heard({ type: 19, message_reference: { message_id: "99" } })).toMatchObject({ replyTo: "99" });
  });

  it("forwards another: its words are somebody else's", () => {
    const attachment = { id: "1", filename: "a.png", size: 3, url: "https://cdn.example.org/a.png" };

    const forwarded = heard({
      content: "",
      message_reference: { type: 1, message_id: "99", channel_id: "11" },
      message_snapshots: [{ message: { content: "do as I say", attachments: [attachment] } }],
    });

    expect(forwarded).toMatchObject({ text: "do as I say", forwarded: "" });
    expect(forwarded).not.toHaveProperty("replyTo"); // it stands in another chat
    expect(forwarded?.files?.map(({ name, bytes }) => [name, bytes])).toEqual([["a.png", 3]]);
  });

  it.each([
    ["a sticker", { content: "", sticker_items: [{ id: "1", name: "Wave" }] }, "Wave", "sticker"],
    [
      "a poll",
      { content: "", poll: { question: { text: "When?" }, answers: [{ poll_media: { text: "Now" } }] } },
      "When?\n- Now",
      "poll",
    ],
  ])("may be %s", (_, also, text, nonText) => {
    expect(heard(also)).toMatchObject({ text, nonText });
  });

  it("is of a program what it put below its text; a preview of a person's link is nobody's words", () => {
    const alert = {
      type: "rich",
      author: { name: "db1" },
      title: "Disk full",
      description: "since nine",
      fields: [{ name: "Free", value: "0 GB" }],
      footer: { text: "prod" },
    };
    const program = { webhook_id: "5", author: { id: "5", username: "CI" } };
    const preview = { type: "link", title: "A page", description: "of theirs" };
    const words = "db1\nDisk full\nsince nine\nFree: 0 GB\nprod";

    expect(heard({ ...program, content: "", embeds: [alert, preview] })?.text).toBe(words);
    expect(heard({ ...program, content: "Alert!", embeds: [alert] })?.text).toBe(`Alert!\n${words}`);
    expect(heard({ content: "https://x.y", embeds: [alert] })?.text).toBe("https://x.y");
  });

  it("is of a program what stands in its components", () => {
    const words = (content: string) => ({ type: 10, content });
    const components = [
      words("Build 7"),
      {
        type: 17,
        components: [{ type: 9, components: [words("green")], accessory: { type: 2, label: "x" } }],
      },
      { type: 1, components: [{ type: 2, label: "Again", custom_id: "a" }] },
    ];

    expect(heard({ author: { ...BEN, bot: true }, content: "", components })?.text).toBe("Build 7\ngreen");
  });

  it("hands on what a program had put into it", () => {
    const message = { content: "", embeds: [{ type: "rich", title: "Disk full" }] };

    expect(
      heard({ content: "", message_reference: { type: 1 }, message_snapshots: [{ message }] }),
    ).toMatchObject({ text: "Disk full", forwarded: "" });
  });

  it("has files by the names that people gave them, which Discord keeps apart", () => {
    const file = { size: 3, url: "https://cdn.example.org/a", content_type: null };
    const attachments = [
      { ...file, filename: "Ubung_1.pdf", title: "Übung 1" },
      { ...file, filename: "list.txt" },
    ];

    expect(heard({ attachments })?.files?.map(({ name }) => name)).toEqual(["Übung 1.pdf", "list.txt"]);
  });

  it.each([
    ["a server's name", { member: { nick: "Mum" } }, { name: "Mum" }],
    [
      "a webhook",
      { webhook_id: "5", author: { id: "5", username: "CI" } },
      { id: "5", name: "CI", bot: true },
    ],
    ["a bot", { author: { ...BEN, bot: true } }, { bot: true }],
    ["ourselves", { author: { id: ME, username: "bell", bot: true } }, { self: true, bot: true }],
  ])("is of %s", (_, also, sender) => {
    expect(heard(also)?.sender).toMatchObject(sender);
  });

  it.each([
    ["that somebody joined", { type: 7, content: "" }],
    ["that something was pinned", { type: 6, content: "" }],
    ["nothing at all", { content: "" }],
  ])("is passed over where it says %s", (_, also) => {
    expect(heard(also)).toBeUndefined();
  });

  it("that is changed has a version of its own, and a preview that Discord adds has none", () => {
    const at = "2026-11-27T06:00:01.500000+00:00";

    expect(heard({ edited_timestamp: at }, "edit")).toMatchObject({ kind: "edit", version: Date.parse(at) });
    expect(heard({}, "edit")).toBeUndefined();
  });
});

describe("an interaction on Discord", () => {
  const used = (also: object) =>
    interacted(Interaction.parse({ id: "500", token: "t", channel_id: "10", ...also }), ME, WHERE);
  const press = { type: 3, message: { id: "100" }, data: { custom_id: "b1" } };

  it("is a press of who pressed, in a server and in direct messages", () => {
    const pressed = { kind: "button", platformId: "press-500", button: "b1", replyTo: "100" };

    expect(used({ ...press, guild_id: "1", member: { user: ANN, nick: "Mum" } })).toMatchObject({
      ...pressed,
      sender: { id: "7001", name: "Mum" },
    });
    expect(used({ ...press, user: BEN })).toMatchObject({ ...pressed, sender: { id: "7002", name: "ben" } });
  });

  it("is a command as if it had been written to us", () => {
    const data = { name: "why", options: [{ type: 3, name: "words", value: "#12" }] };

    expect(used({ type: 2, user: ANN, data })).toMatchObject({
      kind: "message",
      platformId: "500",
      text: "/why #12",
      mentionsUs: true,
    });
  });

  it("of nobody, or of another kind, is none", () => {
    expect(used(press)).toBeUndefined();
    expect(used({ type: 4, user: ANN, data: { name: "why" } })).toBeUndefined();
  });
});
