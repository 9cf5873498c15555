/**
 * What is sent, as the two texts of a mail: plain for whoever reads it so, and HTML that holds what Markdown says and
 * nothing else: no tags of the agent's, no pictures from elsewhere, which would tell their server who read the mail.
 */
import { plainText } from "@bellhop/sdk/plain-text";
import MarkdownIt from "markdown-it";

const parser = new MarkdownIt({ html: false, linkify: true, breaks: true });
const escape = parser.utils.escapeHtml;
parser.renderer.rules["image"] = (tokens, index) => {
  const token = tokens[index];
  const address = String(token?.attrGet("src") ?? "");
  return `<a href="${escape(address)}">${escape(token?.content || address)}</a>`;
};

export interface Rendered {
  readonly text: string;
  readonly html: string;
}

export function render(commonmark: string): Rendered {
  return {
    text: plainText(commonmark),
    html: `<!doctype html><html><head><meta charset="utf-8"></head><body>${parser.render(commonmark)}</body></html>`,
  };
}

/** Of a mail that begins a thread: its first words. */
export function subjectFrom(commonmark: string, otherwise: string): string {
  const [line = ""] = plainText(commonmark.slice(0, 1_000))
    .split("\n")
    .filter((one) => one.trim() !== "");
  const bare = line.replace(/^[\s>•—-]+/, "").trim() || otherwise;
  const points = Array.from(bare);
  return points.length <= 70 ? bare : `${points.slice(0, 69).join("").trimEnd()}…`;
}
