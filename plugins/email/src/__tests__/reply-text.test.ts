import { cpuMs } from "@bellhop/sdk/testing";
import { describe, expect, it } from "vitest";
import { replyText } from "../reply-text.ts";

const QUOTE = "> shall I?\n> really";

describe("the text of an answer", () => {
  it.each([
    ["English", "On Mon, 3 Nov 2026 at 10:00, Bell <bell@example.org> wrote:"],
    ["English, broken in two", "On Mon, 3 Nov 2026 at 10:00, Bell\n<bell@example.org> wrote:"],
    ["English, broken in three", "On Mon, 3 Nov 2026\nat 10:00, Bell\n<bell@example.org> wrote:"],
    ["German", "Am 03.11.2026 um 10:00 schrieb Bell <bell@example.org>:"],
    ["German, the other way", "Am Mo., 3. Nov. 2026 um 10:00 Uhr schrieb Bell <\nbell@example.org>:"],
    ["French", "Le lun. 3 nov. 2026 à 10:00, Bell <bell@example.org> a écrit :"],
    ["Spanish", "El lun, 3 nov 2026 a las 10:00, Bell (<bell@example.org>) escribió:"],
    ["Italian", "Il giorno lun 3 nov 2026 alle ore 10:00 Bell <bell@example.org> ha scritto:"],
    ["Portuguese", "Em seg., 3 de nov. de 2026 às 10:00, Bell <bell@example.org> escreveu:"],
    ["Dutch", "Op ma 3 nov 2026 om 10:00 schreef Bell <bell@example.org>:"],
    ["Swedish", "Den mån 3 nov. 2026 kl 10:00 skrev Bell <bell@example.org>:"],
    ["Polish", "W dniu 3.11.2026 o 10:00, Bell napisał(a):"],
    ["Russian", "3 нояб. 2026 г., в 10:00, Bell <bell@example.org> написал(а):"],
    ["Chinese", "Bell <bell@example.org> 于2026年11月3日周一 10:00写道："],
    ["Japanese", "2026年11月3日(月) 10:00 Bell <bell@example.org>のメール:"],
    ["nothing before the quote", ""],
  ])("is apart from what it answers: %s", (_, lead) => {
    const whole = `Yes please.\n\nBoth.\n\n${lead}\n\n${QUOTE}\n`;

    expect(replyText(whole)).toEqual({
      text: "Yes please.\n\nBoth.",
      quote: "shall I?\nreally",
      below: `${lead}\n\n${QUOTE}`.trim(),
    });
  });

  it.each([
    [
      "English",
      "From: Bell <bell@example.org>\nSent: Monday, 3 November 2026 10:00\nTo: Ann <ann@example.org>\nSubject: Re: dinner",
    ],
    [
      "English, below a rule",
      "________________________________\nFrom: Bell <bell@example.org>\nSent: Monday, 3 November 2026 10:00\nTo: Ann\nSubject: Re: dinner",
    ],
    [
      "German",
      "Von: Bell <bell@example.org>\nGesendet: Montag, 3. November 2026 10:00\nAn: Ann\nBetreff: AW: Essen",
    ],
    [
      "French",
      "De : Bell <bell@example.org>\nEnvoyé : lundi 3 novembre 2026 10:00\nÀ : Ann\nObjet : RE: dîner",
    ],
    ["with a title", "-----Original Message-----"],
    ["with a German title", "-----Ursprüngliche Nachricht-----"],
  ])("is apart from a whole mail below it: %s", (_, block) => {
    const { text, quote, below } = replyText(`Yes.\n\n${block}\n\nshall I?\n`);

    expect([text, quote.endsWith("shall I?")]).toEqual(["Yes.", true]);
    expect(below).toBe(`${block}\n\nshall I?`);
  });

  it.each([
    ["a mark", "Hello\n\n-- \nAnn Smith\nACME"],
    ["a mark that lost its space", "Hello\n--\nAnn"],
    ["a telephone", "Hello\n\nSent from my iPhone"],
    ["a German telephone", "Hello\n\nVon meinem iPhone gesendet"],
    ["a program", "Hello\n\nGet Outlook for Android"],
  ])("is without its signature: %s", (_, whole) => {
    expect(replyText(whole).text).toBe("Hello");
  });

  it.each([
    ["quotes with answers between them", "> first?\n\nyes\n\n> second?\n\nno"],
    ["an answer below its quote", "On 3 Nov 2026 Bell <bell@example.org> wrote:\n> shall I?\n\nyes"],
    ["somebody who writes of writing", "Goethe schrieb:\n\nÜber allen Gipfeln\nist Ruh"],
    ["somebody who wrote on a date", "On 3 Nov Ann wrote:\nhello"],
    ["a list with dashes", "Please:\n- one\n-- two\n--- three"],
    ["a letter's head", "From: the kitchen\nTo: all\nDinner is at eight"],
    ["a rule", "above\n____________\nbelow"],
    ["a comparison", "a > b\nb < a"],
    ["what was sent from a telephone", "Sent from my phone, he said,\nand went on"],
    ["a mark that is followed by much", `a\n-- \n${"b\n".repeat(30)}c`],
    ["indented code", "  if (x)\n    y"],
  ])("keeps %s", (_, whole) => {
    expect(replyText(whole)).toEqual({ text: whole, quote: "", below: "" });
  });

  it("is empty where only a quote was sent", () => {
    expect(replyText(`${QUOTE}\n`)).toEqual({ text: "", quote: "shall I?\nreally", below: QUOTE });
  });

  it("is found in no more time than it takes to read the mail", () => {
    const long = 200_000;
    const hostile = [
      "\n".repeat(long),
      "> ".repeat(long),
      "From: a\n".repeat(long / 8),
      "On a wrote\n".repeat(long / 10),
      " ".repeat(long),
      "_".repeat(long),
      "> a\nb\n".repeat(long / 6),
    ];

    const took = cpuMs(() => {
      for (const text of hostile) replyText(text);
    });

    expect(took).toBeLessThan(5_000);
  });
});
