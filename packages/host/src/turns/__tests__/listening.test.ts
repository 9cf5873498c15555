import { describe, expect, it } from "vitest";
import { createKnownSecrets } from "../../core/known-secrets.ts";
import { createListening } from "../listening.ts";

const KEY = "sk-ant-0123456789";

describe("listening", () => {
  it("shows pieces as they come and takes the whole for the answer", () => {
    const listening = createListening(createKnownSecrets());

    expect(listening.delta("Dinner ")).toEqual({ text: "Dinner ", reset: true });
    expect(listening.delta("is at eight.")).toEqual({ text: "is at eight.", reset: false });
    expect(listening.reply("Dinner is at eight.")).toBeUndefined();

    expect(listening.shown).toBe("Dinner is at eight.");
    expect(listening.answer).toBe("Dinner is at eight.");
  });

  it("shows two blocks as two paragraphs, as the answer has them", () => {
    const listening = createListening(createKnownSecrets());

    listening.delta("One.");
    listening.reply("One.");
    listening.delta("Two.");
    listening.reply("Two.");

    expect(listening.shown).toBe("One.\n\nTwo.");
    expect(listening.answer).toBe("One.\n\nTwo.");
  });

  it("begins a new stretch after a tool; what was said before it is no answer", () => {
    const listening = createListening(createKnownSecrets());
    listening.reply("Let me look.");

    listening.activity("Bash");

    expect(listening.reply("It is soup.")).toEqual({ text: "It is soup.", reset: true });
    expect(listening.answer).toBe("It is soup.");
  });

  it("takes what was said last for the answer when nothing follows the last tool", () => {
    const listening = createListening(createKnownSecrets());
    listening.reply("Done, it is soup.");

    listening.activity("Bash");
    listening.activity("Read");

    expect(listening.answer).toBe("Done, it is soup.");
  });

  it("believes the whole block, not the pieces, and filters both", () => {
    const listening = createListening(createKnownSecrets([{ name: "A_KEY", value: KEY }]));

    listening.delta(`harmless ${KEY.slice(0, 8)}`);
    const rest = listening.reply(`${KEY} <internal>psst</internal>`);

    expect(listening.shown).not.toContain(KEY);
    expect(rest).toEqual({ text: KEY.slice(0, 8), reset: false });
    expect(listening.answer).toBe("[hidden]");
  });

  it("has news of a tool once, until it says something or takes another", () => {
    const listening = createListening(createKnownSecrets());

    const news = [listening.activity("Bash"), listening.activity("Bash"), listening.activity("Read")];
    const { tool } = listening;
    listening.delta("It is soup.");

    expect(news).toEqual([true, false, true]);
    expect(tool).toBe("Read");
    expect(listening.tool).toBeUndefined();
  });

  it("hears no more than an answer may hold, and says so", () => {
    const listening = createListening(createKnownSecrets());

    for (let i = 0; i < 1_000; i += 1) listening.delta("x".repeat(10_000));

    expect(listening.overflowed).toBe(true);
    expect(listening.shown.length).toBeLessThanOrEqual(1024 * 1024);
  });

  it("counts each stretch by itself: a long evening of tools is no flood", () => {
    const listening = createListening(createKnownSecrets());

    for (let i = 0; i < 20; i += 1) {
      listening.reply("x".repeat(100_000));
      listening.activity("Bash");
    }

    expect(listening.overflowed).toBe(false);
  });
});
