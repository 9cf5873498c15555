/**
 * What an agent says, as HTML that is safe to show to the owner. The agent is a stranger (design:
 * trust), so:
 *
 * - HTML in its text is shown as text.
 * - A link goes to http, https or mailto, opens apart, and tells nobody where the reader came from.
 * - An image is shown as a link: fetching one would tell its server, in the address that the agent
 *   chose, whatever the agent knows.
 */
import markdownIt from "markdown-it";

/** Longer texts are shown plain: parsing is not free, and nobody reads a formatted megabyte. */
const MAX_CHARACTERS = 200_000;

const ABSOLUTE = /^(?:https?:\/\/|mailto:)/i;

const markdown = createRenderer();

export function renderMarkdown(text: string): string {
  if (text.length > MAX_CHARACTERS) return `<pre>${markdown.utils.escapeHtml(text)}</pre>`;
  return markdown.render(text);
}

function createRenderer() {
  const md = markdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  md.validateLink = (url) => ABSOLUTE.test(url.trim());
  // "notes.md" and "example.py" are files in these talks, not web sites.
  md.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

  md.renderer.rules.link_open = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    token?.attrSet("rel", "noopener noreferrer nofollow");
    token?.attrSet("target", "_blank");
    return self.renderToken(tokens, index, options);
  };
  md.renderer.rules.image = (tokens, index) => {
    const token = tokens[index];
    const source = md.utils.escapeHtml(String(token?.attrGet("src") ?? ""));
    const label = md.utils.escapeHtml(token?.content || "image");
    return `<a href="${source}" rel="noopener noreferrer nofollow" target="_blank">${label}</a>`;
  };
  // Wide tables and long lines scroll by themselves; a keyboard has to be able to get there.
  md.renderer.rules.table_open = () =>
    `<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n`;
  md.renderer.rules.table_close = () => `</table></div>\n`;
  md.renderer.rules.fence = (tokens, index) => codeBlock(tokens[index]?.content ?? "");
  md.renderer.rules.code_block = (tokens, index) => codeBlock(tokens[index]?.content ?? "");

  function codeBlock(content: string): string {
    return `<pre tabindex="0"><code>${md.utils.escapeHtml(content)}</code></pre>\n`;
  }
  return md;
}
