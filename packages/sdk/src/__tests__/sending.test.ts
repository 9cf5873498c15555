import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { OutboundFile } from "../channel.ts";
import { bytesOf, sendingBy } from "../sending.ts";
import { WireError } from "../wire.ts";

const signal = new AbortController().signal;

function fileOf(open: () => Readable): OutboundFile {
  return { name: "a.txt", type: "text/plain", bytes: 3, open };
}

describe("sending by kind", () => {
  it("hands each message to whoever sends its kind", async () => {
    const send = sendingBy({
      text: async ({ text }) => ({ platformId: `text ${text}` }),
      file: async ({ file }) => ({ platformId: `file ${file.name}` }),
      reaction: async ({ to, emoji }) => ({ platformId: `${emoji} on ${to}` }),
    });
    const about = { key: "k", chat: "c" };
    const file = fileOf(() => Readable.from([]));

    const sent = await Promise.all([
      send({ ...about, kind: "text", text: "hello" }, signal),
      send({ ...about, kind: "file", file, text: "" }, signal),
      send({ ...about, kind: "reaction", to: "7", emoji: "👍" }, signal),
    ]);

    expect(sent.map(({ platformId }) => platformId)).toEqual(["text hello", "file a.txt", "👍 on 7"]);
  });
});

describe("the bytes of a file", () => {
  it("are what it holds", async () => {
    const bytes = Readable.from(bytesOf(fileOf(() => Readable.from([Buffer.from("abc")]))));

    expect((await buffer(bytes)).toString()).toBe("abc");
  });

  it("were not all written where it cannot be read to its end", async () => {
    const cause = new Error("the disk is gone");
    const broken = fileOf(() => new Readable({ read: () => undefined }).destroy(cause));

    const failure = await buffer(Readable.from(bytesOf(broken))).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(WireError);
    expect(failure).toMatchObject({ written: false, cause });
  });
});
