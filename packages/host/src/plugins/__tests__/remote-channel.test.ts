import {
  type Channel,
  ConfigError,
  type Inbound,
  type OutboundFile,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { PluginProcess } from "../process.ts";
import { createRemoteChannel, type Line, nothingHanded } from "../remote-channel.ts";
import { givenRoom } from "./a-room.ts";

/** A platform in the plugin's own process; what it is sent says what it does. */
const CHAT = `{
  channels: ["", "second"].map((account) => ({
    name: "chat",
    account,
    abilities: { maxTextLength: 100, lengthUnit: "utf16", resend: { how: "lookup" }, reactions: true, quotes: true, edits: true, maxFileBytes: 1e9, typingMs: 5000 },
    async listen(cursor, accept, signal) {
      if (account !== "") return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      for (let at = Number(cursor ?? 0) + 1; at <= 2; at += 1) {
        const file = { name: "a.bin", type: "application/octet-stream", bytes: 300000, open: async () => Readable.from([Buffer.alloc(300000, at)]) };
        const none = { name: "gone", open: async () => { throw new sdk.RejectedError("it is too old") } };
        await accept({ platformId: "m" + at, kind: "message", version: 0, chat: "c", sender: { id: "u", name: "Ann" }, text: "hello " + at, files: [file, none] }, String(at));
      }
      healthy = false;
      throw new sdk.TemporaryError("the platform hung up", { retryAfterMs: 1234 });
    },
    async send(message) {
      if (message.kind === "file") {
        const first = await once(message.file);
        return { platformId: first + ":" + (await once(message.file)) };
      }
      const [what, ...words] = message.text.split(" ");
      switch (what) {
        case "die": process.exit(1);
        case "Temporary": throw new sdk.TemporaryError("slow down", { retryAfterMs: 5000 });
        case "Unknown": throw new sdk.UnknownOutcomeError("who knows");
        case "Rejected": throw new sdk.RejectedError("never");
        case "Config": throw new sdk.ConfigError("log in");
        case "Odd": throw new TypeError("odd");
        case "nothing": return {};
        default: return { platformId: "sent " + account };
      }
    },
    edit: async ({ text }) => { if (text === "die") process.exit(1) },
    typing: async () => {},
    chatInfo: async (chat) => ({ title: "Chat " + chat, members: 3 }),
    find: async ({ key }) => (key === "there" ? { platformId: "found" } : undefined),
    health: () => (healthy ? { state: "up" } : { state: "down", why: "log in again" }),
  })),
}`;

const BEFORE = `
import { Readable } from "node:stream";
import { createHash } from "node:crypto";
let healthy = true;
async function once(file) {
  const hash = createHash("sha256");
  for await (const chunk of file.open()) hash.update(chunk);
  return hash.digest("hex");
}`;

async function given() {
  const house = await givenRoom([{ name: "chat", before: BEFORE, code: CHAT, manifest: { channel: true } }]);
  await house.room.start(20_000);
  const channel = (account = "") => {
    const found = house.room.channels().find((one) => one.account === account);
    if (!found) throw new Error("no such account");
    return found;
  };
  return { ...house, channel };
}

const never = new AbortController().signal;

function say(channel: Channel, text: string, signal = never) {
  return channel.send({ key: "k", chat: "c", kind: "text", text }, signal);
}

describe("a channel in a plugin's process", () => {
  it("says what it can do, and does it for each account", async () => {
    const { channel } = await given();

    expect(channel().abilities).toMatchObject({ maxTextLength: 100, resend: { how: "lookup" }, edits: true });
    expect(await say(channel(), "hello")).toEqual({ platformId: "sent " });
    expect(await say(channel("second"), "hello")).toEqual({ platformId: "sent second" });
    expect(await channel().chatInfo?.("c", never)).toEqual({ title: "Chat c", members: 3 });
    expect(await channel().find?.({ chat: "c", key: "there" }, never)).toEqual({ platformId: "found" });
    expect(await channel().find?.({ chat: "c", key: "not" }, never)).toBeUndefined();
    await channel().edit?.({ chat: "c", platformId: "p", text: "new" }, never);
    await channel().typing?.("c", never);
  });

  it("throws what its adapter throws, by the class of the error", async () => {
    const { channel } = await given();

    await expect(say(channel(), "Temporary")).rejects.toThrow(TemporaryError);
    await expect(say(channel(), "Temporary")).rejects.toMatchObject({
      retryAfterMs: 5_000,
      message: "slow down",
    });
    await expect(say(channel(), "Unknown")).rejects.toThrow(new UnknownOutcomeError("who knows"));
    await expect(say(channel(), "Rejected")).rejects.toThrow(RejectedError);
    await expect(say(channel(), "Config")).rejects.toThrow(new ConfigError("log in"));
    await expect(say(channel(), "Odd")).rejects.toThrow(new Error("odd"));
    await expect(say(channel(), "nothing")).rejects.toThrow(UnknownOutcomeError);
  });

  it("leaves in doubt what its process died over, and refuses for now what was not begun (G14)", async () => {
    const { channel, running, until } = await given();
    const before = channel();

    await expect(say(before, "die")).rejects.toThrow(UnknownOutcomeError);
    const down = say(before, "hello");
    await expect(down).rejects.toThrow(TemporaryError);
    await expect(down).rejects.not.toThrow(UnknownOutcomeError);
    expect(before.health?.()).toMatchObject({ state: "connecting" });
    expect(before.abilities.maxTextLength).toBe(100);

    // Whoever listens meanwhile waits for the next process.
    const listening = before.listen?.("2", async () => undefined, never);

    await until("chat", (one) => one?.crashes === 1);
    await running("chat");
    await expect(listening).rejects.toThrow("the platform hung up");
    expect(channel()).toBe(before);
    expect(await say(before, "hello")).toEqual({ platformId: "sent " });
    await expect(before.edit?.({ chat: "c", platformId: "p", text: "die" }, never)).rejects.toThrow(
      UnknownOutcomeError,
    );
  });

  it("brings messages one by one from the cursor, each once the one before is on disk, with their files", async () => {
    const { channel, room } = await given();
    const taken: [string, string | undefined][] = [];
    const files: Inbound["files"][] = [];
    const accept = async (inbound: Inbound, cursor?: string) => {
      taken.push([inbound.text, cursor]);
      files.push(inbound.files);
    };

    const listening = channel().listen?.(undefined, accept, never);
    await expect(listening).rejects.toMatchObject({ message: "the platform hung up", retryAfterMs: 1_234 });
    expect(taken).toEqual([
      ["hello 1", "1"],
      ["hello 2", "2"],
    ]);
    const [file, gone] = files[1] ?? [];
    expect(file).toMatchObject({ name: "a.bin", bytes: 300_000 });
    expect(await buffer((await file?.open(never)) ?? Readable.from([]))).toEqual(Buffer.alloc(300_000, 2));
    await expect(gone?.open(never)).rejects.toThrow(new RejectedError("it is too old"));
    expect(channel().health?.()).toEqual({ state: "down", why: "log in again" });

    const failing = channel().listen?.(
      "1",
      async () => {
        throw new TemporaryError("the disk is full");
      },
      never,
    );
    await expect(failing).rejects.toThrow("the disk is full");
    await room.refresh();
  });

  it("stops listening when it is told to", async () => {
    const { channel } = await given();
    const stop = new AbortController();

    const listening = channel("second").listen?.(undefined, async () => undefined, stop.signal);
    setImmediate(() => stop.abort(new Error("enough")));

    await expect(listening).rejects.toThrow("enough");
  });

  it("is given files from their beginning, as often as it asks, without holding them in memory", async () => {
    const { channel } = await given();
    const bytes = randomBytes(3_000_000);
    let opened = 0;
    const file: OutboundFile = {
      name: "big.bin",
      type: "application/octet-stream",
      bytes: bytes.length,
      open() {
        opened += 1;
        return Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]);
      },
    };
    const hash = createHash("sha256").update(bytes).digest("hex");

    const sent = await channel().send({ key: "k", chat: "c", kind: "file", text: "", file }, never);

    expect(sent).toEqual({ platformId: `${hash}:${hash}` });
    expect(opened).toBe(2);
  });
});

