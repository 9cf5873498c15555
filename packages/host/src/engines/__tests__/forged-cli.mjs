#!/usr/bin/env node
/**
 * Stands in for the engine's program in tests: an agent that has taken it over. The text of the prompt
 * says what it does. Runs inside the sandbox, so it has nothing but Node.
 */
import { createInterface } from "node:readline";

const SESSION = "0b5a1c1e-6a57-4b60-9d0c-5a4f6f1f6f00";
const ENTRY = "0b5a1c1e-6a57-4b60-9d0c-5a4f6f1f6f01";
const raw = (line) => process.stdout.write(`${line}\n`);
const print = (message) => raw(JSON.stringify({ session_id: SESSION, ...message }));
const lifecycle = (uuid, state) => print({ type: "command_lifecycle", command_uuid: uuid, state });
const text = (words) =>
  print({
    type: "assistant",
    uuid: ENTRY,
    parent_tool_use_id: null,
    message: { model: "m", content: [{ type: "text", text: words }] },
  });
const calling = (name) =>
  print({
    type: "stream_event",
    parent_tool_use_id: null,
    event: { type: "content_block_start", content_block: { type: "tool_use", name } },
  });
const result = (uuids, more = {}) =>
  print({
    type: "result",
    subtype: "success",
    is_error: false,
    result: "",
    user_message_uuids: uuids,
    ...more,
  });
const ask = (id, request) => print({ type: "control_request", request_id: id, request });
const callTool = (id, name, args, meta) =>
  ask(id, {
    subtype: "mcp_message",
    server_name: "bellhop",
    message: { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args, ...meta } },
  });
const goOn = (summary) => {
  print({ type: "system", subtype: "task_notification", summary });
  print({ type: "system", subtype: "init" });
};
const use = (id) => ({ _meta: { "claudecode/toolUseId": id } });
const LINES = 100_000;

