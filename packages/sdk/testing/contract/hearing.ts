/** Point 1: what people do is heard as they did it, and what they did not do is not heard. */
import { deepStrictEqual, equal, notEqual, ok } from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import type { Channel, Inbound } from "../../src/channel.ts";
import type { ChannelPeer } from "../peer.ts";
import { type Check, fail, needsGroups, needsListen, without } from "./check.ts";
import { ANN, BEN, beside, idOf, ROBOT } from "./rig.ts";

const ODD_TEXTS = [
  "/status now",
  "a *star*, an _under_score_ and a `tick`",
  "<b>&amp; no entity & no tag</b>",
  "two\nlines\n\nand a paragraph",
  "👩‍👩‍👧‍👦 🇩🇪 ❤️ é",
  "שלום, العالم 1 2 3",
  "https://example.com/a_b__c?d=e&f=[g]#h",
  "[no](link) ![no](picture) | a | table |",
];

const canEdit = (_: Channel, peer: ChannelPeer) =>
  peer.direct(ANN).edits ? undefined : "people cannot change what they wrote there";
const canDelete = (_: Channel, peer: ChannelPeer) =>
  peer.direct(ANN).deletes ? undefined : "people cannot take back what they wrote there";
const canReact = (_: Channel, peer: ChannelPeer) =>
  peer.direct(ANN).reacts ? undefined : "people cannot react there";

const file = (name: string, content: string) => ({
  name,
  type: "text/plain",
  content: new TextEncoder().encode(content),
});

