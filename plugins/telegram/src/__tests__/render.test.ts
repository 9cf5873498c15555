import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHtml } from "../../test/fake/html.ts";
import { render } from "../render.ts";

describe("rendering CommonMark for Telegram", () => {
  it.each([
    ["bold, italic, struck", "**a** *b* ~~c~~ `d`", "<b>a</b> <i>b</i> <s>c</s> <code>d</code>"],
    ["a heading", "## A *b*\ntext", "<b>A <i>b</i></b>\ntext"],
    ["a link", "[a](https://x.y/?a=1&b=2)", '<a href="https://x.y/?a=1&amp;b=2">a</a>'],
    ["a link that Telegram makes none of", "[a](notes.md)", "a (notes.md)"],
    ["a bare link", "see https://a.b/c_d_e*f*", 'see <a href="https://a.b/c_d_e*f">https://a.b/c_d_e*f</a>*'],
    ["a picture", "![a cat](https://x.y/cat.png)", '<a href="https://x.y/cat.png">a cat</a>'],
    ["code in a link", "[`a`](https://x.y)", '<a href="https://x.y">a</a>'],
    ["HTML", "<b>a</b> & &lt;", "&lt;b&gt;a&lt;/b&gt; &amp; &lt;"],
    ["code with its language", "```ts\na < b\n```", '<pre><code class="language-ts">a &lt; b</code></pre>'],
    ["code whose language is none", '```a"b\nc\n```', "<pre>c</pre>"],
    ["code that is not closed", "```\na", "<pre>a</pre>"],
    ["lists", "- a\n- b\n  1. c\n  2. d", "• a\n• b\n  1. c\n  2. d"],
    ["a list that begins at 7", "7. a\n8. b", "7. a\n8. b"],
    ["a quote in a quote", "> a\n>\n> > b", "<blockquote>a\n\nb</blockquote>"],
    ["paragraphs and lines", "a\nb\n\nc", "a\nb\n\nc"],
    ["a rule", "a\n\n***\n\nb", "a\n\n———\n\nb"],
    ["a definition of a link", "[a]: https://x.y", '[a]: <a href="https://x.y">https://x.y</a>'],
    ["an address that is no link", "[a](javascript:b)", "[a](javascript:b)"],
  ])("shows %s", (_, source, html) => {
    expect(render(source).markup).toBe(html);
  });

  it("sets a table in columns, wide characters and numbers too", () => {
    const { markup } = render("| name | n |\n|---|--:|\n| 日本 | 5 |\n| [a](https://b.c) | **10** |");

    expect(markup).toBe(
      [
        "<pre>name            |  n",
        "----------------|---",
        "日本            |  5",
        "a (https://b.c) | 10</pre>",
      ].join("\n"),
    );
  });

  it("puts a name before what somebody else says", () => {
    expect(render("*x*", "A & B").markup).toBe("<b>A &amp; B</b>\n<i>x</i>");
  });

  it("never makes what Telegram does not take, and knows what people will read", () => {
    const sign = fc.constantFrom(
      ...Array.from("*_`~[]()<>&|#>-+!\\\n\"'0 a."),
      "**",
      "```",
      "\n\n",
      "| a | b |\n|---|---|\n| ",
      "https://a_b.c/d",
      "- ",
      "1. ",
      "> ",
      "![",
      "](",
      "😀",
      "&lt;",
    );
    fc.assert(
      fc.property(fc.array(sign, { maxLength: 60 }), (pieces) => {
        const { markup, text } = render(pieces.join(""));

        expect(parseHtml(markup).text).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("shows every word once and in order, whatever is around it", () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const span = fc.tuple(word, fc.constantFrom("**", "*", "~~", "`", "")).map(([text, mark]) => ({
      source: `${mark}${text}${mark}`,
      words: [text],
    }));
    const line = fc.array(span, { minLength: 1, maxLength: 5 }).map((spans) => ({
      source: spans.map(({ source }) => source).join(" "),
      words: spans.flatMap(({ words }) => words),
    }));
    const block = fc
      .tuple(line, fc.constantFrom("", "# ", "- ", "1. ", "> ", "- > ", "> - "))
      .map(([{ source, words }, mark]) => ({ source: mark + source, words }));
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 8 }), (blocks) => {
        const { text } = render(blocks.map(({ source }) => source).join("\n\n"));

        expect(text.match(/[a-z]+/g)).toEqual(blocks.flatMap(({ words }) => words));
      }),
      { numRuns: 300 },
    );
  });
});
