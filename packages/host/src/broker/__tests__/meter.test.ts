import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMeter } from "../meter.ts";
import { ANSWER, event } from "./given.ts";

/** `bytes` cut at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

function metered(text: string, { streamed = true, whole = true, cuts = [] as number[] } = {}) {
  const meter = createMeter(streamed);
  for (const piece of pieces(Buffer.from(text), cuts)) meter.push(piece);
  return meter.result(whole);
}

const KNOWN = {
  model: "claude-sonnet-5-5",
  tokens: { input: 100, output: 50, cacheRead: 2000, cacheWrite: 300, cacheWriteHour: 100, webSearches: 0 },
  failure: undefined,
};

describe("the meter", () => {
  it("reads usage out of a stream that is split anywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (cuts) => {
        expect(metered(ANSWER, { cuts })).toEqual(KNOWN);
      }),
    );
  });

  it("reads it byte by byte, and with the line ends of Windows", () => {
    const windows = ANSWER.replaceAll("\n", "\r\n");

    expect(metered(windows, { cuts: Array.from(Buffer.from(windows).keys()) })).toEqual(KNOWN);
  });

  it("knows what came before an answer was cut off anywhere, and that it was", () => {
    const bytes = Buffer.from(ANSWER);
    const start = Buffer.byteLength(ANSWER.slice(0, ANSWER.indexOf("\n\n") + 2));
    fc.assert(
      fc.property(fc.integer({ min: start, max: bytes.length - 1 }), (end) => {
        const meter = createMeter(true);
        meter.push(bytes.subarray(0, end));

        const { tokens, failure } = meter.result(false);

        expect(tokens).toMatchObject({ input: 100, cacheRead: 2000, cacheWrite: 300, cacheWriteHour: 100 });
        expect([1, 50]).toContain(tokens.output);
        expect(failure).toMatchObject({ class: "transient" });
      }),
    );
  });

  it("holds a stream that ends properly but too early for broken off", () => {
    expect(metered(ANSWER.slice(0, ANSWER.indexOf("event: message_stop"))).failure).toMatchObject({
      class: "transient",
    });
  });

  it("reads a whole JSON message", () => {
    const message = {
      model: "claude-opus-5-5",
      stop_reason: "end_turn",
      usage: {
        input_tokens: 7,
        output_tokens: 8,
        cache_read_input_tokens: null,
        server_tool_use: { web_search_requests: 2 },
      },
    };

    expect(metered(JSON.stringify(message, null, 2), { streamed: false, cuts: [3, 50] })).toEqual({
      model: "claude-opus-5-5",
      tokens: { input: 7, output: 8, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0, webSearches: 2 },
      failure: undefined,
    });
  });

  it("takes the later of figures that are given twice", () => {
    const stream =
      event("message_start", { message: { usage: { input_tokens: 5, output_tokens: 1 } } }) +
      event("message_delta", { usage: { input_tokens: 6, output_tokens: 9 } }) +
      event("message_stop", {});

    expect(metered(stream).tokens).toMatchObject({ input: 6, output: 9 });
  });

  it("classifies an error that comes in the middle of a stream", () => {
    const overloaded = event("error", { error: { type: "overloaded_error", message: "Overloaded" } });

    expect(metered(ANSWER.slice(0, 600) + "\n\n" + overloaded).failure).toMatchObject({
      class: "rate_limited",
    });
  });

  it("tells that the model declined", () => {
    const stream = event("message_delta", { delta: { stop_reason: "refusal" } }) + event("message_stop", {});

    expect(metered(stream).failure).toMatchObject({ class: "refused" });
  });

  it("leaves out what it cannot read, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.boolean(), (junk, streamed) => {
        expect(metered(`data: {"type":"message_start"${junk}\n\n${junk}`, { streamed }).tokens).toMatchObject(
          {
            input: 0,
          },
        );
      }),
    );
    expect(metered(event("message_delta", { usage: { output_tokens: -5 } })).tokens.output).toBe(0);
  });

  it("skips one oversized line and goes on with the next", () => {
    const line = `data: ${"x".repeat(9 * 1024 * 1024)}`;

    expect(metered(`${line}\n\n${ANSWER}`, { cuts: [4 * 1024 * 1024, 8.5 * 1024 * 1024] })).toEqual(KNOWN);
  });
});
