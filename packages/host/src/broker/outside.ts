/**
 * What comes from outside through the model's own API: results of tools that the API itself runs (web search,
 * web fetch, code, MCP servers), and addresses that it is asked to read. The session is marked before the
 * bytes that hold them are passed on.
 *
 * It looks for JSON as the API writes it. Inside a text a quote is escaped, so no text passes for it; and the
 * call of such a tool stands before its result, so the mark is made before there is a result at all.
 */
import { parseJson } from "./failure.ts";

const IN_ANSWER = /"type"\s*:\s*"(server_tool_use|mcp_tool_use|\w{1,64}_tool_result)"/;
const IN_REQUEST = /"type"\s*:\s*"url"|"mcp_servers"\s*:\s*\[\s*\{/;
/** A letter that needs no escape. */
const ESCAPED = /\\u00[2-7][0-9a-f]/i;
/** The longest that can match, less a byte: what may have begun in the chunk before. */
const CARRIED = 120;

/** Looks at a chunk before it is passed on; a promise: it may be, once that resolves. */
export type OutsideWatch = (chunk: Buffer) => Promise<void> | undefined;

/** @param found is called once, with the first chunk that holds such a thing */
export function watchForOutside(found: (cause: string) => Promise<void>): OutsideWatch {
  let carried = "";
  let marked = false;
  return (chunk) => {
    if (marked) return undefined;
    const text = carried + chunk.toString("latin1");
    const [, kind] = IN_ANSWER.exec(text) ?? [];
    carried = text.slice(-CARRIED);
    if (kind === undefined) return undefined;
    marked = true;
    return found(`a tool of the model's own API (${kind.replace(/_tool_result$/, "").replaceAll("_", " ")})`);
  };
}

/**
 * Why what this request is answered with comes from outside; undefined where it does not say so. The sandbox
 * wrote it: letters that it has escaped are read as what they mean.
 */
export function outsideOf(body: Buffer): string | undefined {
  const written = body.toString("latin1");
  const plain = ESCAPED.test(written) ? JSON.stringify(parseJson(written) ?? null) : written;
  return IN_REQUEST.test(plain) ? "an address that the model's API was asked to read" : undefined;
}
