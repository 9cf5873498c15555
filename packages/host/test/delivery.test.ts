/** From an agent's answer to what people on a platform see, whatever lies between. */
import { describe, expect, it } from "vitest";
import { EventId } from "../src/core/events.ts";
import { ChatId } from "../src/core/ids.ts";
import { type FakeChat, fakePlatform, type FakePlatformOptions } from "./fake-channel.ts";
import { givenHost, type Journey } from "./journey.ts";

const ann = { id: "ann", name: "Ann" };

async function given(options: FakePlatformOptions = {}) {
  const platform = fakePlatform(options);
  const ANN = platform.direct("ann");
  const config = "owners: ['fake:ann']\ngroups:\n  family:\n    chats: ['fake:ann', 'fake:kitchen']\n";
  const journey = await givenHost({ config, channels: [platform.channel] });
  return { platform, chat: ANN, ...journey };
}

function shows(chat: FakeChat, text: string | RegExp) {
  return chat.shows(
    (one) => one.from === "us" && (typeof text === "string" ? one.text === text : text.test(one.text)),
  );
}

/** What the owner is told, once there is so much. */
async function notices({ client }: Pick<Journey, "client">, count: number): Promise<string[]> {
  const told: string[] = [];
  const options = { after: EventId.parse(0), signal: AbortSignal.timeout(20_000) };
  for await (const event of client.events(ChatId.parse("web:notices"), options)) {
    if (event.type === "message" && event.direction === "out") told.push(event.text);
    if (told.length >= count) break;
  }
  return told;
}

describe("an answer on a platform", () => {
  it("grows in place and ends exact, and the eye on its question goes", async () => {
    const { chat, platform } = await given();

    chat.says(ann, "stream: 40 100");
    const whole = Array.from({ length: 40 }, (_, i) => `word${i + 1}`).join(" ");
    const answer = await shows(chat, whole);
    await platform.until(() => chat.shown()[0]?.reaction === undefined || undefined);

    expect(chat.ours()).toEqual([whole]);
    expect(answer.versions.length).toBeGreaterThanOrEqual(3);
    for (const version of answer.versions) expect(whole.startsWith(version)).toBe(true);
    const last = platform.journal.findLastIndex(({ call, text }) => call === "edit" && text === whole);
    expect(
      platform.journal.slice(last).filter(({ call }) => call === "typing" || call === "edit"),
    ).toHaveLength(1);
  });

  it("of many parts is a file with its beginning before it", async () => {
    const { chat } = await given({ abilities: { maxTextLength: 200 } });

    chat.says(ann, "stream: 600 0");
    const { file } = await chat.shows((message) => message.file !== undefined);

    expect(file).toMatchObject({ name: "answer.md", type: expect.stringContaining("text/") });
    const whole = Array.from({ length: 600 }, (_, i) => `word${i + 1}`).join(" ");
    expect(file?.content.toString()).toBe(whole);
    expect(chat.ours()[0]).toMatch(/^word1 word2 .*The whole answer is in the file\.$/s);
  });

  it("that is refused is told of in its chat, and the owner hears why", async () => {
    const { chat, platform, client, host } = await given({ abilities: { edits: false, reactions: false } });
    platform.fail("send", { how: "refuse" });

    chat.says(ann, "say: hello");
    await shows(chat, "A part of my answer could not be delivered. It begins: “hello”");
    const told = await notices({ client }, 1);

    expect(told).toEqual(["A message to fake:ann could not be delivered: fake: 400 no"]);
    expect((await host().status()).outbox).toEqual({ open: 0, unknown: 0, dead: 1 });
  });

  it.each([
    { resend: { how: "once" } as const, seen: ["hello"] },
    { resend: { how: "lookup" } as const, seen: ["hello"] },
    { resend: { how: "twice" } as const, seen: ["hello", "hello"] },
  ])(
    "whose host dies while it is sent is seen as the channel promises: $resend.how",
    async ({ resend, seen }) => {
      const { chat, platform, host, restart } = await given({
        abilities: { resend, edits: false, reactions: false },
      });
      platform.fail("send", { how: "hang" });
      chat.says(ann, "say: hello");
      await shows(chat, "hello");

      await host().stop();
      await restart();
      await platform.until(
        () =>
          platform.journal.filter(({ call }) => call === "send" || call === "find").length > 1 || undefined,
      );
      chat.says(ann, "say: next");
      await shows(chat, "next");

      expect(chat.ours()).toEqual([...seen, "next"]);
    },
  );

  it("waits for an account that needs its operator, who is told once; the desk goes on", async () => {
    const { chat, platform, client, host, ask } = await given({
      abilities: { edits: false, reactions: false },
    });
    platform.fail("send", { how: "logged out" }, 9);

    chat.says(ann, "say: hello");
    const [told] = await notices({ client }, 1);
    const { answer } = await ask("say: and here?");

    expect(told).toBe("The channel fake needs you: fake: 401 log in again. What it owes is kept.");
    expect(answer).toBe("and here?");
    const status = await host().status();
    expect(status.stuck).toMatchObject([{ account: "fake", why: "fake: 401 log in again" }]);
    expect(status.outbox.open).toBe(1);
  });
});
