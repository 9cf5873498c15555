import { describe, expect, it } from "vitest";
import { withinBounds } from "../json-bounds.ts";

const bounds = (text: string) => withinBounds(Buffer.from(text));
const MANY = 300_000;

describe("a body of JSON", () => {
  it.each([
    ["many numbers", `[${"1,".repeat(MANY)}1]`],
    ["many empty strings", `[${'"",'.repeat(MANY)}""]`],
    ["many objects", `[${'{"a":1},'.repeat(MANY)}{}]`],
    ["many keys", `{${'"a":1,'.repeat(MANY)}"b":1}`],
    ["deep nesting", "[".repeat(201)],
    ["many values after a string with quotes", `["\\"\\\\",${"1,".repeat(MANY)}1]`],
  ])("is out of bounds with %s", (_name, text) => {
    expect(bounds(text)).toBe(false);
  });

  it.each([
    ["a long text", JSON.stringify("word, [{ ".repeat(MANY))],
    ["a text full of escapes", JSON.stringify('"\\,'.repeat(MANY))],
    [
      "a long conversation",
      JSON.stringify(Array.from({ length: 20_000 }, () => ({ role: "user", content: [{ a: 1 }] }))),
    ],
    ["many lists beside each other", `[${"[],".repeat(1000)}[]]`],
    ["nothing", ""],
  ])("is within bounds with %s", (_name, text) => {
    expect(bounds(text)).toBe(true);
  });
});
