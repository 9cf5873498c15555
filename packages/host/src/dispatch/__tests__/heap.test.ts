import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHeap, type Member } from "../heap.ts";

interface Ranked extends Member {
  readonly rank: number;
}

describe("a heap", () => {
  it("always has first what a sorted list would have, whatever is put in and taken out", () => {
    const step = fc.record({ put: fc.boolean(), rank: fc.nat(50), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = createHeap<Ranked>(0, (a, b) => a.rank < b.rank);
        const model: Ranked[] = [];

        for (const { put, rank, pick } of steps) {
          const known = model[pick % Math.max(1, model.length)];
          if (put || !known) {
            const item = { rank, at: [] };
            heap.put(item);
            heap.put(item); // does nothing
            model.push(item);
          } else {
            heap.remove(known);
            heap.remove(known); // does nothing
            model.splice(model.indexOf(known), 1);
          }
          expect(heap.size).toBe(model.length);
          expect(heap.first?.rank).toBe(model.toSorted((a, b) => a.rank - b.rank)[0]?.rank);
        }
      }),
    );
  });
});
