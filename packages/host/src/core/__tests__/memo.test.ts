import { describe, expect, it } from "vitest";
import { memo } from "../memo.ts";

function given({ most }: { most: number }) {
  const made: string[] = [];
  const lengthOf = memo<string, number>(most, (text) => made.push(text));
  return { lengthOf, made };
}

describe("a memo", () => {
  it("makes once what is asked for again", () => {
    const { lengthOf, made } = given({ most: 2 });

    expect([lengthOf("a"), lengthOf("b"), lengthOf("a")]).toEqual([1, 2, 1]);

    expect(made).toEqual(["a", "b"]);
  });

  it("lets go of what it made first, and makes that again", () => {
    const { lengthOf, made } = given({ most: 2 });

    for (const text of ["a", "b", "c", "b", "a"]) lengthOf(text);

    expect(made).toEqual(["a", "b", "c", "a"]);
  });
});
