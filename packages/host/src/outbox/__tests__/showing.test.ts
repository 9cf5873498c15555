/** What people on a platform see of a turn: from the eye on their message to the answer in its place. */
import { type ChannelAbilities, RejectedError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { type FakePlatformOptions, fakePlatform } from "../../../test/fake-channel.ts";
import { ChatId } from "../../core/ids.ts";
import { middle, type MiddleOptions, SECOND, SECRET, settled } from "../../turns/__tests__/middle.ts";

const ANN = { id: "ann", name: "Ann" };
const KITCHEN = ChatId.parse("fake:kitchen");

async function given(options: FakePlatformOptions & { script?: MiddleOptions["script"] } = {}) {
  const platform = fakePlatform(options);
  const host = await middle({
    channels: [platform.channel],
    ...(options.script && { script: options.script }),
  });
  await host.bind(KITCHEN, "family");
  return { ...host, ...seen(platform), platform };
}

/** A chat of several people, called by name. */
function seen(platform: ReturnType<typeof fakePlatform>) {
  const chat = platform.group("kitchen");
  return {
    chat,
    /** The text and the sign on it, oldest first. */
    view: () => chat.shown().map(({ text, reaction = "" }) => `${text}${reaction}`),
    /** Every text that a message had, of those the host sent. */
    growth: () => chat.shown().flatMap(({ from, versions }) => (from === "us" ? [versions] : [])),
    typed: () => platform.journal.filter(({ call }) => call === "typing").length,
  };
}

type Given = Awaited<ReturnType<typeof given>>;

async function asks({ chat, admission }: Pick<Given, "chat" | "admission">, text: string): Promise<string> {
  const platformId = chat.says(ANN, `@Bellhop ${text}`);
  await admission.receive(
    { name: "fake", account: "" },
    { platformId, kind: "message", version: 0, chat: chat.id, sender: ANN, text: `@Bellhop ${text}` },
  );
  await settled();
  return platformId;
}

const KEYED: Partial<ChannelAbilities> = { resend: { how: "once" } };

describe("an answer on a platform whose messages can be changed", () => {
  it("appears after a second, grows at most every 1.5 s, and ends exact, as one message", async () => {
    const scene = await given();
    await asks(scene, "hi");
    const { engine, advance, growth } = scene;

    for (const text of ["One ", "two ", "three ", "four ", "five ", "six "]) {
      engine.latest.emit({ type: "delta", text });
      await settled();
      await advance(0.5 * SECOND);
    }
    engine.latest.answer("One two three four five six seven.");
    await settled();

    expect(growth()).toEqual([["One two", "One two three four five", "One two three four five six seven."]]);
  });

  it("grows as seldom as its platform wants it", async () => {
    const scene = await given({ abilities: { editEveryMs: { direct: 1_000, shared: 3_000 } } });
    await asks(scene, "hi");
    const { engine, advance, growth } = scene;

    for (const text of ["One ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight "]) {
      engine.latest.emit({ type: "delta", text });
      await settled();
      await advance(0.5 * SECOND);
    }

    expect(growth()).toEqual([["One two", "One two three four five six seven eight"]]);
  });

  it("grows no more where its account has made as many edits as the platform takes", async () => {
    const scene = await given({ abilities: { rate: { edits: { calls: 2, perMs: 60 * SECOND } } } });
    await asks(scene, "hi");
    const { engine, advance, growth } = scene;

    for (let n = 0; n < 20; n += 1) {
      engine.latest.emit({ type: "delta", text: `${n} ` });
      await settled();
      await advance(0.5 * SECOND);
    }
    engine.latest.answer("All of it.");
    await settled();

    const [versions = []] = growth();
    expect(versions).toHaveLength(4); // as sent, two edits, and as it ends
    expect(versions.at(-1)).toBe("All of it.");
  });

  it("is not shown in parts at all when it is there within a second", async () => {
    const scene = await given();
    await asks(scene, "hi");

    scene.engine.latest.emit({ type: "delta", text: "Hel" });
    await settled();
    await scene.advance(0.9 * SECOND);
    scene.engine.latest.answer("Hello.");
    await settled();
    await scene.advance(10 * SECOND);

    expect(scene.growth()).toEqual([["Hello."]]);
  });

  it("shows what is said between tools, and in the end only the answer", async () => {
    const scene = await given();
    await asks(scene, "hi");
    const { engine, advance, growth } = scene;

    engine.latest.emit({ type: "delta", text: "Let me look." }, { type: "reply", text: "Let me look." });
    await settled();
    await advance(SECOND);
    engine.latest.emit({ type: "activity", tool: "Read" });
    await settled();
    engine.latest.answer("It is four.");
    await settled();

    expect(growth()).toEqual([["Let me look.", "It is four."]]);
  });

  it("takes the place of its beginning with its first part, the others follow", async () => {
    const scene = await given({ abilities: { maxTextLength: 20 } });
    await asks(scene, "hi");
    const { engine, advance, growth } = scene;

    engine.latest.emit({ type: "delta", text: "one two three four five six seven" });
    await settled();
    await advance(5 * SECOND);
    engine.latest.answer("one two three four five six seven eight nine");
    await settled();

    expect(growth()).toEqual([["one two three four"], ["five six seven eight"], ["nine"]]);
  });

  it("is never overwritten by an edit of its beginning that is under way", async () => {
    const scene = await given();
    await asks(scene, "hi");
    const { engine, advance, growth, platform } = scene;
    engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await advance(SECOND);

    // The platform is slow with an edit; meanwhile the answer is there.
    const slow = Promise.withResolvers<void>();
    const { edit } = platform.channel;
    let first = true;
    platform.channel.edit = async (message, signal) => {
      if (first) {
        first = false;
        await slow.promise;
      }
      await edit?.(message, signal);
    };
    engine.latest.emit({ type: "delta", text: " two" });
    await settled();
    await advance(2 * SECOND);
    engine.latest.answer("One two three.");
    await settled();
    slow.resolve();
    await settled();

    expect(growth()).toEqual([["One", "One two", "One two three."]]);
  });

  it("is never overwritten by an edit that somebody asks for too late", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(SECOND);
    const turn = scene.dispatcher.running()[0]?.claim.turn;
    const draft = turn && (await scene.outbox.draftOf(turn));
    if (!draft) throw new Error("there is no draft");
    scene.delivery.grow(KITCHEN, draft, "One, in time");
    await settled();
    scene.engine.latest.answer("One two.");
    await settled();

    scene.delivery.grow(KITCHEN, draft, "One, too late");
    await settled();

    expect(scene.growth()).toEqual([["One", "One, in time", "One two."]]);
  });

  it("is sent anew where its beginning is gone", async () => {
    const scene = await given();
    await asks(scene, "hi");
    const { engine, advance, chat } = scene;
    engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await advance(SECOND);
    chat.deletes(chat.shown().at(-1)?.platformId ?? "");

    engine.latest.answer("One two.");
    await settled();

    expect(chat.ours()).toEqual(["One two."]);
  });

  it("is edited again where nobody could say whether it was", async () => {
    const scene = await given();
    await asks(scene, "hi");
    const { engine, advance, growth, platform } = scene;
    engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await advance(SECOND);
    platform.fail("edit", { how: "time out", applied: true }, 3);

    engine.latest.answer("One two.");
    await settled();
    await advance(60 * SECOND);

    expect(growth()).toEqual([["One", "One two."]]);
  });

  it("whose turn fails becomes the notice; and one that is stopped says so", async () => {
    const [fails, stops] = [await given(), await given()];
    for (const scene of [fails, stops]) {
      await asks(scene, "hi");
      scene.engine.latest.emit({ type: "delta", text: "One" });
      await settled();
      await scene.advance(SECOND);
    }

    fails.engine.latest.fail({ class: "permanent", detail: "400" });
    await settled();
    stops.dispatcher.running()[0]?.stop("/stop");
    await settled();

    expect(fails.growth()).toEqual([["One", expect.stringContaining("could not get an answer")]]);
    expect(stops.growth()).toEqual([["One", "One (stopped)"]]);
  });

  it("that is stopped before anything was shown leaves nothing behind", async () => {
    const scene = await given();
    await asks(scene, "hi");

    scene.dispatcher.running()[0]?.stop("/stop");
    await settled();
    await scene.advance(10 * SECOND);

    expect(scene.chat.ours()).toEqual([]);
  });

  it("is taken up by the next attempt", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(SECOND);
    scene.engine.latest.die("gone");
    await settled();
    await scene.advance(60 * SECOND);

    scene.engine.latest.emit({ type: "delta", text: "Once more" });
    await settled();
    await scene.advance(5 * SECOND);
    scene.engine.latest.answer("Once more, whole.");
    await settled();

    expect(scene.growth()).toEqual([["One", "Once more", "Once more, whole."]]);
  });

  it("never goes out twice because a beginning may have arrived", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.platform.fail("send", { how: "time out", applied: true }, 1);
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(5 * SECOND);

    scene.engine.latest.answer("One two.");
    await settled();
    await scene.advance(60 * SECOND);

    expect(scene.chat.ours()).toEqual(["One", "One two."]); // the beginning that nobody knows of stays
    expect(await scene.outbox.counts()).toEqual({ open: 0, unknown: 0, dead: 0 });
  });

  it("is found again under its key where the platform knows keys", async () => {
    const scene = await given({ abilities: KEYED });
    await asks(scene, "hi");
    scene.platform.fail("send", { how: "time out", applied: true }, 1);
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(10 * SECOND);

    scene.engine.latest.answer("One two.");
    await settled();
    await scene.advance(60 * SECOND);

    expect(scene.chat.ours()).toEqual(["One two."]);
  });

  it("is not in the timeline before it is whole, and shows no secret on the way", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.emit({ type: "delta", text: `It is ${SECRET} and more` });
    await settled();
    await scene.advance(SECOND);
    const { events: before } = await scene.timeline.before(KITCHEN, undefined, 10);
    expect(before.filter((event) => event.type === "message" && event.direction === "out")).toEqual([]);
    expect(scene.growth().flat().join("")).not.toContain(SECRET);

    scene.engine.latest.answer("Done.");
    await settled();

    const { events } = await scene.timeline.before(KITCHEN, undefined, 10);
    const out = events.filter((event) => event.type === "message" && event.direction === "out");
    expect(out).toMatchObject([{ text: "Done." }]);
    const ends = events.filter((event) => event.type === "turn").at(-1);
    expect(ends).toMatchObject({ replies: out.map((event) => event.type === "message" && event.message) });
  });

  it("grows no faster than the account's rate has room", async () => {
    const scene = await given({ abilities: { rate: { chat: { calls: 2, perMs: 60 * SECOND } } } });
    await asks(scene, "hi");
    for (let i = 0; i < 20; i += 1) {
      scene.engine.latest.emit({ type: "delta", text: `${i} ` });
      await settled();
      await scene.advance(SECOND);
    }
    expect(scene.growth().flat()).toHaveLength(2);

    scene.engine.latest.answer("All of it.");
    await settled();
    await scene.advance(60 * SECOND);

    expect(scene.chat.ours()).toEqual(["All of it."]);
  });
});

