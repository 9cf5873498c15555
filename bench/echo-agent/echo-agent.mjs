#!/usr/bin/env node
/**
 * The echo agent: the smallest agent that speaks the Agent Client Protocol (v1) over stdio. Plain
 * JavaScript without dependencies, because it runs inside a sandbox that has nothing but Node. Benches
 * and fault tests use it where no model is wanted.
 *
 * It answers each prompt with the text of its last block, in a few chunks. Directives:
 * `count:` how many prompts this session has had; `sleep: MS` waits; `crash:` exits with code 3.
 * Sessions are files in `~/.claude/echo/`, so they survive the process.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { createInterface } from "node:readline";

const home = `${homedir()}/.claude/echo`;
const file = (session) => `${home}/${session}.json`;
const running = new Map(); // session -> how to cancel its prompt

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const update = (sessionId, value) => send({ method: "session/update", params: { sessionId, update: value } });
const say = (session, text) =>
  update(session, { sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
const fail = (code, message) => {
  throw Object.assign(new Error(message), { code });
};

function sleep(session, ms) {
  return new Promise((resolve) => {
    const end = (cancelled) => {
      clearTimeout(timer);
      running.delete(session);
      resolve(cancelled);
    };
    const timer = setTimeout(end, ms, false);
    running.set(session, () => end(true));
  });
}

const methods = {
  initialize: () => ({
    protocolVersion: 1,
    agentCapabilities: { loadSession: true },
    agentInfo: { name: "echo", version: "1.0.0" },
    authMethods: [],
  }),
  "session/new": () => {
    const sessionId = crypto.randomUUID();
    mkdirSync(home, { recursive: true });
    writeFileSync(file(sessionId), "0");
    return { sessionId };
  },
  "session/load": ({ sessionId }) => (existsSync(file(sessionId)) ? {} : fail(-32002, "no such session")),
  "session/prompt": async ({ sessionId, prompt }) => {
    if (!existsSync(file(sessionId))) fail(-32002, "no such session");
    const count = Number(readFileSync(file(sessionId), "utf8")) + 1;
    writeFileSync(file(sessionId), String(count));
    const text = prompt.findLast(({ type }) => type === "text")?.text ?? "";
    if (text.startsWith("crash:")) process.exit(3);
    if (text.startsWith("sleep:")) {
      update(sessionId, {
        sessionUpdate: "tool_call",
        toolCallId: `${count}`,
        title: "sleep",
        status: "in_progress",
      });
      if (await sleep(sessionId, Number(text.slice(6)))) return { stopReason: "cancelled" };
      update(sessionId, { sessionUpdate: "tool_call_update", toolCallId: `${count}`, status: "completed" });
    }
    const answer = text.startsWith("count:") ? String(count) : text;
    for (let at = 0; at < answer.length; at += Math.ceil(answer.length / 4)) {
      say(sessionId, answer.slice(at, at + Math.ceil(answer.length / 4)));
    }
    return { stopReason: "end_turn" };
  },
  "session/cancel": ({ sessionId }) => running.get(sessionId)?.(),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  try {
    const result = await (methods[method] ?? (() => fail(-32601, `no method ${method}`)))(params);
    if (id !== undefined) send({ id, result });
  } catch (err) {
    if (id !== undefined) send({ id, error: { code: err.code ?? -32603, message: err.message } });
  }
});
