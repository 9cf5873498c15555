import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readServerSentEvents } from "../sse.ts";

describe("server-sent events", () => {
  it("are read with their ids, without comments and other fields", async () => {
    const text = 'retry: 1000\n\n: still here\n\nid: 7\nevent: turn\ndata: {"a":1}\n\ndata: x\ndata: y\n\n';

    expect(await read([text])).toEqual([
      { id: "7", data: '{"a":1}' },
      { id: undefined, data: "x\ny" },
    ]);
  });

  it("are the same however the connection cuts them", async () => {
    const text = "id: 1\r\ndata: ä 👩\r\n\r\ndata: two\n\n: c\n\ndata: three\n\n";
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];

        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));

        expect(await read(pieces)).toEqual(await read([text]));
      }),
    );
  });

  it("are dropped when the connection ends in the middle of one", async () => {
    expect(await read(["data: whole\n\ndata: cut", " off\n"])).toEqual([{ id: undefined, data: "whole" }]);
  });
});

async function read(pieces: string[]) {
  async function* given() {
    yield* pieces;
  }
  const events = [];
  for await (const event of readServerSentEvents(given())) events.push(event);
  return events;
}
