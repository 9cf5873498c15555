/** What goes wrong in a browser, in sentences for an agent. */

/** Its message is for the agent, as it is. */
export class Said extends Error {}

/** Why a page did not come, by Chromium's own code. */
const WHY: Readonly<Record<string, string>> = {
  ERR_NAME_NOT_RESOLVED: "there is no such host",
  ERR_CONNECTION_REFUSED: "nobody answers at that address",
  ERR_TUNNEL_CONNECTION_FAILED: "Bellhop let nothing through to it",
  ERR_PROXY_CONNECTION_FAILED: "the way out of this sandbox is closed just now",
  ERR_CONNECTION_CLOSED: "the connection was ended; try once more",
  ERR_CONNECTION_RESET: "the connection was ended; try once more",
  ERR_EMPTY_RESPONSE: "it sent nothing back; try once more",
  ERR_ABORTED: "it ended before it had begun, or is a file that was downloaded",
  ERR_TIMED_OUT: "it took too long",
  ERR_INVALID_URL: "that is no address",
};

/** `net::ERR_…` of an error of Playwright's, without its prefix. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error ? /net::(ERR_[A-Z0-9_]+)/.exec(error.message)?.[1] : undefined;

export function wordsOf(error: unknown): string {
  const code = codeOf(error);
  if (code?.startsWith("ERR_CERT_"))
    return `The page was not opened: its certificate is not to be trusted (${code}). Tell the person; there is no way around it.`;
  if (code !== undefined) return `The page was not opened: ${WHY[code] ?? code}.`;
  const message = error instanceof Error ? error.message : String(error);
  // Playwright adds a log of what it tried, in colours.
  // oxlint-disable-next-line no-control-regex -- the colours are control characters
  const plain = message.replaceAll(/\u001b\[[0-9;]*m/g, "");
  if (/Target (?:page, context or browser has been )?c(?:losed|rashed)|Page crashed/.test(plain))
    return ENDED;
  const [first = ""] = plain.split("\nCall log:", 1);
  const intercepts = /<[^\n]{1,200}> (?:from [^\n]{1,100} )?intercepts pointer events/.exec(plain)?.[0];
  return `It did not work: ${first.trim().slice(0, 600)}${intercepts === undefined ? "" : ` (${intercepts})`}`;
}

export const ENDED =
  "The page or the browser ended in the middle. Most likely this sandbox's memory is used up: close other programs and tabs, and open a lighter page. A person can raise sandbox.memoryMb.";
