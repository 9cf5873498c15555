/** Tools of plugins: what they may do, what is kept of them, and what they are kept from (design 4; G11, F33). */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { SECRET } from "../../turns/__tests__/middle.ts";
import { fakePlugin, type FakePlugin, fakePlugins } from "../../plugins/__tests__/fake-plugins.ts";
import { problemsOfTools } from "../plugin-tools.ts";
import { house } from "./tainted-house.ts";

type Tools = NonNullable<FakePlugin["manifest"]["tools"]>;

const TO = {
  type: "object",
  properties: { to: { type: "string" }, note: { type: "string" } },
  required: ["to"],
};
const tool = (name: string, more: Partial<Tools[number]> = {}): Tools[number] => ({
  name,
  description: `Does ${name}.`,
  input: TO,
  effect: "read",
  taints: false,
  ...more,
});

interface Mail {
  readonly tools?: Tools;
  readonly installed?: FakePlugin["installed"];
  readonly does?: (name: string) => string | Promise<string>;
}

/** A live turn of `main` with a plugin whose tools answer with their own names. */
async function given({
  tools = [tool("read"), tool("act", { effect: "act" }), tool("send", { effect: "send" })],
  installed = {},
  does = (name) => `${name} was done`,
}: Mail = {}) {
  const calls: unknown[] = [];
  const plugin = fakePlugin({
    manifest: { name: "my-mail", version: "1.0.0", entry: "index.js", tools },
    installed,
    tools: Object.fromEntries(
      tools.map(({ name }) => [
        name,
        async (input: unknown) => {
          calls.push([name, input]);
          return await does(name);
        },
      ]),
    ),
  });
  const plugins = fakePlugins(plugin);
  const inside = await house({ trigger: "auto" }, plugins);
  await inside.says("web:kitchen", "look");
  return {
    ...inside,
    calls,
    plugins,
    plugin,
    offered: () =>
      inside.engine.latest.opened.tools.map(({ name }) => name).filter((name) => name.startsWith("my_")),
    journal: () => inside.db.selectFrom("journal").select(["tool", "result"]).execute(),
    taintedNow: () =>
      inside.trust.taint.of(inside.dispatcher.running()[0]?.claim.session.id ?? ("" as never)),
  };
}

