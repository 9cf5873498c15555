import * as fc from "fast-check";
import { once } from "node:events";
import { type Duplex, PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import {
  createMux,
  createParser,
  FRAME,
  frame,
  type Frame,
  join,
  MAX_DATA_BYTES,
  MAX_STREAMS,
  WINDOW_BYTES,
} from "../mux.mjs";

/** Two ends over two pipes. */
function pair({ onStream = (stream: Duplex): void => void stream.resume() } = {}) {
  const [there, back] = [new PassThrough(), new PassThrough()];
  const ended: string[] = [];
  const inside = createMux({
    input: back,
    output: there,
    parity: "odd",
    onStream: () => undefined,
    broken: (reason) => ended.push(`inside: ${reason}`),
  });
  const host = createMux({
    input: there,
    output: back,
    parity: "even",
    onStream,
    broken: (reason) => ended.push(`host: ${reason}`),
  });
  return { inside, host, there, back, ended };
}

/** An end of ours, spoken to by a stranger. */
function stranger({ onStream = (stream: Duplex): void => void stream.resume() } = {}) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const reasons: string[] = [];
  const answers: Frame[] = [];
  output.on(
    "data",
    createParser((answer) => answers.push({ ...answer, data: Buffer.from(answer.data) })),
  );
  const mux = createMux({
    input,
    output,
    parity: "even",
    onStream,
    broken: (reason) => reasons.push(reason),
  });
  return {
    mux,
    answers,
    reasons,
    say: async (...frames: Buffer[]) => {
      for (const one of frames) input.write(one);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const credit = (bytes: number) => {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(bytes);
  return data;
};

describe("frames", () => {
  it("come out as they went in, however the pipe cuts them", () => {
    const one = fc.oneof(
      fc.record({
        stream: fc.nat(0xffffffff),
        type: fc.constant(FRAME.data),
        data: fc.uint8Array({ maxLength: 300 }),
      }),
      fc.record({
        stream: fc.nat(0xffffffff),
        type: fc.constantFrom(FRAME.open, FRAME.end, FRAME.reset),
        data: fc.constant(new Uint8Array()),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 60 })),
        (frames, cuts) => {
          const bytes = Buffer.concat(
            frames.map(({ stream, type, data }) => frame(stream, type, Buffer.from(data))),
          );
          const seen: Frame[] = [];
          const parse = createParser((got) => seen.push({ ...got, data: Buffer.from(got.data) }));

          let at = 0;
          for (const cut of cuts) parse(bytes.subarray(at, (at = Math.min(bytes.length, at + cut))));
          parse(bytes.subarray(at));

          expect(seen).toEqual(frames.map((sent) => ({ ...sent, data: Buffer.from(sent.data) })));
        },
      ),
    );
  });

  it("that no end of ours sends are refused, before anything is kept of them", () => {
    const header = (type: number, length: number) => {
      const bytes = frame(1, type);
      bytes.writeUInt32BE(length, 5);
      return bytes;
    };
    for (const bad of [
      header(FRAME.data, MAX_DATA_BYTES + 1),
      header(FRAME.open, 1),
      header(FRAME.credit, 5),
      header(0, 0),
      header(9, 0),
    ]) {
      expect(() => createParser(() => undefined)(bad)).toThrow(RangeError);
    }
  });

  it("of garbage never do anything but end the whole", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (garbage) => {
        const { say, reasons } = stranger();
        await say(Buffer.from(garbage));
        expect(reasons.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("streams", () => {
  it("carry bytes both ways, each with an end of its own", async () => {
    const { inside } = pair({
      onStream: (stream) => void buffer(stream).then((bytes) => stream.end(Buffer.alloc(bytes.length, "y"))),
    });
    const sizes = [0, 1, MAX_DATA_BYTES, WINDOW_BYTES + 1, 3_000_000];

    const answers = await Promise.all(
      sizes.map((size) => {
        const stream = inside.open();
        stream.end(Buffer.alloc(size, "x"));
        return buffer(stream);
      }),
    );

    expect(answers.map(({ length }) => length)).toEqual(sizes);
  });

  it("carry any text in any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 5_000 }), { maxLength: 10 }), async (pieces) => {
        const { inside } = pair({ onStream: (stream) => void stream.pipe(stream) });
        const stream = inside.open();
        for (const piece of pieces) stream.write(piece);
        stream.end();
        expect((await buffer(stream)).toString()).toBe(pieces.join(""));
      }),
      { numRuns: 30 },
    );
  });

  it("that nobody reads hold what fits the window and no more, and do not hold up others", async () => {
    const taken: Duplex[] = [];
    const { inside, there } = pair({ onStream: (stream) => void taken.push(stream) });
    let passed = 0;
    there.on("data", (piece: Buffer) => (passed += piece.length));
    const stuck = inside.open();
    stuck.write(Buffer.alloc(4 * WINDOW_BYTES));
    const quick = inside.open();
    quick.end("quick");
    await expect.poll(() => taken.length).toBe(2);
    const [theirStuck, theirQuick] = taken;
    if (!theirStuck || !theirQuick) throw new Error("both were opened");

    expect((await buffer(theirQuick)).toString()).toBe("quick");
    expect(passed).toBeLessThan(WINDOW_BYTES + 1_000);
    stuck.end();
    expect((await buffer(theirStuck)).length).toBe(4 * WINDOW_BYTES);
  });

  it("show a break as a break, not as an end", async () => {
    const { inside } = pair({ onStream: (stream) => void stream.once("data", () => stream.destroy()) });
    const stream = inside.open();
    let ended = false;
    stream.resume().on("end", () => (ended = true));
    stream.write("x");

    await once(stream, "close");

    expect(ended).toBe(false);
  });

  it("joined to others pass both on", async () => {
    const [ours, theirs] = [new PassThrough(), new PassThrough()];
    const { inside } = pair({ onStream: (stream) => void stream.pipe(stream) });
    join(ours, inside.open());
    void theirs;
    ours.destroy();
    await once(ours, "close");

    expect(ours.destroyed).toBe(true);
  });

  it("all break when the pipes do", async () => {
    const { inside, there, ended } = pair();
    const stream = inside.open();
    there.destroy();

    await once(stream, "close");

    await expect.poll(() => ended.length).toBe(2);
  });
});

describe("a stranger at the other end", () => {
  const open = (id: number) => frame(id, FRAME.open);

  it.each([
    ["opens a number of ours", [open(2)]],
    ["opens one twice", [open(1), open(1)]],
    [
      "sends more than the window takes",
      [open(1), ...Array.from({ length: 5 }, () => frame(1, FRAME.data, Buffer.alloc(MAX_DATA_BYTES)))],
    ],
    ["gives credit for what was never sent", [open(1), frame(1, FRAME.credit, credit(1))]],
    ["gives credit of no amount", [open(1), frame(1, FRAME.credit)]],
    ["ends twice", [open(1), frame(1, FRAME.end), frame(1, FRAME.end)]],
    ["sends after the end", [open(1), frame(1, FRAME.end), frame(1, FRAME.data, Buffer.from("x"))]],
  ])("that %s ends the whole", async (_, frames) => {
    const { say, reasons } = stranger({ onStream: () => undefined });

    await say(...frames);

    expect(reasons).toHaveLength(1);
  });

  it("has so many streams and no more", async () => {
    const { say, answers, reasons } = stranger({ onStream: () => undefined });

    await say(...Array.from({ length: MAX_STREAMS + 3 }, (_, index) => open(2 * index + 1)));

    expect(answers.filter(({ type }) => type === FRAME.reset)).toHaveLength(3);
    expect(reasons).toEqual([]);
  });

  it("that speaks of streams that are over is not heard", async () => {
    const { say, reasons } = stranger();

    await say(frame(77, FRAME.data, Buffer.from("late")), frame(77, FRAME.end), frame(77, FRAME.reset));

    expect(reasons).toEqual([]);
  });
});
