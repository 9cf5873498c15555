import { type Channel, RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, chatAddress, MAIN } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createChats } from "../../store/chats.ts";
import { house } from "../../store/__tests__/house.ts";
import { createTitles } from "../titles.ts";

const KITCHEN = ChatId.parse("fake:kitchen");
const GARDEN = ChatId.parse("fake:garden");

async function given(chatInfo: NonNullable<Channel["chatInfo"]>) {
  const { db, clock } = await house();
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  await chats.ensure(KITCHEN, MAIN);
  await chats.ensure(GARDEN, MAIN, "The garden");
  await chats.ensure(ChatId.parse("web:one"), MAIN);
  const asked: string[] = [];
  // oxlint-disable-next-line no-unsafe-type-assertion -- nothing else of a channel is used here
  const channel = {
    chatInfo: (chat, signal) => {
      asked.push(chat);
      return chatInfo(chat, signal);
    },
  } as Pick<Channel, "chatInfo"> as Channel;
  const channelOf = (chat: ChatId) => (chatAddress(chat).channel === "fake" ? channel : undefined);
  const { list } = createTitles({ chats, channelOf, clock, log: silentLog });
  const titleOf = async (id: ChatId) => (await list()).find((one) => one.id === id)?.title;
  return { asked, titleOf, clock, list };
}

describe("the titles of chats", () => {
  it("are asked for where nobody has said them, once, and are kept", async () => {
    const { asked, titleOf } = await given(async () => ({ title: " The kitchen " }));

    expect(await titleOf(KITCHEN)).toBe("The kitchen");
    expect(await titleOf(GARDEN)).toBe("The garden");
    expect(asked).toEqual(["kitchen"]);
  });

  it("stay unknown where the platform does not say them", async () => {
    const { asked, titleOf } = await given(async () => {
      throw new RejectedError("there is no such chat");
    });

    expect(await titleOf(KITCHEN)).toBeNull();
    expect(await titleOf(KITCHEN)).toBeNull();
    expect(asked).toEqual(["kitchen"]);
  });

  it("are not waited for longer than two seconds", async () => {
    const { list, clock, asked } = await given(
      (_, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("given up")));
        }),
    );
    const listed = list();
    await expect.poll(() => asked).toEqual(["kitchen"]);

    clock.advance(2_000);

    expect(await listed).toHaveLength(3);
  });
});