describe("an answer on other platforms", () => {
  it("comes once, whole", async () => {
    const scene = await given({ abilities: { edits: false } });
    await asks(scene, "hi");
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(10 * SECOND);

    scene.engine.latest.answer("One two.");
    await settled();

    expect(scene.growth()).toEqual([["One two."]]);
  });

  it("of too many parts is a file with its beginning before it, or all parts where no file can be sent", async () => {
    const long = Array.from({ length: 40 }, (_, i) => `This is sentence number ${i} of them.`).join(" ");
    const [files, none] = [
      await given({ abilities: { maxTextLength: 100 } }),
      await given({ abilities: { maxTextLength: 100, maxFileBytes: undefined } }),
    ];

    for (const scene of [files, none]) {
      await asks(scene, "hi");
      scene.engine.latest.answer(long);
      await settled();
    }

    const rows = await files.db.selectFrom("outbox").select(["kind", "file_id"]).orderBy("seq").execute();
    expect(rows.slice(0, 2)).toEqual([
      { kind: "text", file_id: null },
      { kind: "file", file_id: expect.any(String) },
    ]);
    expect(files.chat.ours()[0]).toMatch(/^This is sentence number 0 .*The whole answer is in the file\.$/s);
    expect(none.chat.ours().join(" ")).toBe(long);
  });
});

