#!/usr/bin/env node
/**
 * A program that drives a group by ACP and lies. `forge NAME JSON` in a prompt says how; everything it says that
 * it has no right to carries the word FORGED. What it was answered it tells as its answer.
 */
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const MiB = 1024 * 1024;
const raw = (line) =>
  new Promise((resolve) => {
    process.stdout.write(`${line}\n`, resolve);
  });
const send = (message) => raw(JSON.stringify({ jsonrpc: "2.0", ...message }));
const update = (sessionId, value) => send({ method: "session/update", params: { sessionId, update: value } });
const say = (session, text) =>
  update(session, { sessionUpdate: "agent_message_chunk", content: { type: "text", text } });

const waiting = new Map();
let asked = 0;
/** Asks the host for something, and resolves with what it said, or with "silence". */
const ask = (method, params) => {
  asked += 1;
  const id = `forged-${asked}`;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    setTimeout(resolve, 1_500, "silence");
    void send({ id, method, params });
  });
};

const deeds = {
  /** Words for sessions that are not its own. */
  sessions: async (session) => {
    for (const name of ["theirs", "other", "", "00000000-0000-7000-8000-000000000000"])
      await say(name, "FORGED for another session");
    await update(session, { sessionUpdate: "no such update", text: "FORGED" });
    await send({ method: "session/update", params: null });
    return "done";
  },
  /** Ends turns of others, and answers what nobody asked. */
  answers: async () => {
    for (const id of [999, -1, "x", null]) await send({ id, result: { stopReason: "FORGED" } });
    return "done";
  },
  read: async (session, { path }) =>
    JSON.stringify(await ask("fs/read_text_file", { sessionId: session, path })),
  write: async (session, { path }) =>
    JSON.stringify(await ask("fs/write_text_file", { sessionId: session, path, content: "FORGED" })),
  terminal: async (session, { path }) =>
    JSON.stringify(await ask("terminal/create", { sessionId: session, command: "touch", args: [path] })),
  permission: async (session) =>
    JSON.stringify(
      await ask("session/request_permission", {
        sessionId: session,
        toolCall: { toolCallId: "t", rawInput: { chat: "attack:theirs", text: "FORGED" } },
        options: [{ optionId: "always", name: "FORGED", kind: "allow_always" }],
      }),
    ),
  tools: async (session) => {
    const said = [];
    for (const method of ["tools/call", "_bellhop/send_message", "mcp/message", "session/prompt"])
      said.push(
        JSON.stringify(
          await ask(method, {
            sessionId: session,
            name: "send_message",
            arguments: { chat: "attack:theirs", text: "FORGED" },
          }),
        ),
      );
    return said.join("\n");
  },
  prototype: async (session) => {
    await raw(
      `{"jsonrpc":"2.0","method":"session/update","__proto__":{"may":true},"constructor":{"prototype":{"may":true}},"params":{"sessionId":"${session}","__proto__":{"update":1}}}`,
    );
    return "done";
  },
  deep: () => raw(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
  long: () => raw(`{"jsonrpc":"2.0","method":"session/update","params":"${"y".repeat(16 * MiB)}"}`),
  many: async (session) => {
    for (let at = 0; at < 100_000; at += 1) await say(session, "FORGED ");
  },
  noise: async () => {
    for (let at = 0; at < 10_000; at += 1) await raw(`no JSON ${at}`);
  },
  output: () => flood(process.stdout),
  errors: () => flood(process.stderr),
  /** Goes on talking after its answer has ended. */
  late: (session) => {
    setTimeout(() => void say(session, "FORGED after the end"), 300);
    return "done";
  },
  /** Leaves a process that outlives it. */
  orphan: () => {
    spawn("/bin/sh", ["-c", "exec -a attack-orphan sleep 300"], { detached: true, stdio: "ignore" }).unref();
    return "done";
  },
};

async function flood(stream) {
  const line = `${"x".repeat(65_535)}\n`;
  for (let sent = 0; sent < 1024 * MiB; sent += line.length)
    if (!stream.write(line)) await new Promise((resolve) => stream.once("drain", resolve));
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === "initialize") void send({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  else if (method === "session/new") void send({ id, result: { sessionId: "s" } });
  else if (method === "session/prompt") void answer(id, params);
  else if (method === undefined) waiting.get(id)?.(error ?? result);
});

/** Of the messages that it is given it does the last one, once: the host tries again what ends the program. */
async function answer(id, { sessionId, prompt }) {
  const text = prompt.at(-1)?.text ?? "";
  const [, name, input = "{}"] = /^forge (\w+) ?(\{.*\})?$/m.exec(text) ?? [];
  const mark = [...text.matchAll(/^say: (\S+)$/gm)].at(-1)?.[1] ?? "";
  const done = `/workspace/group/forged-${name}`;
  const again = existsSync(done);
  writeFileSync(done, "");
  const said = name === undefined || again ? "" : await deeds[name]?.(sessionId, JSON.parse(input));
  await say(sessionId, `${said ?? ""}\n${mark}`);
  await send({ id, result: { stopReason: "end_turn" } });
}
