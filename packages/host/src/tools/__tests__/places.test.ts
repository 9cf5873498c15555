/** What the tools make of a chat that can do less than others. */
import type { ChannelAbilities } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { fakePlatform } from "../../../test/fake-channel.ts";
import { FileId, newId } from "../../core/ids.ts";
import { createFiles } from "../../store/files.ts";
import { middle, settled } from "../../turns/__tests__/middle.ts";

/** A live turn in a chat of such a channel; the file in its sandbox has so many bytes. */
async function given(abilities: Partial<ChannelAbilities>, fileBytes = 5) {
  const platform = fakePlatform({ abilities });
  platform.direct("anns");
  let read = 0;
  const house = await middle({
    channels: [platform.channel],
    files: (db, clock) => ({
      pull: async (_claim, _path, take) => await take(Readable.from([Buffer.alloc(fileBytes)]), fileBytes),
      async receive({ groupId, turn, name }) {
        read += 1;
        const file = { groupId, turn, name, pathOf: (id: FileId) => `.sent/${id}` };
        const { id } = await createFiles(db, clock).add(file);
        return { id, name, type: "text/plain", bytes: fileBytes, sha256: null };
      },
      drop: async () => undefined,
    }),
  });
  await house.bind("fake:anns", "main");
  await house.says("fake:anns", "hello");
  const { tools } = house.engine.latest.opened;
  return {
    ...house,
    read: () => read,
    async call(name: string, input: unknown) {
      const result = await tools.find((one) => one.name === name)?.call(input, { toolUseId: newId(FileId) });
      await settled();
      return result;
    },
    owed: () =>
      house.db
        .selectFrom("outbox")
        .select(["kind", "text"])
        .where("turn_id", "is not", null)
        .orderBy("seq")
        .execute(),
  };
}

describe("send_file", () => {
  it("puts a caption that is too long below the file, whole and in order", async () => {
    const { call, owed } = await given({ maxCaptionLength: 10, maxTextLength: 20 });

    await call("send_file", { path: "a.txt", caption: "a caption of some length" });

    expect(await owed()).toEqual([
      { kind: "file", text: "" },
      { kind: "text", text: "a caption of some" },
      { kind: "text", text: "length" },
    ]);
  });

  it("leaves a caption that fits where it is", async () => {
    const { call, owed } = await given({ maxCaptionLength: 10 });

    await call("send_file", { path: "a.txt", caption: "ten letter" });

    expect(await owed()).toEqual([{ kind: "file", text: "ten letter" }]);
  });

  it("refuses what the chat does not take before it reads a byte of it", async () => {
    const { call, owed, read } = await given({ maxFileBytes: 1_024 }, 3_000);

    expect(await call("send_file", { path: "a.txt" })).toEqual({
      isError: true,
      text: "The file is larger than the 1.0 KB allowed in this chat: it has 3000 bytes.",
    });
    expect([read(), await owed()]).toEqual([0, []]);
  });
});

describe("react", () => {
  it("says which there are where the platform takes only some", async () => {
    const { call } = await given({ reactionsOf: ["👍", "❤"] });

    expect(await call("react", { message_id: 1, emoji: "🦄" })).toEqual({
      isError: true,
      text: "This chat takes only these: 👍 ❤",
    });
  });

  it("sends the platform's own form of it", async () => {
    const { call, owed } = await given({ reactionsOf: ["👍", "❤"] });

    await call("react", { message_id: 1, emoji: "❤️" });

    expect(await owed()).toEqual([{ kind: "reaction", text: "❤" }]);
  });
});

describe("the host's word on a message", () => {
  it("says what this chat lacks, once an answer and not again for what joins it", async () => {
    const { engine, says } = await given({ formatting: [], reactions: false });
    await says("fake:anns", "and?");

    const [first, steered] = engine.latest.prompts.map(({ blocks }) => blocks[0]);

    expect(first).toContain("\nThis chat: Plain text only. No reactions.\n");
    expect(steered).not.toContain("This chat");
  });
});
