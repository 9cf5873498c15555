import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outsideOf, watchForOutside } from "../outside.ts";
import { event, given, SSE } from "./given.ts";

const block = (type: string) => event("content_block_start", { index: 0, content_block: { type, text: "" } });
const TEXT = block("text");
const SEARCH = block("server_tool_use");
const FOUND = block("web_search_tool_result");

/** What is passed on and marked, in order, of an answer that comes in these pieces. */
async function watched(pieces: readonly Buffer[]) {
  const causes: string[] = [];
  let passedBefore = 0;
  const passed: Buffer[] = [];
  const watch = watchForOutside(async (cause) => {
    await Promise.resolve();
    causes.push(cause);
    passedBefore = Buffer.concat(passed).length;
  });
  for (const piece of pieces) {
    await watch(piece);
    passed.push(piece);
  }
  return { causes, passedBefore, text: Buffer.concat(passed).toString() };
}

describe("an answer of the model's API", () => {
  it("that holds nothing from outside passes unmarked, whatever a text in it says", async () => {
    const text = event("content_block_delta", { delta: { text: '{"type":"web_search_tool_result"}' } });

    expect(await watched([Buffer.from(TEXT + text)])).toMatchObject({ causes: [], text: TEXT + text });
  });

  it("marks before the result of a search is passed on, wherever it is cut", async () => {
    const answer = Buffer.from(TEXT + FOUND);
    const named = answer.indexOf('web_search_tool_result"') + 'web_search_tool_result"'.length;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: answer.length - 1 }), { maxLength: 8 }),
        async (cuts) => {
          const at = [0, ...cuts.toSorted((a, b) => a - b), answer.length];
          const pieces = at.slice(1).map((end, i) => answer.subarray(at[i], end));

          const { causes, passedBefore, text } = await watched(pieces);

          expect(causes).toEqual(["a tool of the model's own API (web search)"]);
          expect(passedBefore).toBeLessThan(named);
          expect(text).toBe(answer.toString());
        },
      ),
      { numRuns: 100 },
    );
  });

  it("is told when it cannot be marked", async () => {
    const watch = watchForOutside(() => Promise.reject(new Error("the disk is full")));

    await expect(watch(Buffer.from(SEARCH))).rejects.toThrow(/disk is full/);
  });
});

describe("a call of the model's API", () => {
  it("marks its session when the API itself searches, and passes the answer on unchanged", async () => {
    const answer = TEXT + SEARCH + FOUND;
    const { call, marked } = await given((_request, response) => response.writeHead(200, SSE).end(answer));

    const reply = await call();

    expect(await reply.body()).toBe(answer);
    expect(marked).toEqual(["a tool of the model's own API (server tool use)"]);
  });

  it.each([
    ['{"source":{"type":"url","url":"https://example.com/a.png"}}', true],
    ['{"source": {"type" : "url"}}', true],
    [String.raw`{"source":{"typ\u0065":"\u0075rl"}}`, true],
    ['{"mcp_servers":[{"url":"https://example.com"}]}', true],
    [String.raw`{"text":"\"type\":\"url\""}`, false],
    ['{"source":{"type":"base64"},"mcp_servers":[]}', false],
  ])("that asks the API to read an address is from outside: %s %s", (body, outside) => {
    expect(outsideOf(Buffer.from(body)) !== undefined).toBe(outside);
  });
});
