/** Points 8 to 11: what is sent arrives whole, where it belongs, with its buttons and its files. */
import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Channel, OutboundFile } from "../../src/channel.ts";
import { RejectedError } from "../../src/errors.ts";
import type { ChannelPeer } from "../peer.ts";
import { type Check, fail, needsListen, outcome, without } from "./check.ts";
import { essay, lengthOf, messagesOf, readsAs } from "./essay.ts";
import { keyOf } from "./hearing.ts";
import { ANN, BEN, beside, idOf } from "./rig.ts";
import { shown, texts } from "./sending.ts";

const hasThreads = ({ abilities }: Channel) => (abilities.threads ? undefined : "it has no threads");
const hasButtons = ({ abilities }: Channel) => (abilities.buttons ? undefined : "it has no buttons");
const hasFiles = ({ abilities }: Channel) =>
  abilities.maxFileBytes === undefined ? "it has no files" : undefined;

/** Made as it is read, however large. */
export function bytes(name: string, type: string, size: number): OutboundFile {
  return {
    name,
    type,
    bytes: size,
    open: () =>
      Readable.from(
        (function* () {
          const piece = Buffer.alloc(64 * 1024, "0123456789abcdef");
          for (let left = size; left > 0; left -= piece.length)
            yield piece.subarray(0, Math.min(left, piece.length));
        })(),
      ),
  };
}

