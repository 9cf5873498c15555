import { describe, expect, it } from "vitest";
import { parseCall } from "../call.ts";

const parsed = (body: object, headers = {}) => parseCall(Buffer.from(JSON.stringify(body)), headers);
const kind = (body: object, headers = {}) => {
  const result = parsed({ model: "m", ...body }, headers);
  return result.ok ? result.call.kind : result.reason;
};
const user = (...texts: string[]) => ({
  role: "user",
  content: texts.map((text) => ({ type: "text", text })),
});

describe("a model call", () => {
  it("is a turn's unless it says otherwise", () => {
    expect(kind({ messages: [user("hi")], tools: [{ name: "Bash" }] })).toBe("turn");
    expect(kind({ messages: [user("hi")] })).toBe("turn");
    expect(kind({})).toBe("turn");
    expect(kind({ output_config: { effort: "medium" } })).toBe("turn");
  });

  it("is a subagent's by its header", () => {
    expect(kind({ messages: [user("hi")] }, { "x-claude-code-agent-id": "a1" })).toBe("subagent");
  });

  it("is a compaction when the newest message asks for a summary", () => {
    const request = "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.";

    expect(kind({ messages: [user("hi"), { role: "user", content: request }] })).toBe("compaction");
    expect(kind({ messages: [user("hi", request), { role: "system", content: "note" }] })).toBe("compaction");
    expect(kind({ messages: [user(request), user("hi")] })).toBe("turn");
  });

  it("is background work when a form or a single token is wanted and no tools are offered", () => {
    expect(kind({ output_config: { format: { type: "json_schema" } } })).toBe("background");
    expect(kind({ max_tokens: 1, tools: [] })).toBe("background");
    expect(kind({ max_tokens: 1, tools: [{ name: "Bash" }] })).toBe("turn");
  });

  it("needs a model's name and be JSON", () => {
    expect(parsed({ messages: [] })).toMatchObject({ ok: false, reason: expect.stringMatching(/model/) });
    expect(parsed({ model: "x".repeat(300) }).ok).toBe(false);
    expect(parseCall(Buffer.from("nonsense"), {}).ok).toBe(false);
    expect(parseCall(Buffer.from("[]"), {}).ok).toBe(false);
  });
});
