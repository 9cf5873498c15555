/** What comes in from WhatsApp, beside what every channel shows (contract.test.ts): its kinds, and what may go wrong. */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { createWebhook } from "../src/webhook.ts";
import { NUMBER } from "./fake/graph-api.ts";
import { contactOf, notice, posted } from "./fake/notices.ts";
import { ANN, BEN, DAY_MS, givenNumber, signal, text } from "./given.ts";

const said = (id: string, body: string, more: object = {}) => ({
  from: ANN.id,
  id,
  timestamp: "1795780800", // noon, as the clock of these tests has it
  type: "text",
  text: { body },
  ...more,
});
const keyOf = ({ platformId, kind, version }: { platformId: string; kind: string; version: number }) =>
  `${kind} ${platformId} ${version}`;

describe("what people send", () => {
  it.each([
    [
      "a place",
      {
        type: "location",
        location: { latitude: 53.5, longitude: 10, name: "Harbour", address: "Pier 1" },
      },
      { text: "Harbour, Pier 1 (53.5, 10)", nonText: "location" },
    ],
    [
      "a card",
      {
        type: "contacts",
        contacts: [
          {
            name: { formatted_name: "Cat Stevens" },
            phones: [{ phone: "+49 1" }],
            emails: [{ email: "c@d.e" }],
          },
        ],
      },
      { text: "Cat Stevens +49 1 c@d.e", nonText: "contact" },
    ],
    [
      "a line of a list of ours",
      {
        type: "interactive",
        context: { id: "wamid.list" },
        interactive: { type: "list_reply", list_reply: { id: "abc", title: "Approve" } },
      },
      { kind: "button", button: "abc", text: "", replyTo: "wamid.list" },
    ],
    [
      "a button of a template",
      { type: "button", context: { id: "wamid.t" }, button: { payload: "yes", text: "Yes" } },
      { kind: "message", text: "Yes", replyTo: "wamid.t" },
    ],
    [
      "a form",
      { type: "interactive", interactive: { type: "nfm_reply", nfm_reply: { response_json: '{"a":1}' } } },
      { text: '{"a":1}', nonText: "form" },
    ],
    [
      "what was forwarded",
      { type: "text", text: { body: "news" }, context: { forwarded: true } },
      { text: "news", forwarded: "" },
    ],
    [
      "a poll, which is shown to no program",
      { type: "unsupported", errors: [{ code: 131_051 }], unsupported: { type: "poll_creation" } },
      { text: "", nonText: "poll creation" },
    ],
    [
      "a kind that there was none of yet",
      { type: "hologram", hologram: {} },
      { text: "", nonText: "hologram" },
    ],
  ])("is heard as what it is: %s", async (_, message, heardAs) => {
    const { meta, person, hears } = await givenNumber();

    meta.says(person(ANN).opened, message);

    expect(await hears(() => true)).toMatchObject({ ...heardAs, chat: ANN.id, direct: true });
  });

  it.each([
    ["a picture", "image", { mime_type: "image/png", caption: "look" }, "photo.png", "look"],
    ["a film", "video", { mime_type: "video/mp4" }, "video.mp4", ""],
    ["a voice", "audio", { mime_type: "audio/ogg; codecs=opus", voice: true }, "voice.ogg", ""],
    ["a document", "document", { filename: "list.pdf", mime_type: "application/pdf" }, "list.pdf", ""],
    ["a sticker", "sticker", { mime_type: "image/webp" }, "sticker.webp", ""],
  ])("brings its file: %s", async (_, type, media, name, words) => {
    const { meta, world, person, hears } = await givenNumber();
    const id = world.keep({ name, type: media.mime_type, content: Buffer.from("the bytes") });

    meta.says(person(ANN).opened, { type, [type]: { id, ...media } });
    const { files = [], text: caption } = await hears(() => true);

    expect([files[0]?.name, files[0]?.type, caption]).toEqual([name, media.mime_type, words]);
    const content = await files[0]?.open(signal);
    expect(content && (await buffer(content)).toString()).toBe("the bytes");
  });

  it("that is over there is not to be had", async () => {
    const { meta, person, hears } = await givenNumber();
    meta.says(person(ANN).opened, { type: "image", image: { id: "1234" } });
    const { files = [] } = await hears(() => true);

    await expect(files[0]?.open(signal)).rejects.toThrow(RejectedError);
  });

  it.each([
    ["in a group, which is no chat here", { group_id: "Y2FwaV9ncm91cDox" }],
    ["by WhatsApp itself", { type: "system", system: { body: "Ann changed their number" } }],
  ])("is passed over %s", async (_, more) => {
    const { route, heard, logged } = await givenNumber();

    const { status } = await route(posted(notice({ messages: [said("wamid.1", "psst", more)] })));

    expect([status, heard]).toEqual([200, []]);
    expect(logged.map(({ level }) => level)).toEqual(["info"]);
  });
});

