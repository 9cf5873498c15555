#!/usr/bin/env node
/** Stands in for an ACP agent in tests: one that does not keep to the protocol. Told what to do by its prompt. */
import { createInterface } from "node:readline";

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const say = (text) =>
  send({
    method: "session/update",
    params: {
      sessionId: "s",
      update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } },
    },
  });

const deeds = {
  answers: () => send({ id: 999, result: {} }),
  flood() {
    for (let n = 0; n < 100_000; n += 1) say(`line ${n}`);
  },
  stop: (id) => send({ id, result: { stopReason: "because" } }),
  odd(id) {
    send({ method: "session/update", params: null });
    send({
      method: "session/update",
      params: {
        sessionId: "other",
        update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text: "not mine" } },
      },
    });
    send({ method: "session/update", params: { sessionId: "s", update: { sessionUpdate: "unheard of" } } });
    send({ id: 1, method: "fs/read_text_file", params: { sessionId: "s", path: "/etc/shadow" } });
    send({ id: 2, method: "terminal/create", params: { sessionId: "s", command: "id" } });
    const options = [
      { optionId: "no", name: "No", kind: "reject_once" },
      { optionId: "yes", name: "Yes", kind: "allow_once" },
    ];
    send({
      id: 3,
      method: "session/request_permission",
      params: { sessionId: "s", toolCall: { toolCallId: "t" }, options },
    });
    waiting = id;
  },
  auth: (id) => send({ id, error: { code: -32000, message: "log in first" } }),
  deaf: () => undefined,
};

let waiting;
const heard = [];
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params, result, error } = JSON.parse(line);
  if (method === "initialize") send({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  else if (method === "session/new") send({ id, result: { sessionId: "s" } });
  else if (method === "session/prompt") deeds[params.prompt.at(-1).text]?.(id);
  else if (!method) {
    heard.push(error ? "refused" : result.outcome.optionId);
    if (heard.length < 3) return;
    say(heard.join(" "));
    send({ id: waiting, result: { stopReason: "end_turn" } });
  }
});
