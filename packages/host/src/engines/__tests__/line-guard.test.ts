import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { createLineGuard, LINE_LIMITS, type LineLimits } from "../line-guard.ts";

const LIMITS: LineLimits = { ...LINE_LIMITS, maxLineBytes: 1_000, maxDepth: 20, maxStray: 3 };

describe("the line guard", () => {
  it("passes each object on as a line, however the bytes arrive", async () => {
    const lines = fc.array(
      fc.object({ key: fc.string(), values: [fc.string({ unit: "grapheme" })], maxDepth: 1 }),
      {
        maxLength: 10,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        async (objects, sizes) => {
          const given = objects.map((object) => JSON.stringify(object)).filter((line) => line.length < 300);
          const { out, breaches } = await guarded(cut(given.map((line) => `${line}\n`).join(""), sizes));

          expect(breaches).toEqual([]);
          expect(out.map((line) => JSON.parse(line))).toEqual(given.map((line) => JSON.parse(line)));
        },
      ),
    );
  });

  it("never throws and never lets through what is no JSON object, whatever arrives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 5 }), async (chunks) => {
        const { out, breaches } = await guarded(chunks.map((chunk) => Buffer.from(chunk)));

        for (const line of out) expect(JSON.parse(line)).toBeTypeOf("object");
        expect(breaches.length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("takes a last line without an end", async () => {
    expect((await guarded([Buffer.from('{"a":1}\n{"b":2}')])).out).toEqual(['{"a":1}', '{"b":2}']);
  });

  it("drops stray lines, up to a number", async () => {
    const { out, breaches } = await guarded([Buffer.from('one\n[]\n{"a":1}\nnull\n')]);
    expect(out).toEqual(['{"a":1}']);
    expect(breaches).toEqual([]);

    expect((await guarded([Buffer.from("1\n2\n3\n4\n5\n6\n")])).breaches).toEqual([
      "more than 3 lines that are no JSON object",
    ]);
  });

  it.each([
    ["too long, with an end", `{"a":"${"x".repeat(1_000)}"}\n`, "a line longer than 1000 bytes"],
    ["too long, without one", "x".repeat(1_001), "a line longer than 1000 bytes"],
    ["too deep", `{"a":${"[".repeat(20)}${"]".repeat(20)}}\n`, "a line nested deeper than 20"],
  ])("ends at a line that is %s, and says so once", async (_what, line, reason) => {
    const { out, breaches } = await guarded([Buffer.from(`{"a":1}\n${line}`), Buffer.from('{"b":2}\n')]);

    expect(out).toEqual(['{"a":1}']);
    expect(breaches).toEqual([reason]);
  });

  it("does not take brackets in a string for depth", async () => {
    const line = JSON.stringify({ a: `\\"${"[{".repeat(100)}` });

    expect((await guarded([Buffer.from(`${line}\n`)])).out).toEqual([line]);
  });

  it("ends when lines come too fast, and not when they take their time", async () => {
    const lines = { perSecond: 10, burst: 20 };
    const flood = [Buffer.from('{"a":1}\n'.repeat(21))];
    expect((await guarded(flood, { ...LIMITS, lines })).breaches).toEqual(["more than 10 lines a second"]);

    const clock = fakeClock();
    const breaches: string[] = [];
    const guard = createLineGuard({
      clock,
      limits: { ...LIMITS, lines },
      onBreach: (why) => breaches.push(why),
    });
    guard.resume();
    for (let second = 0; second < 10; second += 1) {
      guard.write('{"a":1}\n'.repeat(10));
      clock.advance(1_000);
    }
    guard.end();
    await once(guard, "close");
    expect(breaches).toEqual([]);
  });

  it("keeps one line one line, whatever a reader takes for its end", async () => {
    const { out } = await guarded([Buffer.from('{"a":1,\r"b":"x\u2028y"\r}\n')]);

    expect(out).toEqual(['{"a":1,"b":"x\\u2028y"}']);
  });
});

async function guarded(chunks: readonly Uint8Array[], limits = LIMITS) {
  const breaches: string[] = [];
  const guard = createLineGuard({ clock: fakeClock(), limits, onBreach: (reason) => breaches.push(reason) });
  const out = (await text(Readable.from(chunks).pipe(guard))).split("\n").filter((line) => line !== "");
  return { out, breaches };
}

function cut(whole: string, sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(whole);
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
