import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMessage } from "../claude/events.ts";

const SESSION = "0b5a1c1e-6a57-4b60-9d0c-5a4f6f1f6f00";
const UUID = "0b5a1c1e-6a57-4b60-9d0c-5a4f6f1f6f01";

describe("a message of the engine's program", () => {
  it("is never an error, whatever it is", () => {
    fc.assert(
      fc.property(
        fc.anything({ withNullPrototype: true }),
        fc.constantFrom("assistant", "result", "system", "user"),
        (value, type) => {
          readMessage(value);
          expect(readMessage({ ...(value as object), type }).frames.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("names its conversation only by a uuid", () => {
    expect(readMessage({ type: "user", session_id: SESSION }).session).toBe(SESSION);
    expect(readMessage({ type: "user", session_id: "--resume=../x" }).session).toBeUndefined();
  });

  it("makes text and an entry of what the assistant says, and a call of a tool's use", () => {
    const content = [
      { type: "text", text: "I look" },
      { type: "thinking" },
      { type: "tool_use", name: "Bash" },
    ];

    expect(frames({ type: "assistant", uuid: UUID, message: { model: "m", content } })).toEqual([
      { type: "entry", uuid: UUID },
      { type: "text", text: "I look" },
      { type: "calling", tool: "Bash" },
    ]);
  });

  it.each([
    ["a subagent's", { parent_tool_use_id: "toolu_1" }],
    ["the program's own", { message: { model: "<synthetic>", content: [{ type: "text", text: "x" }] } }],
  ])("makes no text of %s words", (_whose, fields) => {
    const message = { model: "m", content: [{ type: "text", text: "x" }] };

    expect(frames({ type: "assistant", uuid: UUID, message, ...fields })).toEqual([{ type: "alive" }]);
  });

  it("makes no text of an API error", () => {
    const message = { model: "<synthetic>", content: [{ type: "text", text: "API Error" }] };

    expect(
      frames({ type: "assistant", uuid: UUID, message, error: "rate_limit", api_error_status: 429 }),
    ).toEqual([{ type: "api-error", error: "rate_limit", status: 429 }]);
  });

  it("tells a turn of the program's own from one with a prompt of ours", () => {
    const init = { type: "system", subtype: "init", slash_commands: ["compact"] };

    expect(frames(init)).toEqual([{ type: "turn", unasked: true, commands: ["compact"] }]);
    expect(frames({ ...init, user_message_uuids: [UUID] })).toMatchObject([{ unasked: false }]);
  });

  it("counts the work beside the conversation, without what is no activity, and tells what ended", () => {
    const tasks = [{ task_id: "a" }, { task_id: "b", ambient: true }];

    expect(frames({ type: "system", subtype: "background_tasks_changed", tasks })).toEqual([
      { type: "background", running: 1 },
    ]);
    expect(frames({ type: "system", subtype: "task_notification", summary: "x".repeat(9_000) })).toEqual([
      { type: "background-ended", news: "x".repeat(2_000) },
    ]);
  });

  it("does not take a server-side tool for one that a prompt could join", () => {
    const event = {
      type: "content_block_start",
      content_block: { type: "server_tool_use", name: "web_search" },
    };

    expect(frames({ type: "stream_event", event })).toEqual([{ type: "alive" }]);
  });
});

function frames(message: object) {
  return readMessage(message).frames;
}
