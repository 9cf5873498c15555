import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { fakePlatform } from "./fake-channel.ts";

const ann = { id: "ann", name: "Ann" };

/** Somebody who listens as the host does, and what they were given. */
function given(options: Parameters<typeof fakePlatform>[0] = {}) {
  const platform = fakePlatform(options);
  const stop = new AbortController();
  const heard: string[] = [];
  const listen = (cursor?: string) =>
    platform.channel.listen?.(
      cursor,
      async (inbound, at) => {
        heard.push(`${at} ${inbound.kind} ${inbound.text}`);
      },
      stop.signal,
    );
  return { platform, chat: platform.group("g"), heard, listen, stop };
}

describe("the platform in memory", () => {
  it("hands out what people did, in order, from the cursor on", async () => {
    const { platform, chat, heard, listen, stop } = given();
    const first = chat.says(ann, "one");
    chat.edits(first, "two");
    const listening = listen("1");

    chat.deletes(first);
    await platform.taken();

    expect(heard).toEqual(["2 edit two", "3 delete "]);
    stop.abort(new Error("enough"));
    await expect(listening).rejects.toThrow("enough");
  });

  it("lets one listen at a time, and cuts the connection when told", async () => {
    const { platform, listen } = given();
    const listening = listen();

    await expect(listen()).rejects.toThrow(ConfigError);
    platform.disconnect();

    await expect(listening).rejects.toThrow(TemporaryError);
    expect(platform.listening).toBe(false);
  });

  it("refuses what a platform refuses", async () => {
    const { platform, chat } = given({ abilities: { maxTextLength: 5, quotes: false } });
    const { signal } = new AbortController();
    const text = { kind: "text", key: "k", chat: chat.id, text: "hello" } as const;

    for (const wrong of [
      { ...text, text: "longer" },
      { ...text, text: " " },
      { ...text, chat: "elsewhere" },
      { ...text, replyTo: chat.says(ann, "hi") },
    ])
      await expect(platform.channel.send(wrong, signal)).rejects.toThrow(RejectedError);

    expect(chat.ours()).toEqual([]);
  });

  it("writes down what it really did, whatever it answered", async () => {
    const { platform, chat } = given();
    const { signal } = new AbortController();
    const text = { kind: "text", key: "k", chat: chat.id, text: "hello" } as const;
    platform.fail("send", { how: "time out", applied: true });
    platform.fail("send", { how: "time out", applied: false });

    await expect(platform.channel.send(text, signal)).rejects.toThrow(UnknownOutcomeError);
    await expect(platform.channel.send(text, signal)).rejects.toThrow(UnknownOutcomeError);
    await platform.channel.send(text, signal);

    expect(platform.journal.map(({ applied }) => applied)).toEqual([true, false, true]);
    expect(chat.ours()).toEqual(["hello", "hello"]);
  });
});