export const CONTENT: readonly Check[] = [
  {
    point: 8,
    says: "shows 20,000 characters of code, tables, emoji, right-to-left and links whole and in order",
    without: shown,
    async run({ peer, channel, send }) {
      const { maxTextLength, lengthUnit } = channel.abilities;
      const chat = peer.direct(ANN);
      const blocks = essay();
      for (const text of messagesOf(blocks, maxTextLength, lengthUnit)) {
        await send({ kind: "text", chat: chat.id, text });
      }

      readsAs(texts(chat), blocks);
    },
  },
  {
    point: 8,
    says: "takes a text as long as it declares, whatever is in it",
    without: shown,
    async run({ peer, channel, send }) {
      const { maxTextLength, lengthUnit } = channel.abilities;
      for (const [person, letter] of [
        [ANN, "a"],
        [BEN, "<"],
        [ANN, "é"],
        [BEN, "&"],
      ] as const) {
        const chat = peer.direct(person);
        const text = letter.repeat(
          Math.min(Math.floor(maxTextLength / lengthOf(letter, lengthUnit)), 200_000),
        );
        await send({ kind: "text", chat: chat.id, text });
        equal(texts(chat).at(-1), text);
      }
    },
  },
  {
    point: 8,
    says: "shows what only looks like markup as it was written",
    without: shown,
    async run({ peer, send }) {
      const chat = peer.direct(ANN);
      for (const text of [
        "2 * 3 * 4 = 24",
        "an unclosed **star",
        "snake_case_name",
        "a `tick",
        "<b> & </i",
        "[a](b",
      ]) {
        await send({ kind: "text", chat: chat.id, text });
        equal(texts(chat).at(-1), text);
      }
    },
  },
  {
    point: 9,
    says: "answers in the thread from which it was asked, and nowhere else",
    without: without(shown, hasThreads),
    async run({ peer, hears, send }) {
      const { chat: group } = beside(peer);
      const thread = peer.thread?.(group, "Dinner") ?? fail("its peer has no threads");
      await thread.says(ANN, "in the thread");
      const heard = await hears("it", ({ text }) => text === "in the thread");
      equal(heard.chat, thread.id);
      const { platformId } = await send({ kind: "text", chat: heard.chat, text: "back in the thread" });

      deepStrictEqual([texts(thread), texts(group)], [["back in the thread"], []]);
      equal(thread.messages().at(-1)?.platformId, platformId);
    },
  },
  {
    point: 9,
    says: "answers in the chat from which it was asked, and nowhere else",
    without: shown,
    async run({ peer, hears, send }) {
      const [ann, ben] = [peer.direct(ANN), peer.direct(BEN)];
      const { chat: group, people } = beside(peer);
      await group.says(people[0], "in the kitchen");
      await ann.says(ANN, "to you alone");
      for (const [text, answer] of [
        ["in the kitchen", "to all"],
        ["to you alone", "to Ann"],
      ] as const) {
        const { chat } = await hears(text, (one) => one.text === text);
        await send({ kind: "text", chat, text: answer });
      }

      deepStrictEqual([texts(group), texts(ann), texts(ben)], [["to all"], ["to Ann"], []]);
    },
  },
  {
    point: 9,
    says: "shows which message is answered",
    without: without(shown, ({ abilities }) => (abilities.quotes ? undefined : "it has no quotes")),
    async run({ peer, hears, send }) {
      const { chat, people } = beside(peer);
      const id = await chat.says(people[0], "when?");
      const { platformId } = await hears("it", ({ text }) => text === "when?");
      await send({ kind: "text", chat: chat.id, text: "at eight", replyTo: platformId });

      equal(chat.messages().at(-1)?.replyTo, id);
    },
  },
  {
    point: 10,
    says: "shows buttons, and says who pressed which, after a restart as before",
    without: without(needsListen, hasButtons),
    async run(rig) {
      const { peer, hears, heard, marker, restart, send } = rig;
      const { chat, people } = beside(peer);
      const [next, first] = people;
      const most = rig.channel.abilities.buttons?.most ?? 1;
      const buttons = [
        { id: "A_longest-id-that-is-allowed-32-c", label: "Yes" },
        { id: "b", label: "Not now, please ask" },
      ].map(({ id, label }) => ({ id: id.slice(0, 32), label }));
      const { platformId } = await send({
        kind: "text",
        chat: chat.id,
        text: "May I?",
        buttons: buttons.slice(0, most),
      });
      const [button = fail("there is no button")] = chat.messages().at(-1)?.buttons ?? [];
      deepStrictEqual(chat.messages().at(-1)?.buttons, buttons.slice(0, most));

      await chat.presses?.(first, platformId, button.id);
      const before = await hears("the press", ({ kind }) => kind === "button");
      await restart();
      await chat.presses?.(next, platformId, button.id);
      const after = await hears("the next", (one) => one.kind === "button" && one !== before);
      await marker();

      for (const [press, person] of [
        [before, first],
        [after, next],
      ] as const) {
        deepStrictEqual(
          [press.chat, press.button, press.replyTo, press.sender.id],
          [chat.id, button.id, platformId, idOf(peer, person)],
        );
      }
      const presses = heard.filter(({ kind }) => kind === "button").map(keyOf);
      equal(new Set(presses).size, 2);
    },
  },
  {
    point: 10,
    says: "takes a message's buttons away when it changes its text",
    without: without(shown, hasButtons, ({ edit, abilities }) =>
      edit && abilities.edits ? undefined : "it has no edits",
    ),
    async run({ peer, channel, send }) {
      const chat = peer.direct(ANN);
      const buttons = [{ id: "yes", label: "Yes" }];
      const { platformId } = await send({ kind: "text", chat: chat.id, text: "May I?", buttons });
      const before = chat.messages().at(-1)?.buttons?.length;
      const text = "Allowed by Ann.";
      await channel.edit?.({ chat: chat.id, platformId, text }, new AbortController().signal);

      const after = chat.messages().at(-1);
      deepStrictEqual([before, after?.text, after?.buttons?.length ?? 0], [1, text, 0]);
    },
  },
  {
    point: 11,
    says: "sends a file byte by byte, under its name, with its caption",
    without: without(shown, hasFiles),
    async run({ peer, send }) {
      const chat = peer.direct(ANN);
      for (const [file, text] of [
        [bytes("notes.bin", "application/octet-stream", 200_000), "as you asked"],
        [bytes("plain.txt", "text/plain", 10), ""],
      ] as const) {
        await send({ kind: "file", chat: chat.id, file, text });
        const message = chat.messages().at(-1);
        const content = await buffer(file.open());
        deepStrictEqual([message?.file?.name, message?.text], [file.name, text]);
        ok(content.equals(Buffer.from(message?.file?.content ?? [])), "its content is another one");
      }
    },
  },
  {
    point: 11,
    says: "refuses a file that is larger than it declares, and goes on",
    without: without(shown, hasFiles),
    async run({ peer, channel, send }) {
      const chat = peer.direct(ANN);
      const most = channel.abilities.maxFileBytes ?? 0;
      const file = bytes("large.bin", "application/octet-stream", most + 1);
      const error = await outcome(() => send({ kind: "file", chat: chat.id, file, text: "" }));
      await send({ kind: "text", chat: chat.id, text: "and on" });

      ok(error instanceof RejectedError, `it came to ${String(error)}`);
      deepStrictEqual(texts(chat), ["and on"]);
    },
  },
  {
    point: 11,
    says: "says of a file that its platform does not hand out that it cannot be had, and goes on",
    without: without(needsListen, hasFiles, ({ abilities }) =>
      abilities.maxInboundFileBytes === undefined ? "its platform hands out files of any size" : undefined,
    ),
    async run({ peer, channel, hears, marker }) {
      const chat = peer.direct(ANN);
      const content = new Uint8Array((channel.abilities.maxInboundFileBytes ?? 0) + 1);
      await chat.says(ANN, "", { file: { name: "film.bin", type: "application/octet-stream", content } });
      const heard = await hears("it", ({ files }) => files?.[0]?.name === "film.bin");
      const [file = fail("no file came with it")] = heard.files ?? [];
      const error = await outcome(() => file.open(new AbortController().signal));
      await marker();

      ok(error instanceof RejectedError, `it came to ${String(error)}`);
    },
  },
  {
    point: 11,
    says: "passes on whatever name a file has, and does nothing with it",
    without: without(needsListen, hasFiles),
    async run({ peer, hears }) {
      const chat = peer.direct(ANN);
      const content = new TextEncoder().encode("x");
      await chat.says(ANN, "look", { file: { name: "../../outside.txt", type: "text/plain", content } });
      const heard = await hears("it", ({ text }) => text === "look");

      ok(heard.files?.[0]?.name.endsWith("outside.txt"), "its name is another one");
    },
  },
];

/** Point 0: what is declared is there, and what is there is declared. */
export const DECLARING: readonly Check[] = [
  {
    point: 0,
    says: "declares what it has, and has what it declares",
    async run({ peer, channel }) {
      const { abilities } = channel;
      const declared = {
        edit: abilities.edits,
        typing: abilities.typingMs !== undefined,
        find: abilities.resend.how === "lookup",
      };
      const there = {
        edit: channel.edit !== undefined,
        typing: channel.typing !== undefined,
        find: channel.find !== undefined,
      };
      deepStrictEqual(there, declared);
      ok(abilities.maxTextLength > 0, "maxTextLength");
      ok(!abilities.reactionsOf || abilities.reactions, "reactionsOf without reactions");
      has(peer, channel);
    },
  },
];

/** What the platform can do and the adapter leaves unused is a mistake too, as far as the peer shows it. */
function has(peer: ChannelPeer, { abilities }: Channel): void {
  const chat = peer.direct(ANN);
  const unused = [
    peer.thread && !abilities.threads ? "threads" : [],
    chat.presses && !abilities.buttons ? "buttons" : [],
    chat.typings && abilities.typingMs === undefined ? "typing" : [],
  ].flat();
  deepStrictEqual(unused, [], "the platform has these, and the adapter does not declare them");
}
