import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMarkdown } from "../../test/fake/markdown.ts";
import { escaped, render } from "../render.ts";

describe("rendering CommonMark for Discord", () => {
  it.each([
    ["bold, italic, struck, code", "**a** _b_ ~~c~~ `d`", "**a** *b* ~~c~~ `d`"],
    ["headings", "# A\n### *B*", "**A**\n***B***"],
    ["a link", "[a](https://x.y/?a=1&b=(2))", "[a](https://x.y/?a=1&b=%282%29)"],
    ["a link that Discord makes none of", "[a](notes.md)", "a (notes.md)"],
    ["a bare link", "see https://a.b/c_d_e", "see https://a.b/c_d_e"],
    ["a picture", "![a cat](https://x.y/cat.png)", "[a cat](https://x.y/cat.png)"],
    ["HTML and mentions", "<b>a</b> <@123> <#4>", "<b>a\\</b> \\<@123> \\<#4>"],
    ["code with its language", "```ts\na < b\n```", "```ts\na < b\n```"],
    ["code with a fence in it", "~~~\n```\n~~~", "```\n``\u200b`\n```"],
    ["code with a backtick in it", "`` a`b ``", "`` a`b ``"],
    ["lists", "* a\n* b\n  1. c\n  2. d", "• a\n• b\n  1\\. c\n  2\\. d"],
    ["a list that begins at 7", "7. a\n8. b", "7\\. a\n8\\. b"],
    ["a quote in a quote", "> a\n>\n> > b", "> a\n> \n> b"],
    ["paragraphs and lines", "a\nb\n\nc", "a\nb\n\nc"],
    ["a rule", "a\n\n***\n\nb", "a\n\n———\n\nb"],
  ])("shows %s", (_, source, shown) => {
    expect(render(source).markup).toBe(shown);
  });

  it("sets a table in columns", () => {
    expect(render("| name | n |\n|---|--:|\n| a_b | **10** |").markup).toBe(
      ["```", "name |  n", "-----|---", "a_b  | 10", "```"].join("\n"),
    );
  });

  it("puts the name of who says it on a line before, without markup of its own", () => {
    expect(render("text", "a_b").markup).toBe("**a\\_b**\ntext");
  });

  it.each([
    "2 * 3 * 4 = 24",
    "- no list",
    "12. no list",
    "# no heading",
    "-# no small print",
    "> no quote",
    "||no spoiler||",
    "[a](https://b.c)",
    "<@123> @everyone <t:1>",
    "a\\b \\* C:\\path",
  ])("lets people read what only looks like markup: %s", (text) => {
    expect(readMarkdown(escaped(text))).toBe(text);
  });

  it("lets people read any words as they are", () => {
    const words = fc.stringMatching(/^[a-z *_~`|#>[\]()<@.\\:-]{1,40}$/);
    fc.assert(
      fc.property(words, (text) => {
        expect(readMarkdown(escaped(text)).trim()).toBe(text.trim());
      }),
    );
  });
});
