import type { Channel } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { createLocalChannel } from "../../channels/local.ts";
import { middle, SECRET, settled } from "../../turns/__tests__/middle.ts";

/** A live turn of the chat, and its agent's hand on the tools. */
async function given(chat = "web:kitchen", group?: string, channels?: readonly Channel[]) {
  const house = await middle(channels ? { channels } : {});
  if (group) await house.bind(chat, group);
  const first = await house.says(chat, "the soup was excellent");
  const { tools } = house.engine.latest.opened;
  let uses = 0;
  return {
    ...house,
    first,
    async call(name: string, input: unknown, toolUseId = `use-${(uses += 1)}`) {
      const tool = tools.find((one) => one.name === name);
      if (!tool) throw new Error(`there is no tool ${name}`);
      const result = await tool.call(input, { toolUseId });
      await settled();
      return result;
    },
  };
}

describe("every tool", () => {
  it.each([
    ["send_message", { text: "hi" }],
    ["react", { message_id: 1, emoji: "👍" }],
    ["history_search", { query: "soup" }],
  ])("is refused without a live turn: %s", async (name, input) => {
    const { call, engine, said } = await given();
    engine.latest.answer("bye");
    await settled();

    expect(await call(name, input)).toEqual({
      isError: true,
      text: "No turn is under way, so there is nothing to act for.",
    });
    expect(await said("web:kitchen")).toEqual(["bye"]);
  });

  it.each([
    ["send_message", { text: "" }, /text/],
    ["send_message", { text: "hi", chat: "nowhere" }, /a chat is channel:id/],
    ["send_message", { text: "hi", reply_to: 99 }, /There is no message #99 in web:kitchen/],
    ["send_message", { text: "<internal>psst</internal>" }, /Nothing of the text may be shown/],
    ["send_message", { text: "hi", chat: "web:nobody" }, /There is no chat web:nobody/],
    ["react", { message_id: 99, emoji: "👍" }, /There is no message #99/],
    ["react", { message_id: 1, emoji: "well done" }, /must be one emoji/],
    ["history_search", { query: "soup", limit: 1000 }, /limit/],
    ["history_search", "soup", /does not fit/],
  ])("says what is wrong with its input: %s %o", async (name, input, sentence) => {
    const { call, said } = await given();

    expect(await call(name, input)).toEqual({ isError: true, text: expect.stringMatching(sentence) });
    expect(await said("web:kitchen")).toEqual([]);
  });

  it("answers a program that went wild with a refusal, not with work", async () => {
    const { call } = await given();

    const results = [];
    for (let i = 0; i < 501; i += 1) results.push(await call("history_search", { query: "soup" }));

    expect(results.filter(({ isError }) => isError)).toEqual([
      { isError: true, text: expect.stringContaining("500 calls") },
    ]);
  });
});

describe("send_message", () => {
  it("says it in the turn's own chat at once, without secrets and internal text", async () => {
    const { call, said } = await given();

    const result = await call("send_message", {
      text: `<internal>careful</internal>The key is ${SECRET}.`,
      sender: `Agent ${SECRET}`,
    });

    expect(result).toEqual({ text: "Handed over for delivery to web:kitchen." });
    expect(await said("web:kitchen")).toEqual(["The key is [hidden]."]);
  });

  it("hides a secret in the name it speaks under too", async () => {
    const { call, db } = await given();

    await call("send_message", { text: "hi", sender: `Agent ${SECRET}` });

    const [row] = await db.selectFrom("outbox").select("sender_name").execute();
    expect(row).toEqual({ sender_name: "Agent [hidden]" });
  });

  it("never acts twice for one call, not even with another text that has more parts", async () => {
    const channel = {
      ...createLocalChannel("web"),
      abilities: { ...createLocalChannel("web").abilities, maxTextLength: 10 },
    };
    const { call, said } = await given("web:kitchen", undefined, [channel]);

    await call("send_message", { text: "hi" }, "use");
    await call("send_message", { text: "hi" }, "use");
    await call("send_message", { text: "hello hello hello" }, "use");

    expect(await said("web:kitchen")).toEqual(["hi"]);
  });

  it("reaches another chat from the group main only", async () => {
    const main = await given();
    await main.bind("web:garden", "garden");
    const other = await given("web:garden", "garden");
    await other.bind("web:shed", "main");

    expect((await main.call("send_message", { text: "hi", chat: "web:garden" })).isError).toBeUndefined();
    expect(await main.said("web:garden")).toEqual(["hi"]);
    for (const chat of ["web:shed", "web:nobody"]) {
      expect(await other.call("send_message", { text: "hi", chat })).toEqual({
        isError: true,
        text: "Only the group main may write to other chats; yours is garden.",
      });
    }
    expect((await other.call("send_message", { text: "hi", chat: "web:garden" })).isError).toBeUndefined();
  });

  it("cannot fill a chat without end", async () => {
    const { call, said } = await given();

    for (let i = 0; i < 100; i += 1) await call("send_message", { text: `${i}` });

    expect(await call("send_message", { text: "100" })).toMatchObject({ isError: true });
    expect(await said("web:kitchen")).toHaveLength(100);
  });
});

describe("react", () => {
  it("puts the emoji on the numbered message", async () => {
    const { call, db, first } = await given();

    await call("react", { message_id: first.seq, emoji: "👍" });

    const rows = await db.selectFrom("outbox").select(["kind", "text", "reply_to", "state"]).execute();
    expect(rows).toEqual([{ kind: "reaction", text: "👍", reply_to: first.message, state: "sent" }]);
  });
});

describe("history_search", () => {
  it("finds what was said by both sides of the group, and names who", async () => {
    const { call, engine, says } = await given();
    engine.latest.answer("I am glad about the soup.");
    await settled();
    await says("web:kitchen", "more");

    const { text } = await call("history_search", { query: "sou" });

    expect(text).toContain('"Ada": "the soup was excellent"');
    expect(text).toContain('"you": "I am glad about the soup."');
  });

  it("never leaves the group, whatever is asked", async () => {
    const { call, bind, says } = await given();
    await bind("web:garden", "garden");
    await says("web:garden", "the soup is a secret soup of group1 and group2");

    for (const query of [
      "secret",
      "scope group2 secret",
      "group2 OR secret",
      "* : secret",
      'a" OR scope:group2',
    ]) {
      expect((await call("history_search", { query })).text).not.toContain("secret soup");
    }
  });

  it("says so when nothing is found, and treats operators as nothing special", async () => {
    const { call } = await given();

    for (const query of ["NEAR(", "***", '"', "AND", "xyzzy"]) {
      expect(await call("history_search", { query })).toEqual({
        text: `Nothing was found for ${JSON.stringify(query)}.`,
      });
    }
  });

  it("shortens what is long", async () => {
    const { call, says } = await given();
    await says("web:kitchen", `pumpkin ${"x".repeat(10_000)}`);

    expect((await call("history_search", { query: "pumpkin" })).text.length).toBeLessThan(1_000);
  });
});