describe("how long a plugin has for what it is to send", () => {
  it("grows with the file, so that a large one may go over a slow line", async () => {
    const allowed: (number | undefined)[] = [];
    const process = {
      link: { isOpen: true, withdraw: () => undefined },
      async call(_method: string, { withinMs }: { withinMs?: number } = {}) {
        allowed.push(withinMs);
        return { platformId: "p" };
      },
    } as unknown as PluginProcess; // all of it that a channel uses
    const line: Line = { process: () => process, up: async () => process, why: () => undefined };
    const abilities = { maxTextLength: 100, lengthUnit: "utf16", resend: { how: "twice" } } as const;
    const channel = createRemoteChannel(
      {
        name: "chat",
        account: "",
        abilities: { ...abilities, reactions: false, quotes: false, edits: false },
        has: [],
      },
      line,
      nothingHanded(),
    );
    const fileOf = (bytes: number): OutboundFile => ({
      name: "film.mp4",
      type: "video/mp4",
      bytes,
      open: () => Readable.from([]),
    });
    const sends = (bytes: number) =>
      channel.send({ key: "k", chat: "c", kind: "file", file: fileOf(bytes), text: "" }, never);

    await say(channel, "hello");
    await sends(1_000);
    await sends(50 * 1024 * 1024);

    const [text = 0, small = 0, large = 0] = allowed;
    expect(text).toBe(60_000);
    expect(small).toBeLessThan(61_000);
    expect(large).toBeGreaterThan(10 * 60_000);
    expect(large).toBeLessThan(20 * 60_000);
  });
});
