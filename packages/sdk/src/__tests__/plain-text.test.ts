import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "../plain-text.ts";

describe("a text without its marks", () => {
  it.each([
    ["**bold** and *slanted*, ~~gone~~ and `code`", "bold and slanted, gone and code"],
    ["# Title\n\ntext", "Title\n\ntext"],
    ["two\nlines\\\nand a break", "two\nlines\nand a break"],
    ["[here](https://a.example/x_y_z)", "here (https://a.example/x_y_z)"],
    ["<https://a.example/x_y_z>", "https://a.example/x_y_z"],
    ["https://a.example/x_y__z?a=b&c=d", "https://a.example/x_y__z?a=b&c=d"],
    ["![a cat](cat.png)", "a cat (cat.png)"],
    ["- one\n- two\n  - deeper\n- three", "• one\n• two\n  • deeper\n• three"],
    ["3. three\n4. four", "3. three\n4. four"],
    ["> said\n> twice", "> said\n> twice"],
    ["```ts\nconst a = 1;\n\nconst b = 2;\n```\n\nafter", "const a = 1;\n\nconst b = 2;\n\nafter"],
    ["| a | b |\n|---|---|\n| 1 | 2 |", "a | b\n1 | 2"],
    ["one\n\n---\n\ntwo", "one\n\n———\n\ntwo"],
    ["1 \\< 2 \\&\\& \\*stars\\*", "1 < 2 && *stars*"],
    ["2 * 3 * 4 = 24, snake_case_name, <b> & </i", "2 * 3 * 4 = 24, snake_case_name, <b> & </i"],
    ["", ""],
  ])("reads: %j", (marked, read) => {
    expect(plainText(marked)).toBe(read);
  });

  it("keeps every word, in order, however it is marked", () => {
    const word = fc.stringMatching(/^[a-zäöשм]{1,8}$/);
    const marked = word.chain((one) =>
      fc.constantFrom(
        one,
        `**${one}**`,
        `*${one}*`,
        `\`${one}\``,
        `# ${one}`,
        `- ${one}`,
        `> ${one}`,
        `~~${one}~~`,
      ),
    );
    fc.assert(
      fc.property(fc.array(marked, { maxLength: 20 }), (blocks) => {
        const words = (text: string) => text.match(/[a-zäöשм]+/g) ?? [];
        expect(words(plainText(blocks.join("\n\n")))).toEqual(blocks.flatMap(words));
      }),
    );
  });
});