describe("a person who hides their number", () => {
  it("stays who they were when they first wrote, and so when they show it again", async () => {
    const { meta, person, hears } = await givenNumber();
    const { opened: ann } = person(ANN);
    const ben = { ...person(BEN).opened, userId: "DE.77", hidesNumber: true };
    ann.hidesNumber = true;
    meta.says(ann, { type: "text", text: { body: "Ann, hidden" } });
    meta.says(ben, { type: "text", text: { body: "Ben, hidden" } });
    await hears((one) => one.text === "Ben, hidden");
    ben.hidesNumber = false;
    meta.says(ben, { type: "text", text: { body: "Ben, shown" } });

    const chats = ["Ann, hidden", "Ben, hidden", "Ben, shown"].map(
      async (words) => (await hears((one) => one.text === words)).chat,
    );

    expect(await Promise.all(chats)).toEqual([ANN.id, "DE.77", "DE.77"]);
  });
});

describe("a notification (F15)", () => {
  it("that comes four times at once is one message, under one key", async () => {
    const { route, heard } = await givenNumber();
    const request = posted(notice({ messages: [said("wamid.1", "once")] }));

    const answers = await Promise.all([1, 2, 3, 4].map(() => route(request)));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(new Set(heard.map(keyOf))).toEqual(new Set(["message wamid.1 0"]));
  });

  it("that comes again after eight days has the same key, and opens no new day", async () => {
    const { route, heard, advance, channel } = await givenNumber();
    const request = posted(notice({ messages: [said("wamid.1", "once")] }));
    await route(request);
    advance(8 * DAY_MS);
    await route(request);

    expect(new Set(heard.map(keyOf)).size).toBe(1);
    await expect(channel.send(text(ANN.id, "hello"), signal)).rejects.toThrow(RejectedError);
  });

  it("of an edit is a version of its own, the same whenever it comes", async () => {
    const { route, heard } = await givenNumber();
    const edit = (id: string) =>
      said(id, "", {
        type: "edit",
        text: undefined,
        edit: { original_message_id: "wamid.1", message: { type: "text", text: { body: id } } },
      });
    const messages = [edit("wamid.2"), edit("wamid.3"), edit("wamid.2")];

    await route(posted(notice({ messages })));

    expect(heard.map(({ platformId, kind }) => `${kind} ${platformId}`)).toEqual(
      Array(3).fill("edit wamid.1"),
    );
    expect(new Set(heard.map(keyOf)).size).toBe(2);
  });

  it("loses nothing to what cannot be read beside it", async () => {
    const { route, heard, logged } = await givenNumber();
    const odd = [{}, { id: 7 }, said("wamid.x", "nobody wrote it", { from: undefined }), "text"];
    const messages = [said("wamid.1", "one"), ...odd, said("wamid.2", "two")];

    const { status } = await route(posted(notice({ messages, contacts: [7], statuses: ["sent"] })));

    expect([status, heard.map((one) => one.text)]).toEqual([200, ["one", "two"]]);
    expect(logged.filter(({ level }) => level === "warn")).toHaveLength(odd.length + 1);
  });

  it.each(["no JSON", "[]", { object: "page", entry: [] }, { object: "whatsapp_business_account" }])(
    "that is none is passed over: %j",
    async (body) => {
      const { route, logged } = await givenNumber();

      expect(await route(posted(body))).toEqual({ status: 200 });
      expect(logged).toHaveLength(1);
    },
  );

  it("is not confirmed while its message is not on disk, and goes on with what comes then", async () => {
    const { route, disk, heard } = await givenNumber();
    const request = posted(notice({ messages: [said("wamid.1", "one"), said("wamid.2", "two")] }));
    disk.write = async () => {
      throw new TemporaryError("the disk is full");
    };
    const before = await route(request);
    disk.write = async () => undefined;
    const after = await route(request);

    expect([before.status, after.status]).toEqual([503, 200]);
    expect(heard.map((one) => one.text)).toEqual(["one", "two"]);
  });

  it("may be answered as soon as its message is on disk", async () => {
    const { route, disk, channel, world } = await givenNumber();
    const { messages } = world.open(ANN);
    disk.write = async () => void (await channel.send(text(ANN.id, "at once"), signal));

    await route(posted(notice({ messages: [said("wamid.1", "one")] })));

    expect(messages.map((one) => one.text)).toEqual(["at once"]);
  });

  it("is not held up for ever by a message that is refused", async () => {
    const { route, disk, heard } = await givenNumber();
    disk.write = async (one) => {
      if (one.text === "one") throw new RejectedError("not this one");
    };

    const { status } = await route(
      posted(notice({ messages: [said("wamid.1", "one"), said("wamid.2", "two")] })),
    );

    expect([status, heard.map((one) => one.text)]).toEqual([200, ["two"]]);
  });

  it("is answered with 503 while nobody listens", async () => {
    const { route, stop, over } = await givenNumber();
    stop.abort();
    await over?.catch(() => undefined);

    expect(await route(posted(notice({ messages: [said("wamid.1", "one")] })))).toEqual({ status: 503 });
  });
});

