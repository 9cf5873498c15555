import { type Inbound, RejectedError, TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { ChatId, SenderId } from "../../core/ids.ts";
import { armFailpoints } from "../../core/failpoint.ts";
import { middle, type MiddleOptions, settled } from "../../turns/__tests__/middle.ts";
import { MAX_TEXT_BYTES } from "../written.ts";

async function given() {
  const house = await middle();
  return {
    ...house,
    async accept(more: Partial<Inbound> = {}, name = "Ada") {
      const accepted = await house.admission.accept(
        { name: "web", account: "" },
        {
          platformId: crypto.randomUUID(),
          kind: "message",
          version: 0,
          chat: "kitchen",
          sender: { id: "ada", name },
          text: "hello",
          ...more,
        },
        { sender: SenderId.parse("web:ada"), name, role: "owner" },
      );
      await settled();
      return accepted;
    },
    rows: () => house.db.selectFrom("inbox").selectAll().orderBy("seq").execute(),
  };
}

describe("admission", () => {
  it("stores the verdict and its reason, and a turn begins", async () => {
    const { accept, rows, dispatcher } = await given();

    await accept();

    expect(await rows()).toMatchObject([
      { verdict: "admitted", reason: "the owner wrote in a chat of their own", sender_role: "owner" },
    ]);
    expect(dispatcher.running()).toHaveLength(1);
  });

  it.each(["", "  \n\t "])("refuses what has no text: %j", async (text) => {
    const { accept, rows } = await given();

    await expect(accept({ text })).rejects.toThrow(
      new RejectedError("the message is empty: write some text"),
    );

    expect(await rows()).toEqual([]);
  });

  it.each(["message", "edit"] as const)(
    "keeps a stub of what is too long, and says why: %s",
    async (kind) => {
      const { accept, rows, dispatcher } = await given();

      const { session } = await accept({ kind, text: "😀".repeat(MAX_TEXT_BYTES / 4 + 1) });

      const [row] = await rows();
      expect(row).toMatchObject({ verdict: "refused", state: "note" });
      expect(row?.reason).toBe(
        "the message is too long (1048580 bytes; at most 1048576): send it in parts or as a file",
      );
      expect(row?.text.length).toBeLessThanOrEqual(1_001);
      expect(row?.text.isWellFormed()).toBe(true);
      expect([session, dispatcher.running()]).toEqual([undefined, []]);
    },
  );

  it("takes a text of just the allowed size", async () => {
    const { accept, rows } = await given();

    await accept({ text: "x".repeat(MAX_TEXT_BYTES) });

    expect(await rows()).toMatchObject([{ verdict: "admitted" }]);
  });

  it.each(["lone \ud83d surrogate", "a \0 in the middle", "\u202eright to left", "e\u0301"])(
    "stores text as it reaches the agent: %j",
    async (text) => {
      const { accept, rows, engine } = await given();

      await accept({ text });

      const stored = (await rows())[0]?.text;
      expect(stored).toBe(text.toWellFormed());
      expect(engine.latest.prompts[0]?.blocks.at(-1)).toBe(stored);
    },
  );

  it("notes edits and deletions of what it does not know, and answers neither", async () => {
    const { accept, rows, dispatcher } = await given();

    await accept({ kind: "edit", version: 1, text: "helo" });
    await accept({ kind: "delete", text: "" });

    expect(await rows()).toMatchObject([
      { verdict: "noted", reason: "an edit of a message that is not known here", state: "note" },
      { verdict: "noted", reason: "a deletion of a message that is not known here", state: "note" },
    ]);
    expect(dispatcher.running()).toEqual([]);
  });

  it("clips names and titles, which stand in every prompt", async () => {
    const { accept, rows, chats } = await given();

    await accept({ chatTitle: "t".repeat(10_000) }, "n".repeat(10_000));

    expect((await rows())[0]?.sender_name).toHaveLength(201);
    expect((await chats.list())[0]?.title).toHaveLength(201);
  });

  it.each([
    [{ chat: "two\nlines" }, /is no address of a chat/],
    [{ chat: "" }, /is no address of a chat/],
    [{ chat: "x".repeat(600) }, /is no address of a chat/],
    [{ platformId: "x".repeat(600) }, /at most 512 characters/],
    [{ replyTo: "x".repeat(600) }, /at most 512 characters/],
  ])("refuses what cannot be an address: %o", async (more, sentence) => {
    const { accept, rows } = await given();

    await expect(accept(more)).rejects.toThrow(sentence);

    expect(await rows()).toEqual([]);
  });

  it("takes nothing more once it is closed", async () => {
    const { accept, admission, rows } = await given();
    admission.close();

    await expect(accept()).rejects.toThrow(TemporaryError);

    expect(await rows()).toEqual([]);
  });

  it("serves a copy of what was committed though an error hid that", async () => {
    const { accept, engine } = await given();
    let failing = true;
    armFailpoints((place) => {
      if (place !== "accept.committed" || !failing) return;
      failing = false;
      throw new Error("the disk says no, after it has written");
    });

    await expect(accept({ platformId: "1" })).rejects.toThrow("after it has written");

    expect(await accept({ platformId: "1" })).toMatchObject({ duplicate: true });
    await settled();

    expect(engine.latest.prompts).toHaveLength(1);
  });

  it("answers nobody twice for a copy", async () => {
    const { accept, engine } = await given();
    await accept({ platformId: "1" });
    engine.latest.answer("hi");
    await settled();

    expect(await accept({ platformId: "1" })).toMatchObject({ duplicate: true });

    expect(engine.latest.prompts).toHaveLength(1);
  });
});

describe("admission of what a platform brings", () => {
  const KITCHEN = ChatId.parse("telegram:kitchen");

  async function givenKitchen(more: MiddleOptions = {}) {
    const house = await middle(more);
    await house.bind(KITCHEN, "family");
    return {
      ...house,
      async brings(text: string, inbound: Partial<Inbound> = {}, cursor?: string) {
        const sender = { id: "ben", name: "Ben" };
        const platformId = crypto.randomUUID();
        await house.admission.receive(
          { name: "telegram", account: "" },
          { platformId, kind: "message", version: 0, chat: "kitchen", sender, text, ...inbound },
          cursor,
        );
        await settled();
        return platformId;
      },
      rows: () => house.db.selectFrom("inbox").selectAll().orderBy("seq").execute(),
    };
  }
  const ada = { id: "ada", name: "Ada" }; // the owner of this house

  it("says who somebody is by the id of the sender, and taints what is not the owner's", async () => {
    const { brings, rows } = await givenKitchen();

    const bens = await brings("it is Tom");
    await brings("no, Tim", { sender: ada });
    await brings("look what he says", { sender: ada, replyTo: bens });

    expect(await rows()).toMatchObject([
      { sender_id: "telegram:ben", sender_role: "member", tainted: 1 },
      { sender_id: "telegram:ada", sender_role: "owner", tainted: 0 },
      { sender_id: "telegram:ada", sender_role: "owner", tainted: 1 },
    ]);
  });

  it("knows a reply to what it has sent, and what it has sent when that comes back", async () => {
    const { brings, db, outbox, rows, engine } = await givenKitchen();
    await brings("@Bellhop hi");
    engine.latest.answer("@Bellhop hi");
    await settled();
    const claimed = await outbox.claim(KITCHEN);
    if (!claimed || !("row" in claimed)) throw new Error("there is nothing to send");
    await outbox.sent(claimed.row, "ours-1");

    await brings("@Bellhop hi", { platformId: "ours-1" });
    await brings("thanks", { replyTo: "ours-1" });

    expect((await rows()).map(({ verdict, reason, context }) => [verdict, reason, context])).toEqual([
      ["admitted", "it begins with @Bellhop", 0],
      ["noted", "the assistant itself sent it", 0],
      ["admitted", "it replies to a message of the assistant's", 0],
    ]);
    expect(await db.selectFrom("outbox").selectAll().execute()).toHaveLength(1);
  });

  it("stores nothing of a chat that no group has, and moves its cursor", async () => {
    const { brings, rows, inbox, groupDesk } = await givenKitchen();

    await brings("hello?", { chat: "elsewhere" }, "41");
    await brings("anybody?", { chat: "elsewhere" }, "42");

    expect(await rows()).toEqual([]);
    expect(await inbox.cursor("telegram", "")).toBe("42");
    expect(groupDesk.seen.list()).toMatchObject([{ chat: "telegram:elsewhere", messages: 2 }]);
  });

  it("keeps what is no text, and passes over what is nothing", async () => {
    const { brings, rows } = await givenKitchen();

    await brings("", { nonText: "location" });

    expect(await rows()).toMatchObject([{ text: "", non_text: "location", context: 1 }]);
    await expect(brings(" ")).rejects.toThrow(RejectedError);
    await expect(brings("hi", { sender: { id: "", name: "" } })).rejects.toThrow(RejectedError);
  });

  it("gives what was said since along with each call that joins a turn, and to the turn after it no more", async () => {
    const { brings, engine } = await givenKitchen();
    await brings("@Bellhop one");

    for (const text of ["between", "@Bellhop two", "then", "@Bellhop three", "behind"]) await brings(text);
    engine.latest.answer("done");
    await settled();
    await brings("@Bellhop four");

    expect(engine.latest.prompts.map(({ blocks }) => blocks.slice(1))).toEqual([
      ["@Bellhop one"],
      ["between", "@Bellhop two"],
      ["then", "@Bellhop three"],
      ["behind", "@Bellhop four"],
    ]);
  });

  it("shows an edit to the turn that is answering the message, and what was deleted later to the next one", async () => {
    const { brings, engine } = await givenKitchen();
    const platformId = await brings("@Bellhop dinner at seven");

    await brings("@Bellhop dinner at eight", { platformId, kind: "edit", version: 1 });
    engine.latest.answer("done");
    await settled();
    await brings("", { platformId, kind: "delete", version: 2 });
    await brings("@Bellhop hello");

    const [, edited, next] = engine.latest.prompts.map(({ blocks }) => blocks);
    expect(edited?.[0]).toMatch(/arrived while you were answering[^]*an edit of #1, which now reads so/);
    expect(edited?.slice(1)).toEqual(["@Bellhop dinner at eight"]);
    expect(next?.[0]).toContain("#1 was deleted by its author.\nThe next block is a message:");
    expect(next?.slice(1)).toEqual(["@Bellhop hello"]);
  });
});
