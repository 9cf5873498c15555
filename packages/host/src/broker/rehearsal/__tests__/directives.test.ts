import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDirectives } from "../directives.ts";

const problem = (message: string) => {
  const [first] = parseDirectives(message);
  return first?.kind === "unusable" ? first.problem : undefined;
};

describe("a directive", () => {
  it.each([
    ["say: hello: you", { kind: "say", text: "hello: you" }],
    ["say:hello", { kind: "say", text: "hello" }],
    ["run: echo 'a  b' | wc", { kind: "run", command: "echo 'a  b' | wc" }],
    ["write: notes/a.txt two  words", { kind: "write", path: "notes/a.txt", text: "two  words" }],
    ["write: empty.txt", { kind: "write", path: "empty.txt", text: "" }],
    ["read: /etc/hostname", { kind: "read", path: "/etc/hostname" }],
    ["remember: the cat is Ada", { kind: "remember", fact: "the cat is Ada" }],
    ["recall:", { kind: "recall" }],
    ["tool: send_message", { kind: "tool", name: "send_message", input: {} }],
    [`tool: t {"a":{"b":[1]}}`, { kind: "tool", name: "t", input: { a: { b: [1] } } }],
    ["count:", { kind: "count" }],
    ["think: 0.25", { kind: "think", ms: 250 }],
    ["stream: 20 5", { kind: "stream", words: 20, everyMs: 5 }],
    ["error: overloaded", { kind: "error", error: "overloaded", times: undefined }],
    ["error: refusal x2", { kind: "error", error: "refusal", times: 2 }],
    ["@Bellhop say: hi", { kind: "say", text: "hi" }],
    ["say: hi\r", { kind: "say", text: "hi" }],
  ])("%j is read", (line, expected) => {
    expect(parseDirectives(line)).toEqual([expected]);
  });

  it("is found among ordinary lines, in order", () => {
    expect(parseDirectives("Please do this.\nsay: one\n\nand then\nsay: two")).toEqual([
      { kind: "say", text: "one" },
      { kind: "say", text: "two" },
    ]);
  });

  it.each([
    "",
    "Hello!",
    "Note: buy milk",
    "Say: hello",
    "https://example.com/say: x",
    "http://localhost:80",
    "I say: no",
    " run: indented",
    "remember the milk: two bottles",
    "Shopping for tomorrow\nmilk: two\nbread: one",
  ])("%j is ordinary text", (text) => {
    expect(parseDirectives(text)).toEqual([]);
  });

  it.each(["dance: now", "dance:", "say: hi\ndance: now", "rnu: ls", "Hello\nsay: hi\nthnik: 2"])(
    "%j holds one that nobody knows, and the person is told",
    (text) => {
      const problems = parseDirectives(text).filter(({ kind }) => kind === "unusable");

      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({
        problem: expect.stringMatching(/^I do not know the directive .*say: TEXT/),
      });
    },
  );

  it.each([
    ["run:", "`run: CMD`"],
    ["think: soon", "from 0 to 3600"],
    ["think: -1", "from 0 to 3600"],
    ["think:", "`think: SECONDS`"],
    ["stream: 5", "two whole numbers"],
    ["error: sad", "rate_limit, overloaded"],
    ["error: auth x", "rate_limit, overloaded"],
    ["tool:", "`tool: NAME JSON`"],
    ["tool: t {", "this is not JSON"],
    ["tool: t [1]", "an object"],
  ])("%j is answered with how it is written", (line, hint) => {
    expect(problem(line)).toContain(hint);
  });

  it("never makes the parser throw", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom("", "tool: ", "error: ", "stream: "),
        (text, name) => {
          expect(() => parseDirectives(name + text)).not.toThrow();
        },
      ),
    );
  });
});
