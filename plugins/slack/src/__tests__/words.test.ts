import { describe, expect, it } from "vitest";
import { captionOf, wordsOf } from "../words.ts";

const WIDE = `| ${"a".repeat(200)} | b |\n|---|---|\n${"| c | d |\n".repeat(30)}`;
const buttons = [{ id: "yes", label: "Yes" }];

describe("what an agent wrote", () => {
  it.each([
    ["styles", "**a** *b* ~~c~~ `d`", "*a* _b_ ~c~ `d`"],
    ["a link", "[the list](https://x.y/?a&b|c)", "<https://x.y/?a&amp;b%7Cc|the list>"],
    ["a heading", "# Dinner", "*Dinner*"],
    ["what would call everybody", "<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"],
  ])("goes out with %s", (_, source, text) => {
    expect(wordsOf(source)).toEqual({ text });
  });

  it("stands in a section above its buttons", () => {
    expect(wordsOf("**May I?**", undefined, buttons)).toMatchObject({
      text: "*May I?*",
      blocks: [
        { type: "section", text: { type: "mrkdwn", text: "*May I?*" } },
        { type: "actions", elements: [{ type: "button", action_id: "yes", text: { text: "Yes" } }] },
      ],
    });
  });

  it("goes plain in a block where escaping makes it too long, and says its beginning in the notification", () => {
    const { text, blocks } = wordsOf("<".repeat(3_900), undefined, buttons);

    expect(text).toBe("&lt;".repeat(500));
    expect(JSON.stringify(blocks)).toContain(`"text":"${"<".repeat(3_900)}"`);
    expect(blocks).toHaveLength(2);
  });

  it("is shown as it was written where it is nothing but markup", () => {
    expect(JSON.stringify(wordsOf("#").blocks)).toContain('"text":"#"');
  });

  it.each([
    ["as markup", "**here** <3", "*here* &lt;3"],
    ["as it was written where its columns make it too long", WIDE, WIDE],
    ["as it was written where it is nothing but markup", "#", "#"],
  ])("goes above a file %s", (_, source, caption) => {
    expect(captionOf(source)).toBe(caption);
  });

  it("begins with who says it where that is somebody else", () => {
    expect(wordsOf("at eight", "Cook").text).toBe("*Cook*\nat eight");
  });
});