const deeds = {
  /** Well behaved but late: what comes while it works is run as a turn of its own. */
  carry(uuid) {
    lifecycle(uuid, "started");
    calling("Bash");
    awaiting = (next) => {
      result([uuid]);
      lifecycle(next, "started");
      text("the second");
      result([next]);
    };
  },
  /** Goes on by itself after its answer, and gets the next prompt just then. */
  ahead(uuid) {
    lifecycle(uuid, "started");
    result([uuid]);
    goOn("the build is done");
    text("the news");
    awaiting = (next) => {
      text("and more of it");
      result([]);
      lifecycle(next, "started");
      text("the answer");
      result([next]);
    };
  },
  /** Goes on by itself without an end. */
  restless(uuid) {
    lifecycle(uuid, "started");
    result([uuid]);
    for (let n = 0; n < 100; n += 1) {
      goOn(`news ${n}`);
      result([]);
    }
  },
  deaf: (uuid) => lifecycle(uuid, "started"),
  /** Ends its answer in the moment in which it is asked to stop, with another prompt in its queue. */
  late(uuid) {
    lifecycle(uuid, "started");
    calling("Bash");
    awaiting = (next) => {
      onInterrupt = () => {
        result([uuid]);
        lifecycle(next, "started");
        text("nobody wants this");
      };
      calling("Read");
    };
  },
  drop: (uuid) => lifecycle(uuid, "cancelled"),
  /** Talks and ends a turn that nobody asked for, then does what it was asked. */
  rogue(uuid) {
    text("nobody asked");
    result([ENTRY]);
    result([]);
    result([ENTRY], { is_error: true, terminal_reason: "api_error" });
    lifecycle(uuid, "started");
    text("ours");
    result([uuid]);
  },
  malformed() {
    for (let n = 0; n < LINES; n += 1) raw(`{"type": malformed ${n}`);
  },
  async oversized(uuid) {
    lifecycle(uuid, "started");
    const piece = "x".repeat(1024 * 1024);
    for (let n = 0; n < 1024; n += 1) {
      if (!process.stdout.write(piece)) await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
  },
  fast(uuid) {
    lifecycle(uuid, "started");
    for (let n = 0; n < LINES; n += 1) text(`line ${n}`);
  },
  deep(uuid) {
    lifecycle(uuid, "started");
    raw(`${'{"type":"user","a":'.repeat(1)}${"[".repeat(LINES)}${"]".repeat(LINES)}}`);
  },
  duplicate(uuid) {
    for (let n = 0; n < LINES; n += 1) {
      lifecycle(uuid, "started");
      result([uuid]);
    }
  },
  /** Everything that a program could ask of the SDK, before and during an answer. */
  lying(uuid) {
    callTool("early", "note", { text: "early" }, use("toolu_early"));
    lifecycle(uuid, "started");
    callTool("no-use", "note", { text: "without a tool use" });
    callTool("other", "note", { text: "x", group: "other", chat: "telegram:1" }, use("toolu_other"));
    callTool("unknown", "register_group", { folder: "evil" }, use("toolu_unknown"));
    ask("hook", { subtype: "hook_callback", callback_id: "hook_0", input: {} });
    ask("hook-path", {
      subtype: "hook_callback",
      callback_id: "hook_0",
      input: {
        hook_event_name: "PreToolUse",
        tool_name: "Read",
        tool_input: { file_path: "/etc/passwd" },
        transcript_path: "/etc/passwd",
      },
    });
    ask("hook-odd", {
      subtype: "hook_callback",
      callback_id: "hook_0",
      input: { tool_name: 5, tool_input: null },
    });
    ask("hook-none", { subtype: "hook_callback", callback_id: "hook_9", input: null });
    ask("permission", { subtype: "can_use_tool", tool_name: "Bash", input: {}, tool_use_id: "t" });
    ask("token", { subtype: "oauth_token_refresh" });
    ask("secret", { subtype: "remote_control_work_secret", session_id: SESSION });
    ask("nonsense", { subtype: "__proto__" });
    print({ type: "transcript_mirror", filePath: "/root/.ssh/authorized_keys", entries: [{ a: 1 }] });
    print({ type: "control_response", response: { subtype: "success", request_id: "never", response: {} } });
    raw('{"type":"assistant","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    for (const line of ["null", "5", '"text"', "[]", "true", "{}", '{"type":null}', '{"type":"result"}'])
      raw(line);
    lifecycle("00000000-0000-4000-8000-000000000000", "started");
    text("said a stranger");
    result([uuid]);
  },
  /** Asks for much and reads nothing. */
  unread(uuid) {
    lifecycle(uuid, "started");
    process.stdin.pause();
    const ping = (n) => {
      for (let i = 0; i < 50; i += 1) {
        ask(`${n}-${i}`, {
          subtype: "mcp_message",
          server_name: "bellhop",
          message: { jsonrpc: "2.0", id: n * 50 + i, method: "tools/list", params: {} },
        });
      }
      setTimeout(ping, 30, n + 1);
    };
    ping(0);
  },
  stderr(uuid) {
    lifecycle(uuid, "started");
    const flood = () => {
      while (process.stderr.write("e".repeat(64 * 1024)));
      process.stderr.once("drain", flood);
    };
    flood();
  },
  /** Many lines in one, for a reader that takes other characters for a line's end. */
  smuggle(uuid) {
    lifecycle(uuid, "started");
    const hidden = JSON.stringify({ type: "command_lifecycle", command_uuid: uuid, state: "cancelled" });
    raw(`{"type":"user","a":1,\r"b":[\r${`${hidden},\r`.repeat(1000)}1]\r}`);
    text("a\u2028b\u2029c");
    result([uuid]);
  },
};

let awaiting;
let onInterrupt;
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const message = JSON.parse(line);
    if (message.type === "control_request") {
      if (message.request.subtype === "interrupt") onInterrupt?.();
      print({
        type: "control_response",
        response: { subtype: "success", request_id: message.request_id, response: {} },
      });
    } else if (message.type === "user") {
      lifecycle(message.uuid, "queued");
      if (awaiting) awaiting(message.uuid);
      else void deeds[message.message.content.at(-1).text]?.(message.uuid);
    }
  })
  .on("close", () => process.exit(0));
