/** From CommonMark to the HTML that Telegram takes, and what people then read, as Telegram counts it. */
import { type Dialect, type Mark, render as renderAs, type Rendered, type Style } from "@bellhop/sdk/markup";

/** Addresses that Telegram makes links of. */
const LINKED = /^(?:https?|tg|ton):\/\//i;
const TAGS: Readonly<Record<Style, Mark>> = {
  bold: ["<b>", "</b>"],
  italic: ["<i>", "</i>"],
  strikethrough: ["<s>", "</s>"],
};

const HTML: Dialect = {
  escape: escaped,
  style: (style) => TAGS[style],
  code: () => ["<code>", "</code>"],
  codeBlock: (language) =>
    language === undefined
      ? ["<pre>", "</pre>"]
      : [`<pre><code class="language-${escaped(language)}">`, "</code></pre>"],
  link: (href) => (LINKED.test(href) ? [`<a href="${escaped(href)}">`, "</a>"] : undefined),
  codeInLinks: false,
  quote: ["<blockquote>", "</blockquote>"],
};

export function render(source: string, sender?: string): Rendered {
  return renderAs(source, HTML, sender);
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};
