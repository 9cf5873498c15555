/** What goes out to WhatsApp, beside what every channel shows (contract.test.ts). */
import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ClosedWindowError } from "../src/errors.ts";
import { ANN, DAY_MS, givenNumber, signal, text } from "./given.ts";

const MiB = 1024 * 1024;
const TEMPLATE = { name: "word", language: "en" };
const thrown = async (work: Promise<unknown>) => await work.catch((error: unknown) => error);
const file = (name: string, type: string, bytes = 3) => ({
  name,
  type,
  bytes,
  open: () => Readable.from([Buffer.alloc(bytes, "x")]),
});

describe("a text", () => {
  it("is marked up as WhatsApp does, and named where somebody else speaks", async () => {
    const { channel, person } = await givenNumber();
    const { chat, messages } = person(ANN);

    await channel.send({ ...text(chat.id, "**now**, see [it](https://a.b)"), sender: "Cook" }, signal);

    expect(messages.at(-1)?.text).toBe("Cook\nnow, see it (https://a.b)");
  });

  it("that is nothing but markup is sent as it stands", async () => {
    const { channel, person } = await givenNumber();
    const { chat, messages } = person(ANN);

    await channel.send(text(chat.id, "#"), signal);

    expect(messages.at(-1)?.text).toBe("#");
  });

  it("with buttons is a list where it is too long for buttons, in one call", async () => {
    const { channel, person, server } = await givenNumber();
    const { chat, messages } = person(ANN);
    const buttons = ["Approve", "Deny", "Always"].map((label) => ({ id: label.slice(0, 2), label }));
    const long = "May I? ".repeat(300).trim();

    await channel.send({ ...text(chat.id, long), buttons }, signal);

    expect(messages.at(-1)).toMatchObject({ text: long, buttons });
    expect(server.journal.asked("send")).toBe(1);
  });

  it("goes to the id of somebody who hides their number", async () => {
    const { channel, person, people } = await givenNumber();
    const { userId, messages } = person(ANN);
    people.heard(userId, userId, Date.UTC(2026, 10, 27, 12));

    await channel.send(text(userId, "hello"), signal);

    expect(messages.at(-1)?.text).toBe("hello");
  });
});

describe("a file", () => {
  it.each([
    ["a picture", file("cat.png", "image/png"), "", "image"],
    ["a film", file("cat.mp4", "video/mp4"), "", "video"],
    ["a voice", file("cat.ogg", "audio/ogg; codecs=opus"), "", "audio"],
    ["a voice with a caption, which audios have none of", file("cat.ogg", "audio/ogg"), "purr", "document"],
    ["a picture that is too large for one", file("cat.png", "image/png", 5 * MiB + 1), "", "document"],
    ["what WhatsApp does not know", file("cat.zip", "application/zip"), "here", "document"],
    ["a name that would end its header", file('a "b"\r\n.pdf', "application/pdf"), "", "document"],
  ])("is shown as what it is: %s", async (_, given, caption, type) => {
    const { channel, person } = await givenNumber();
    const { chat, messages } = person(ANN);

    await channel.send({ kind: "file", key: "k", chat: chat.id, file: given, text: caption }, signal);

    expect(messages.at(-1)).toMatchObject({ type, text: caption });
    expect(messages.at(-1)?.file?.content).toHaveLength(given.bytes);
  });

  it("that could not be read to its end has not arrived", async () => {
    const { channel, person, server } = await givenNumber();
    const { chat } = person(ANN);
    const broken = {
      ...file("a.pdf", "application/pdf", 1_000),
      open: () =>
        Readable.from(
          (async function* () {
            yield Buffer.alloc(10);
            throw new Error("the disk is gone");
          })(),
        ),
    };

    const error = await thrown(
      channel.send({ kind: "file", key: "k", chat: chat.id, file: broken, text: "" }, signal),
    );

    expect(error).toBeInstanceOf(TemporaryError);
    expect(server.journal.applied("file")).toBe(0);
  });
});