export const HEARING: readonly Check[] = [
  {
    point: 1,
    says: "hears a text with all that belongs to it",
    without: needsListen,
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);

      const platformId = await chat.says(ANN, "good morning");
      const heard = await hears("good morning", ({ text }) => text === "good morning");

      const { kind, version, direct, sender } = heard;
      deepStrictEqual(
        {
          platformId: heard.platformId,
          kind,
          version,
          chat: heard.chat,
          direct,
          id: sender.id,
          name: sender.name,
        },
        {
          platformId,
          kind: "message",
          version: 0,
          chat: chat.id,
          direct: true,
          id: idOf(peer, ANN),
          name: ANN.name,
        },
      );
      ok(sender.bot !== true && sender.self !== true, "a person is neither a program nor us");
      deepStrictEqual([heard.replyTo, heard.files ?? [], heard.button], [undefined, [], undefined]);
    },
  },
  {
    point: 1,
    says: "hears every text exactly, commands and markup too",
    without: needsListen,
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      for (const text of ODD_TEXTS) {
        const platformId = await chat.says(ANN, text);
        const heard = await hears(text, (one) => one.platformId === platformId && one.chat === chat.id);
        equal(heard.text, text);
      }
    },
  },
  {
    point: 1,
    says: "says of a chat of several people that it is one, and what it is called",
    without: without(needsListen, needsGroups),
    async run({ peer, hears }) {
      const chat = peer.group?.("The kitchen") ?? fail("its peer has no groups");
      await chat.says(BEN, "hello all");

      const heard = await hears("hello all", ({ text }) => text === "hello all");

      deepStrictEqual(
        [heard.chat, heard.chatTitle, heard.sender.id],
        [chat.id, "The kitchen", idOf(peer, BEN)],
      );
      ok(heard.direct !== true, "it is no conversation of one person alone");
    },
  },
  {
    point: 1,
    says: "tells a mention of us from none",
    without: without(needsListen, needsGroups),
    async run({ peer, hears }) {
      const chat = peer.group?.("The kitchen") ?? fail("its peer has no groups");
      const [plain, mention] = [
        await chat.says(ANN, "nobody asked"),
        await chat.says(ANN, "what is for dinner", { mentionsUs: true }),
      ];

      const first = await hears("one without", ({ platformId }) => platformId === plain);
      const second = await hears("one with", ({ platformId }) => platformId === mention);

      deepStrictEqual([first.mentionsUs === true, second.mentionsUs], [false, true]);
      ok(second.text.includes("what is for dinner"), "its text is there");
    },
  },
  {
    point: 1,
    says: "hears which message is answered",
    without: without(needsListen, ({ abilities }) => (abilities.quotes ? undefined : "it has no quotes")),
    async run({ peer, hears, send }) {
      const chat = peer.direct(ANN);
      const { platformId: ours } = await send({ kind: "text", chat: chat.id, text: "which one?" });
      await chat.says(ANN, "the other", { replyTo: ours });

      const heard = await hears("the other", ({ text }) => text === "the other");

      equal(heard.replyTo, ours);
    },
  },
  {
    point: 1,
    says: "tells words that are handed on from their sender's own",
    without: without(needsListen, (_, peer) =>
      peer.direct(ANN).forwards ? undefined : "it does not mark what is handed on",
    ),
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      const own = await chat.says(ANN, "/stop it");
      const others = await chat.forwards?.(ANN, "/stop them");

      const first = await hears("own words", ({ platformId }) => platformId === own);
      const second = await hears("somebody else's", ({ platformId }) => platformId === others);

      deepStrictEqual([first.forwarded, second.text], [undefined, "/stop them"]);
      ok(second.forwarded !== undefined, "they are not marked");
      equal(second.replyTo, undefined);
    },
  },
  {
    point: 1,
    says: "hears each change of a message as another version of it",
    without: without(needsListen, canEdit),
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      const id = await chat.says(ANN, "at eigth");
      const original = await hears("the original", ({ platformId }) => platformId === id);
      const versions: number[] = [];
      for (const text of ["at eight", "at nine"]) {
        await chat.edits?.(ANN, id, text);
        const edit = await hears(text, (one) => one.kind === "edit" && one.text === text);
        equal(edit.platformId, original.platformId);
        versions.push(edit.version);
      }

      ok(
        versions.every((version) => version > 0),
        "the version 0 is the original",
      );
      notEqual(versions[0], versions[1]);
    },
  },
  {
    point: 1,
    says: "hears that a message was taken back",
    without: without(needsListen, canDelete),
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      const id = await chat.says(ANN, "forget this");
      await chat.deletes?.(ANN, id);

      const heard = await hears("that it is gone", ({ kind }) => kind === "delete");

      deepStrictEqual([heard.platformId, heard.chat, heard.text], [id, chat.id, ""]);
    },
  },
  {
    point: 1,
    says: "hears a reaction to a message of ours, and that it was taken away",
    without: without(needsListen, canReact),
    async run({ peer, hears, send }) {
      const chat = peer.direct(ANN);
      const { platformId: ours } = await send({ kind: "text", chat: chat.id, text: "done" });
      const reacted = (text: string) => (one: Inbound) => one.kind === "reaction" && one.text === text;
      await chat.reacts?.(ANN, ours, "👍");
      const given = await hears("the reaction", reacted("👍"));
      await chat.reacts?.(ANN, ours, "");
      const taken = await hears("that it is gone", reacted(""));

      deepStrictEqual([given.replyTo, given.sender.id, taken.replyTo], [ours, idOf(peer, ANN), ours]);
      notEqual(keyOf(given), keyOf(taken));
    },
  },
  {
    point: 1,
    says: "hears a file without a text, and one with a caption, byte by byte",
    without: without(needsListen, takesFiles),
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      const alone = await chat.says(ANN, "", { file: file("list.txt", "eggs and milk") });
      const captioned = await chat.says(ANN, "for tomorrow", { file: file("more.txt", "bread") });

      for (const [id, caption, name, content] of [
        [alone, "", "list.txt", "eggs and milk"],
        [captioned, "for tomorrow", "more.txt", "bread"],
      ] as const) {
        const heard = await hears(name, ({ platformId, kind }) => platformId === id && kind === "message");
        const [one = fail("no file came with it")] = heard.files ?? [];
        equal(heard.text, caption);
        equal(one.name, name);
        equal((await buffer(await one.open(new AbortController().signal))).toString(), content);
      }
    },
  },
  {
    point: 1,
    says: "says of a program that it is one",
    without: without(needsListen, needsGroups),
    async run({ peer, hears }) {
      const chat = peer.group?.("The kitchen") ?? fail("its peer has no groups");
      await chat.says(ROBOT, "beep");

      const heard = await hears("beep", ({ text }) => text === "beep");

      equal(heard.sender.bot, true);
    },
  },
  {
    point: 1,
    says: "never takes what it sent itself for somebody's words",
    without: needsListen,
    async run({ peer, heard, marker, send }) {
      const { chat } = beside(peer);
      await send({ kind: "text", chat: chat.id, text: "from the assistant" });
      await marker();

      const echoes = heard.filter(({ text }) => text === "from the assistant");

      ok(
        echoes.every(({ sender }) => sender.self === true),
        "an echo is ours, or none",
      );
    },
  },
];

/** Which one thing that somebody did it is: the host takes it once (G2). */
export function keyOf({ chat, platformId, kind, version }: Inbound): string {
  return JSON.stringify([chat, platformId, kind, version]);
}

function takesFiles({ abilities }: Channel): string | undefined {
  return abilities.maxFileBytes === undefined ? "it has no files" : undefined;
}
