import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { starMarkup, type StarDialect } from "../star-markup.ts";

const SLACK: StarDialect = {
  escape: (words) => words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  link: (href) => (/^https?:/.test(href) ? [`<${href}|`, ">"] : undefined),
};
const Z = "\u200b";

describe("star markup", () => {
  it.each([
    ["bold, italic, struck, code", "**a** *b* ~~c~~ `d`", "*a* _b_ ~c~ `d`"],
    ["bold italics", "***a***", "_*a*_"],
    ["a heading with bold words in it", "# A **b** c", "*A b c*"],
    ["no style inside of a word", "a**b**c", "abc"],
    ["no style over two lines", "**a\nb**", "a\nb"],
    ["a link by its address", "[a](https://x.y/b_c_d)", "a (https://x.y/b_c_d)"],
    ["an address as it is", "_see_ https://x.y/_b_", "_see_ https://x.y/_b_"],
    ["code whose backticks would end it", "`` a`b ``", "a`b"],
    ["a block of code", "```ts\n*a*\n```", "```\n*a*\n```"],
    ["a quote, every line of it", "> a\n> b\n>\n> > c", "> a\n> b\n> \n> c"],
    ["lists", "- a\n- b\n  1. c", "• a\n• b\n  1. c"],
  ])("shows %s", (_, source, markup) => {
    expect(starMarkup(source).markup).toBe(markup);
  });

  it.each([
    ["signs that belong to nobody", "2 * 3 * 4, snake_case_name, ~/path, 5 *stars"],
    ["a line that begins with a sign", "\\> a", `${Z}> a`],
    ["words in stars", "\\*a\\*", `*${Z}a${Z}*`],
    ["a star beside bold words", "5 \\*stars **b**", `5 *${Z}stars *b*`],
  ])("keeps %s what they are", (_, source, markup = source) => {
    expect(starMarkup(source).markup).toBe(markup);
  });

  it("takes a platform's own way to write signs and links", () => {
    expect(starMarkup("[a & b](https://x.y/?c&d) `<e>`", SLACK).markup).toBe(
      "<https://x.y/?c&d|a &amp; b> `&lt;e&gt;`",
    );
  });

  it("puts a name before what somebody else says", () => {
    expect(starMarkup("*x*", {}, "Ann").markup).toBe("*Ann*\n_x_");
  });

  const sign = fc.constantFrom(
    ...Array.from("*_`~> \n#-[]()&<"),
    "**",
    "~~",
    "word",
    "other",
    "```",
    "https://a.b/c_d ",
  );
  const source = fc.array(sign, { maxLength: 40 }).map((signs) => signs.join(""));
  const words = (one: string) => one.match(/word|other/g) ?? [];

  it("loses no word, and puts none in another's place", () => {
    // What stands behind an opening fence is the name of a language, and shown by nobody.
    const unfenced = source.filter((one) => !/`{3}|~{3}/.test(one));
    fc.assert(
      fc.property(unfenced, (one) => {
        expect(words(starMarkup(one).text)).toEqual(words(one));
      }),
      { numRuns: 300 },
    );
  });

  it("knows what people will read", () => {
    fc.assert(
      fc.property(source, (one) => {
        const { text, markup } = starMarkup(one);

        expect(words(markup)).toEqual(words(text));
      }),
      { numRuns: 300 },
    );
  });
});
