import fc from "fast-check";
import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { BOT_TURNS, createTrigger, type Said, startsWithName, type TriggerSettings } from "../trigger.ts";

const SETTINGS: TriggerSettings = { assistant: "Bellhop", trigger: "auto", bots: false };
const SAID: Said = {
  text: "who cooks tonight?",
  chat: { direct: false, main: false },
  ours: false,
  bot: false,
  botTurns: 0,
  mentionsUs: false,
  answersUs: false,
};

function verdict(said: Partial<Said>, settings: Partial<TriggerSettings> = {}) {
  return createTrigger({ ...SETTINGS, ...settings })({ ...SAID, ...said });
}

const anySaid: fc.Arbitrary<Said> = fc.record({
  text: fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("@Bellhop hi"), fc.constant("Bellhop: hi")),
  chat: fc.record({ direct: fc.boolean(), main: fc.boolean() }),
  ours: fc.boolean(),
  bot: fc.boolean(),
  botTurns: fc.nat(2 * BOT_TURNS),
  mentionsUs: fc.boolean(),
  answersUs: fc.boolean(),
});
const anySettings: fc.Arbitrary<TriggerSettings> = fc.record({
  assistant: fc.constantFrom("Bellhop", "C++ (x)", "助手"),
  trigger: fc.constantFrom("auto", "always", "called"),
  bots: fc.boolean(),
  pattern: fc.constantFrom(
    undefined,
    () => true,
    () => false,
  ),
});

describe("the trigger", () => {
  it.each<[string, Partial<Said>, Partial<TriggerSettings>, string]>([
    ["the name at the start", { text: "@bellhop hi" }, {}, "it begins with @Bellhop"],
    ["a mention", { mentionsUs: true }, {}, "it mentions the assistant"],
    ["a reply", { answersUs: true }, {}, "it replies to a message of the assistant's"],
    [
      "the group's pattern",
      {},
      { pattern: (text) => text.includes("cook") },
      "it fits this group's own pattern",
    ],
    [
      "anything in a direct chat",
      { chat: { direct: true, main: false } },
      {},
      "this is a direct chat, and those are always answered",
    ],
    ["anything in main", { chat: { direct: false, main: true } }, {}, "the main group answers every message"],
    ["anything where the group says always", {}, { trigger: "always" }, "this group answers every message"],
  ])("is called by %s", (_, said, settings, reason) => {
    expect(verdict(said, settings)).toEqual({ verdict: "admitted", reason });
  });

  it.each<[string, Partial<Said>, Partial<TriggerSettings>]>([
    ["what calls nobody", {}, {}],
    [
      "a person's words that begin with the name, without a call",
      { text: "Bellhop: dinner is at eight" },
      {},
    ],
    [
      "a direct chat whose group wants to be called",
      { chat: { direct: true, main: true } },
      { trigger: "called" },
    ],
    ["another bot that calls", { text: "@Bellhop hi", bot: true }, {}],
    ["another bot in a direct chat", { chat: { direct: true, main: false }, bot: true }, {}],
  ])("keeps as context %s", (_, said, settings) => {
    expect(verdict(said, settings)).toMatchObject({ verdict: "noted", context: true });
  });

  it("lets other bots call where the group says so, until their budget is spent", () => {
    const bot = { text: "@Bellhop hi", bot: true };

    expect(verdict({ ...bot, botTurns: BOT_TURNS - 1 }, { bots: true }).verdict).toBe("admitted");
    expect(verdict({ ...bot, botTurns: BOT_TURNS }, { bots: true })).toEqual({
      verdict: "refused",
      reason: "bots have called the assistant 20 times within 10 minutes, which is all they may",
    });
    expect(verdict({ text: "@Bellhop hi", botTurns: BOT_TURNS }, { bots: true }).verdict).toBe("admitted");
  });

  it("is never called by what the assistant sent, whatever it says", () => {
    fc.assert(
      fc.property(anySettings, anySaid, (settings, said) => {
        expect(createTrigger(settings)({ ...said, ours: true })).toEqual({
          verdict: "noted",
          reason: "the assistant itself sent it",
          context: false,
        });
      }),
    );
  });

  it("is never called by a bot where the group does not say so, nor past the budget", () => {
    fc.assert(
      fc.property(anySettings, anySaid, (settings, said) => {
        const { verdict: word } = createTrigger(settings)({ ...said, bot: true });

        const may = settings.bots && said.botTurns < BOT_TURNS && !said.ours;
        expect(word !== "admitted" || may).toBe(true);
      }),
    );
  });

  it("refuses no person, and keeps as context whatever of theirs it does not answer", () => {
    fc.assert(
      fc.property(anySettings, anySaid, (settings, said) => {
        const word = createTrigger(settings)({ ...said, bot: false, ours: false });

        expect(word.verdict === "admitted" || (word.verdict === "noted" && word.context)).toBe(true);
      }),
    );
  });
});