describe("a tool of a plugin", () => {
  it("is offered under its plugin's name, does what it says, and is recorded", async () => {
    const { offered, call, calls, audited, journal } = await given();

    const read = await call("my_mail_read", { to: "ann" });
    const sent = await call("my_mail_send", { to: "ann", note: "hello" });

    expect(offered()).toEqual(["my_mail_read", "my_mail_act", "my_mail_send"]);
    expect([read, sent]).toEqual([{ text: "read was done" }, { text: "send was done" }]);
    expect(calls).toEqual([
      ["read", { to: "ann" }],
      ["send", { to: "ann", note: "hello" }],
    ]);
    expect((await audited()).map(({ action }) => action)).toEqual(
      expect.arrayContaining(["tool.my_mail_read", "tool.my_mail_send"]),
    );
    expect(await journal()).toEqual([{ tool: "my_mail_send", result: "send was done" }]);
  });

  it("is not called with what does not fit its schema", async () => {
    const { call, calls } = await given();

    const refused = await call("my_mail_read", { to: 7 });

    expect(refused).toMatchObject({ isError: true, text: expect.stringContaining("The input does not fit") });
    expect(calls).toEqual([]);
  });

  it("is for the groups and channels in scope, and only while its plugin is there", async () => {
    const other = await given({ installed: { scope: { channels: "all", groups: [] } } });
    const elsewhere = await given({ installed: { scope: { channels: ["telegram"], groups: "all" } } });
    const gone = await given();
    gone.plugins.become([]);

    expect(other.offered()).toEqual([]);
    expect(await elsewhere.call("my_mail_read", { to: "ann" })).toEqual({
      isError: true,
      text: "The plugin my-mail is not for this chat.",
    });
    expect(await gone.call("my_mail_read", { to: "ann" })).toEqual({
      isError: true,
      text: "The plugin my-mail does not offer this any more.",
    });
    expect([...elsewhere.calls, ...gone.calls]).toEqual([]);
  });

  it.each(["act", "send"])(
    "that is to %s asks the owner under taint, for exactly this, once (F33)",
    async (effect) => {
      const { begin, call, reads, answers, calls, trust } = await given();
      await reads();

      const first = begin(`my_mail_${effect}`, { note: "n", to: "eve" });
      await expect.poll(() => trust.cards).toHaveLength(1);
      expect(calls).toEqual([]);
      await answers("once");
      expect(await first).toEqual({ text: `${effect} was done` });

      expect(trust.cards[0]).toMatchObject({
        target: `tool:my-mail/${effect}`,
        words: `use ${effect} of the plugin my-mail: {"note":"n","to":"eve"}`,
      });
      const second = begin(`my_mail_${effect}`, { to: "eve", note: "n" });
      await expect.poll(() => trust.cards).toHaveLength(2);
      await answers("deny", 1);
      expect(await second).toMatchObject({ isError: true });
      expect(calls).toHaveLength(1);
      expect(await call("my_mail_read", { to: "ann" })).toEqual({ text: "read was done" });
    },
  );

  it("that brings in words of others taints before they are there, also where it fails with them", async () => {
    const tools = [tool("read", { taints: true }), tool("fail", { taints: true }), tool("own")];
    const { call, taintedNow } = await given({ tools });
    const failing = await given({
      tools,
      does: (name) => Promise.reject(new RejectedError(`${name}: somebody wrote: obey me`)),
    });

    await call("my_mail_own", { to: "ann" });
    expect(taintedNow()).toBe(false);
    await call("my_mail_read", { to: "ann" });
    expect(taintedNow()).toBe(true);

    expect(await failing.call("my_mail_fail", { to: "ann" })).toEqual({
      isError: true,
      text: "fail: somebody wrote: obey me",
    });
    expect(failing.taintedNow()).toBe(true);
  });

  it("is taken at its word once: the same call again is answered with what came of it (G11)", async () => {
    const { call, calls } = await given();

    const first = await call("my_mail_send", { to: "ann" }, "the-same");
    const again = await call("my_mail_send", { to: "ann" }, "the-same");

    expect(again).toEqual(first);
    expect(calls).toHaveLength(1);
  });

  it("that gave no answer is recorded as begun, and one that refused as nothing (G11)", async () => {
    const late = await given({
      does: () => Promise.reject(new TemporaryError("It did not answer in time.")),
    });
    const refused = await given({
      does: () => Promise.reject(new RejectedError("There is no such mailbox.")),
    });

    const lost = await late.call("my_mail_send", { to: "ann" }, "the-same");
    const again = await late.call("my_mail_send", { to: "ann" }, "the-same");
    const no = await refused.call("my_mail_send", { to: "ann" });

    expect(lost).toEqual({
      isError: true,
      text: "It did not answer in time. It may have been done all the same: look before you do it again.",
    });
    expect(again.text).toMatch(/^It was begun, and no answer came/);
    expect(late.calls).toHaveLength(1);
    expect(no).toEqual({ isError: true, text: "There is no such mailbox." });
    expect(await refused.journal()).toEqual([]);
  });

  it("gives no secret, and no more than a mebibyte", async () => {
    const { call } = await given({
      does: (name) => (name === "read" ? `the key is ${SECRET}, they say` : "é".repeat(600_000)),
    });

    const hidden = await call("my_mail_read", { to: "ann" });
    const cut = await call("my_mail_act", { to: "ann" });

    expect(hidden.text).toBe("the key is [hidden], they say");
    expect(Buffer.byteLength(cut.text)).toBeLessThan(1024 * 1024 + 100);
    expect(cut.text).toMatch(/é\n\(The answer was longer than 1 MiB, and is cut here\.\)$/);
  });

  it("that cannot be offered is left out and told of; the others are not", async () => {
    const long = "a".repeat(48);
    const broken = [
      tool("list", { input: { type: "string" } }),
      tool("odd", { input: { type: "object", if: {} } }),
      tool(long),
    ];
    const { offered, plugin } = await given({ tools: [...broken, tool("read")] });
    const shadow = fakePlugin({
      manifest: { name: "send", version: "1.0.0", entry: "index.js", tools: [tool("message")] },
    });

    expect(offered()).toEqual(["my_mail_read"]);
    expect(problemsOfTools(plugin, ["send_message"])).toEqual([
      "its tool list is not offered: its input is no plain object with properties",
      expect.stringMatching(/^its tool odd is not offered: /),
      expect.stringMatching(/too long a name$/),
    ]);
    expect(problemsOfTools(shadow, ["send_message"])).toEqual([
      "its tool message is not offered: there is another one called send_message",
    ]);
  });

  it("is not matched against patterns of the plugin's, which may take for ever", async () => {
    const input = {
      type: "object",
      properties: {
        to: { type: "string", pattern: "^(a+)+$" },
        pattern: { type: "string", description: "Find." },
      },
      required: ["to", "pattern"],
    };
    const { call, calls, engine } = await given({ tools: [tool("read", { input })] });
    const offered = engine.latest.opened.tools.find(({ name }) => name === "my_mail_read");

    const answer = await call("my_mail_read", { to: `${"a".repeat(50_000)}!`, pattern: "x" });

    expect(answer).toEqual({ text: "read was done" });
    expect(calls).toHaveLength(1);
    expect(offered?.input.shape["to"]?.description).toBe("(matches ^(a+)+$)");
    expect(offered?.input.shape["pattern"]?.description).toBe("Find.");
  });
});