describe("the question that an answer quotes", () => {
  it("is the last of its turn in a chat of several people, on the first part only", async () => {
    const scene = await given({ abilities: { maxTextLength: 10, edits: false } });
    await asks(scene, "one");
    const second = await asks(scene, "two");
    const { engine } = scene;
    engine.latest.emit({ type: "consumed", prompts: engine.latest.prompts.map(({ id }) => id) });
    await settled();

    engine.latest.answer("first part second part");
    await settled();

    const ours = scene.chat.shown().filter(({ from }) => from === "us");
    expect(ours.map(({ replyTo }) => replyTo)).toEqual([second, undefined, undefined]);
  });

  it("is not needed in a direct chat, nor where the platform shows no quotes", async () => {
    const [direct, plain] = [await given(), await given({ abilities: { quotes: false } })];
    await direct.db.updateTable("chats").set({ direct: 1 }).execute();

    for (const scene of [direct, plain]) {
      await asks(scene, "hi");
      scene.engine.latest.answer("Hello.");
      await settled();
      expect(scene.chat.shown().at(-1)).toMatchObject({ text: "Hello.", replyTo: undefined });
    }
  });
});

describe("the signs that somebody is there", () => {
  it("are an eye on what will be answered, until the answer is there", async () => {
    const scene = await given();
    const { view, engine } = scene;
    await asks(scene, "hi");
    expect(view()).toEqual(["@Bellhop hi👀"]);

    engine.latest.answer("Hello.");
    await settled();

    expect(view()).toEqual(["@Bellhop hi", "Hello."]);
  });

  it("are a cross where no answer comes", async () => {
    const scene = await given();
    await asks(scene, "hi");

    scene.engine.latest.fail({ class: "permanent", detail: "400" });
    await settled();

    expect(scene.view()[0]).toBe("@Bellhop hi❌");
  });

  it("are others where the platform takes only some reactions", async () => {
    const scene = await given({ abilities: { reactionsOf: ["👍", "👎", "🤔"] } });
    await asks(scene, "hi");
    const asked = scene.view()[0];

    scene.engine.latest.fail({ class: "permanent", detail: "400" });
    await settled();

    expect([asked, scene.view()[0]]).toEqual(["@Bellhop hi🤔", "@Bellhop hi👎"]);
  });

  it("stay while the turn waits for another attempt", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.die("gone");
    await settled();
    expect(scene.view()).toEqual(["@Bellhop hi👀"]);

    await scene.advance(60 * SECOND);
    scene.engine.latest.answer("Hello.");
    await settled();

    expect(scene.view()).toEqual(["@Bellhop hi", "Hello."]);
  });

  it("go when the turn is stopped while it waits for another attempt, and what was shown says so", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.emit({ type: "delta", text: "One" });
    await settled();
    await scene.advance(SECOND);
    scene.engine.latest.fail({ class: "rate_limited", detail: "429", retryAfterMs: 600 * SECOND });
    await settled();
    const [turn] = await scene.turnRows();

    if (turn) await scene.dispatcher.stop(turn.session_id, "/stop");
    scene.bus.publish({ type: "durable", chat: KITCHEN });
    scene.delivery.wake(KITCHEN);
    await settled();

    expect(scene.view()[0]).toBe("@Bellhop hi");
    expect(scene.growth()[0]).toEqual(["One", "(stopped)"]);
  });

  it("leave alone what the agent itself put there, and what is not for it", async () => {
    const scene = await given();
    scene.chat.says(ANN, "nobody asked");
    await asks(scene, "hi");
    const claim = scene.dispatcher.running()[0]?.claim;
    const [input] = claim?.inputs ?? [];
    if (!claim || !input) throw new Error("there is no turn");
    const act = { toolUseId: "t", tool: "react", input: "{}", result: "done" };
    await scene.turns.say(
      claim,
      claim.chat,
      [{ key: "r", kind: "reaction", text: "👍", replyTo: input.id }],
      act,
    );
    scene.delivery.wake(KITCHEN);
    await settled();

    scene.engine.latest.answer("Hello.");
    await settled();

    expect(scene.view()).toEqual(["nobody asked", "@Bellhop hi👍", "Hello."]);
  });

  it("that a dead host left go when the turn ends", async () => {
    const before = await given();
    await asks(before, "hi");
    before.clock.advance(SECOND);
    await before.delivery.close();

    const after = await middle({ channels: [before.platform.channel], after: before });
    await after.dispatcher.sweep();
    await settled();
    after.engine.latest.answer("Hello.");
    await settled();

    expect(before.view().slice(0, 2)).toEqual(["@Bellhop hi", "Hello."]);
  });

  it("are typing, from the beginning of a turn to its end, and never after it", async () => {
    const scene = await given();
    await asks(scene, "hi");
    expect(scene.typed()).toBe(1);
    await scene.advance(4 * SECOND);
    expect(scene.typed()).toBe(2);

    scene.engine.latest.answer("Hello.");
    await settled();
    await scene.advance(60 * SECOND);

    expect(scene.typed()).toBe(2);
  });

  it("stop while the turn waits for another attempt, and when it is stopped", async () => {
    const scene = await given();
    await asks(scene, "hi");
    scene.engine.latest.fail({ class: "rate_limited", detail: "429", retryAfterMs: 30 * SECOND });
    await settled();
    await scene.advance(20 * SECOND);
    expect(scene.typed()).toBe(1);
    await scene.advance(20 * SECOND);
    const again = scene.typed();
    expect(again).toBeGreaterThan(1);

    scene.dispatcher.running()[0]?.stop("/stop");
    await settled();
    await scene.advance(20 * SECOND);

    expect(scene.typed()).toBe(again);
  });

  it("that fail disturb nobody", async () => {
    const scene = await given();
    const refuse = async () => {
      throw new RejectedError("no");
    };
    scene.platform.channel.typing = refuse;
    scene.platform.fail("send", { how: "refuse" });
    await asks(scene, "hi");

    scene.engine.latest.answer("Hello.");
    await settled();
    await scene.advance(30 * SECOND);

    expect(scene.view()).toEqual(["@Bellhop hi", "Hello."]);
    expect(scene.told).toEqual([]);
  });
});