describe("a call by name", () => {
  it.each([
    ["Bellhop", "@Bellhop what is on today?"],
    ["Bellhop", "  \n@bellhop"],
    ["Bellhop", "@BELLHOP's turn"],
    ["Bellhop", "@Bellhop: and now?"],
    ["Bellhop", "@Bellhop请帮我"],
    ["Bellhop", "\u2068@Bellhop\u2069 hi"],
    ["Bellhop", "\uff20Bellhop hi"],
    ["助手", "@助手请帮我"],
    ["Mr. Bell Hop", "@mr. bell hop, please"],
    ["C++ (x)", "@c++ (X) compile this"],
    ["Ümit", "@u\u0308mit selam"],
    ["Ünal-2", "@ÜNAL-2?"],
  ])("of %j is %j", (name, text) => {
    expect(startsWithName(name)(text)).toBe(true);
  });

  it.each([
    ["Bellhop", "@Bellhopper hi"],
    ["Bellhop", "@Bellhop2"],
    ["Bellhop", "@Bellhop_x"],
    ["Bellhop", "@Bellhopе with a Cyrillic letter behind it"],
    ["Bellhop", "@Bellhop\u0301"],
    ["Bellhop", "@Bellhop\u200dx"],
    ["Bellhop", "Bellhop hi"],
    ["Bellhop", "hi @Bellhop"],
    ["Bellhop", "ann@Bellhop"],
    ["a.c", "@abc"],
    ["a|b", "@a"],
    ["Mr. Bell", "@MrX Bell"],
    ["[", "@x"],
  ])("of %j is not %j", (name, text) => {
    expect(startsWithName(name)(text)).toBe(false);
  });

  /** What people may name their assistant, as the configuration takes it. */
  const anyName = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .map((name) => name.trim())
    .filter((name) => name !== "" && name.isWellFormed());

  it("takes any name literally, in any composition, with a blank or nothing behind it", () => {
    fc.assert(
      fc.property(anyName, fc.constantFrom("NFC", "NFD"), fc.string(), (name, form, rest) => {
        const called = startsWithName(name);

        expect(called(`@${name}`.normalize(form))).toBe(true);
        expect(called(`@${name} ${rest}`)).toBe(true);
        expect(called(`${rest}x @${name}`)).toBe(false);
      }),
    );
  });

  it("takes no name for another one that only begins like it", () => {
    fc.assert(
      fc.property(anyName, fc.stringMatching(/^[a-zA-Z0-9_éßжλ]$/u), (name, letter) => {
        expect(startsWithName(name)(`@${name}${letter}`)).toBe(false);
      }),
    );
  });

  it("is found in a moment, however long the text", () => {
    const called = startsWithName("a b");
    const long = [" ".repeat(1024 * 1024), `@${"a ".repeat(512 * 1024)}`, "@".repeat(1024 * 1024)];

    const took = cpuMs(() => {
      for (const text of long) expect(called(text)).toBe(false);
    });

    expect(took).toBeLessThan(100);
  });
});