describe("a request that Meta did not make (F16)", () => {
  const body = notice({ messages: [said("wamid.1", "let me in")] });
  const right = posted(body);
  it.each([
    ["without a signature", { ...right, headers: {} }],
    ["signed with another secret", posted(body, { secret: "f".repeat(32) })],
    ["with other bytes than were signed", { ...right, body: Buffer.from(`${JSON.stringify(body)} `) }],
    ["with half a signature", { ...right, headers: { "x-hub-signature-256": "sha256=" } }],
  ])("is answered with 401, and nothing is heard: %s", async (_, request) => {
    const { route, heard } = await givenNumber();

    expect(await route(request)).toEqual({ status: 401 });
    expect(heard).toEqual([]);
  });

  it.each([
    ["another path", { ...right, path: "/nobody" }, 404],
    ["another method", { ...right, method: "PUT" }, 405],
  ])("is refused on %s", async (_, request, status) => {
    const { route } = await givenNumber();

    expect(await route(request)).toMatchObject({ status });
  });
});

describe("the address", () => {
  const asked = (token: string, mode = "subscribe") => ({
    ...posted(""),
    method: "GET",
    query: { "hub.mode": mode, "hub.verify_token": token, "hub.challenge": "1158201444" },
  });

  it("proves itself to whoever knows the verify token, and to nobody else", async () => {
    const { route } = await givenNumber();

    expect(await route(asked("verify me"))).toMatchObject({ status: 200, body: "1158201444" });
    expect(await route(asked("verify you"))).toEqual({ status: 401 });
    expect(await route(asked("verify me", "unsubscribe"))).toEqual({ status: 401 });
  });

  it("serves all numbers of one app, and none of another's", async () => {
    const { start, log } = await givenNumber();
    const secret = "e".repeat(32);
    const numbers = [
      start(),
      start({ account: "2", credentials: { ...NUMBER, phoneNumberId: "222" } }),
      start({ account: "3", credentials: { ...NUMBER, phoneNumberId: "333", appSecret: secret } }),
    ];
    const reached: string[] = [];
    const subscribers = numbers.map(({ subscriber }) => ({
      ...subscriber,
      take: async () => void reached.push(subscriber.account),
    }));
    const route = createWebhook(subscribers, log);
    const to = (phoneNumberId: string) => notice({ phoneNumberId, messages: [said("wamid.1", "hello")] });

    await route(posted(to("222")));
    await route(posted(to("333")));
    await route(posted(to("333"), { path: "/3", secret }));

    expect(reached).toEqual(["2", "3"]);
  });
});

describe("a message of ours that failed later", () => {
  const failed = (code: number) =>
    posted(
      notice({
        statuses: [
          { id: "wamid.9", status: "failed", recipient_id: ANN.id, errors: [{ code, title: "why" }] },
        ],
      }),
    );

  it("is a line in the log", async () => {
    const { route, logged, channel } = await givenNumber();

    await route(failed(131_026));

    expect(logged).toContainEqual(
      expect.objectContaining({ level: "warn", fields: { message: "wamid.9", why: "why (error 131026)" } }),
    );
    expect(channel.health?.()).toEqual({ state: "up" });
  });

  it("says that the day is over, whatever we believed", async () => {
    const { route, person, channel } = await givenNumber();
    person(ANN);

    await route(failed(131_047));

    await expect(channel.send(text(ANN.id, "hello"), signal)).rejects.toThrow("a day");
  });

  it("takes the number down where its account is at fault, until another one arrives", async () => {
    const { route, channel } = await givenNumber();
    const arrived = notice({ statuses: [{ id: "wamid.10", status: "delivered", recipient_id: ANN.id }] });

    await route(failed(131_042));
    const then = channel.health?.();
    await route(posted(arrived));

    expect(then).toMatchObject({ state: "down", why: expect.stringContaining("payment") });
    expect(channel.health?.()).toEqual({ state: "up" });
  });
});

describe("the token", () => {
  it("is told to nobody but the Graph API and Meta's own files", async () => {
    const addresses: string[] = [];
    const { start, person, meta, heard } = await givenNumber();
    const elsewhere = { url: "https://elsewhere.example/file", messaging_product: "whatsapp" };
    const spying = start({
      wire: {
        async fetch(url) {
          addresses.push(url);
          const json = async () => elsewhere;
          return { status: 200, headers: {}, json, text: async () => JSON.stringify(elsewhere) };
        },
        async open(url) {
          addresses.push(url);
          throw new Error("nothing is asked for there");
        },
      },
    });
    const stop = new AbortController();
    const over = spying.channel.listen?.(undefined, async (one) => void heard.push(one), stop.signal);
    await spying.take({
      metadata: { phone_number_id: NUMBER.phoneNumberId },
      contacts: [contactOf(person(ANN).opened)],
      statuses: [],
      messages: [said("wamid.1", "", { text: undefined, type: "image", image: { id: "9" } })],
    });
    meta.close();

    await expect(heard.at(-1)?.files?.[0]?.open(signal)).rejects.toThrow("not Meta's");
    expect(addresses.filter((address) => address.includes("elsewhere"))).toEqual([]);
    stop.abort();
    await over?.catch(() => undefined);
  });
});