describe("a person who has been silent for a day", () => {
  it("is sent the template, with the text in one line", async () => {
    const { channel, person, advance } = await givenNumber({ template: TEMPLATE }, { templates: [TEMPLATE] });
    const { chat, messages } = person(ANN);
    advance(DAY_MS);

    await channel.send(text(chat.id, "# Bring\n\n- the **bread**\n- the\tmilk"), signal);

    expect(messages.at(-1)).toMatchObject({
      type: "template",
      text: "A word for you: Bring · • the bread · • the milk",
    });
  });

  it("is not sent what does not fit into it, and whoever asked is told", async () => {
    const { channel, person, advance, server } = await givenNumber(
      { template: TEMPLATE },
      { templates: [TEMPLATE] },
    );
    const { chat } = person(ANN);
    advance(DAY_MS);

    const error = await thrown(channel.send(text(chat.id, "x".repeat(1_025)), signal));

    expect(error).toBeInstanceOf(RejectedError);
    expect(String(error)).toContain("holds 1024 characters, and this has 1025");
    expect(server.journal.asked("send")).toBe(0);
  });

  it("is sent nothing where there is no template, and whoever asked is told what to do", async () => {
    const { channel, person, advance, server } = await givenNumber();
    const { chat } = person(ANN);
    advance(DAY_MS);

    const errors = await Promise.all(
      [
        text(chat.id, "hello"),
        { ...text(chat.id, "May I?"), buttons: [{ id: "a", label: "Yes" }] },
        { kind: "file", key: "k", chat: chat.id, file: file("a.pdf", "application/pdf"), text: "" } as const,
        { kind: "reaction", key: "k", chat: chat.id, to: "wamid.1", emoji: "👍" } as const,
      ].map((outbound) => thrown(channel.send(outbound, signal))),
    );

    for (const error of errors) expect(error).toBeInstanceOf(ClosedWindowError);
    expect(String(errors[0])).toContain("docs/whatsapp-cloud.md");
    expect(server.journal.entries.filter(({ method }) => method === "POST")).toEqual([]);
  });

  it("is sent the template too where only WhatsApp knew that the day was over", async () => {
    const { channel, person, opened } = await given();

    await channel.send(text(person.id, "hello"), signal);
    await channel.send(text(person.id, "again"), signal);

    expect(opened.messages.map(({ type }) => type)).toEqual(["template", "template"]);

    async function given() {
      const number = await givenNumber({ template: TEMPLATE }, { templates: [TEMPLATE] });
      const ann = number.person(ANN);
      ann.opened.wroteAt -= 2 * DAY_MS;
      return { channel: number.channel, person: ANN, opened: ann.opened };
    }
  });

  it("may be answered again once they write", async () => {
    const { channel, person, advance, hears } = await givenNumber();
    const { chat, messages } = person(ANN);
    advance(2 * DAY_MS);
    await chat.says(ANN, "back again");
    await hears((one) => one.text === "back again");

    await channel.send(text(chat.id, "welcome"), signal);

    expect(messages.at(-1)?.text).toBe("welcome");
  });
});

describe("a refusal", () => {
  it("that concerns the account takes it down, until something is well again", async () => {
    const { channel, person, server } = await givenNumber();
    const { chat } = person(ANN);
    server.fault("send", { how: "unauthorised" });

    const error = await thrown(channel.send(text(chat.id, "one"), signal));
    const then = channel.health?.();
    await channel.send(text(chat.id, "two"), signal);

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain("bellhop channels connect whatsapp-cloud");
    expect(then).toMatchObject({ state: "down" });
    expect(channel.health?.()).toEqual({ state: "up" });
  });

  it("names what Meta finds it by", async () => {
    const { channel, person, server } = await givenNumber();
    const { chat } = person(ANN);
    server.fault("send", { how: "refuse" });

    const error = await thrown(channel.send(text(chat.id, "one"), signal));

    expect(String(error)).toContain("The test says no. (error 131009, trace AbCdEf123)");
  });
});

describe("a sign of writing", () => {
  it("is shown on the last message, and nowhere before there is one", async () => {
    const { channel, person, hears, server } = await givenNumber();
    const { chat, opened } = person(ANN);
    await channel.typing?.(chat.id, signal);
    await chat.says(ANN, "hello");
    await hears((one) => one.text === "hello");

    await channel.typing?.(chat.id, signal);

    expect(opened.typings).toBe(1);
    expect(server.journal.asked("typing")).toBe(1);
  });

  it("is not there where nobody is to see that we read", async () => {
    const { channel } = await givenNumber({ readReceipts: false });

    expect([channel.typing, channel.abilities.typingMs]).toEqual([undefined, undefined]);
  });
});

it("the agent is told the rule of a day in a sentence of at most 120 characters", async () => {
  const notes = [undefined, TEMPLATE].map(async (template) => {
    const { channel } = await givenNumber({ template });
    return channel.abilities.note ?? "";
  });

  for (const note of await Promise.all(notes)) {
    expect(note.length).toBeGreaterThan(20);
    expect(note.length).toBeLessThanOrEqual(120);
  }
});

it("a number that WhatsApp does not know, or not with this app, does not listen", async () => {
  const { over, channel } = await givenNumber({
    credentials: {
      phoneNumberId: "999999999",
      token: "EAAGm0PX4ZCpsBO-a-token-that-nobody-guesses",
      appSecret: "x",
    },
  });

  expect(await thrown(over ?? Promise.resolve())).toBeInstanceOf(ConfigError);
  expect(channel.health?.()).toMatchObject({ state: "down" });
});

it("a Graph API that fails does not keep notifications out", async () => {
  const { graph, start, person, heard } = await givenNumber();
  const number = start();
  graph.server.fault("listen", { how: "server error", status: 502 });
  const stop = new AbortController();
  const over = number.channel.listen?.(undefined, async (inbound) => void heard.push(inbound), stop.signal);
  await graph.server.changes.until(() =>
    graph.server.journal.entries.some(({ fault }) => fault === "server error") ? true : undefined,
  );

  const { opened } = person(ANN);
  await number.take({
    metadata: { phone_number_id: "1" },
    contacts: [],
    statuses: [],
    messages: [{ from: opened.person.id, id: "wamid.1", timestamp: "1", type: "text", text: { body: "in" } }],
  });

  expect(heard.map((one) => one.text)).toEqual(["in"]);
  stop.abort();
  await over?.catch(() => undefined); // it may be asking still
});

it("what a proxy says of a file is never taken for an answer of WhatsApp's", async () => {
  const { channel, person, server } = await givenNumber();
  const { chat } = person(ANN);
  server.fault("file", { how: "server error", status: 502 });

  const error = await thrown(
    channel.send(
      { kind: "file", key: "k", chat: chat.id, file: file("a.pdf", "application/pdf"), text: "" },
      signal,
    ),
  );

  expect(error).toBeInstanceOf(UnknownOutcomeError);
});
