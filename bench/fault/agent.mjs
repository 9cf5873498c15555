#!/usr/bin/env node
/**
 * The fault-injecting agent: speaks ACP like the echo agent, and does whatever a broken or hostile
 * program could do when a message asks for it. Plain JavaScript, because it runs in a sandbox.
 *
 * A message is `TOKEN DIRECTIVE…`; its answer is `got TOKEN…`, with the tokens of every message that
 * was given. What it saw and what it answered it notes in `~/.claude/fault/journal.jsonl`, which the
 * checker reads. With `once` behind a directive it strikes only the first time it sees that token.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";

const home = `${homedir()}/.claude/fault`;
const journal = `${home}/journal.jsonl`;
const file = (session) => `${home}/${session}.session`;
/** A file that makes the next resume fail in this way. */
const CURSE = `${home}/curse`;
mkdirSync(home, { recursive: true });

const running = new Map(); // session -> how to cancel its prompt
const MiB = 1024 * 1024;

const note = (line) => appendFileSync(journal, `${JSON.stringify(line)}\n`);
let torn = false;
async function write(bytes) {
  const pieces = torn ? [...Buffer.from(bytes)].map((byte) => Buffer.from([byte])) : [bytes];
  for (const piece of pieces) await new Promise((resolve) => process.stdout.write(piece, resolve));
}
const send = (message) => write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const update = (sessionId, value) => send({ method: "session/update", params: { sessionId, update: value } });
const say = (session, text) =>
  update(session, { sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
const fail = (code, message) => {
  throw Object.assign(new Error(message), { code });
};
const timesSeen = (token) =>
  existsSync(journal) ? readFileSync(journal, "utf8").split(`"seen","token":"${token}"`).length - 1 : 0;

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

async function flood(stream, total) {
  const line = `${"x".repeat(65_535)}\n`;
  for (let sent = 0; sent < total; sent += line.length) {
    if (!stream.write(line)) await new Promise((resolve) => stream.once("drain", resolve));
  }
}

/** What it does before it answers. Returns a stop reason where it does not answer. */
const strikes = {
  sleep: (session, ms) =>
    sleep(session, Number(ms || 100)).then((cancelled) => (cancelled ? "cancelled" : undefined)),
  die: () => process.exit(3),
  abort: () => process.abort(),
  hang: () => new Promise(() => undefined),
  spin: () => {
    for (;;);
  },
  deaf: async () => {
    process.stdin.destroy();
    await new Promise(() => undefined);
  },
  half: async (session) => {
    await say(session, "a partial answer that must not be shown ");
    process.exit(4);
  },
  stdout: () => flood(process.stdout, 1024 * MiB),
  stderr: () => flood(process.stderr, 1024 * MiB),
  many: async (session) => {
    for (let at = 0; at < 100_000; at += 1)
      await update(session, { sessionUpdate: "tool_call_update", toolCallId: "1", status: "in_progress" });
  },
  long: () => write(`{"jsonrpc":"2.0","method":"session/update","params":"${"y".repeat(16 * MiB)}"}\n`),
  stray: async () => {
    for (let at = 0; at < 50; at += 1)
      await write(`not json ${at}\n{"half":\n[1,2]\nnull\n`.slice(0, 12 + at));
    await write("\n");
  },
  torn: () => {
    torn = true;
  },
  bytes: () => write(Buffer.concat([Buffer.from([0xff, 0xfe, 0x00, 0xc0, 0x80]), Buffer.from("\n")])),
  deep: () => write(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`),
  unknown: async (session) => {
    await send({ method: "session/explode", params: {} });
    await send({
      id: 99_999,
      method: "fs/read_text_file",
      params: { sessionId: session, path: "/etc/passwd" },
    });
    await update(session, { sessionUpdate: "no_such_update", data: 1 });
  },
  answers: () => send({ id: 4_711, result: { stopReason: "end_turn" } }),
  proto: (session) =>
    write(
      `{"jsonrpc":"2.0","method":"session/update","__proto__":{"admin":true},"constructor":{"prototype":{"x":1}},"params":{"sessionId":"${session}","__proto__":{"update":1}}}\n`,
    ),
  fork: async () => {
    for (let at = 0; at < 20; at += 1)
      spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
        detached: true,
        stdio: "ignore",
      }).unref();
  },
  snoop: () => snoop(),
  auth: () => fail(-32000, "the key was revoked"),
  transient: () => fail(-32603, "an upstream server stumbled"),
  overflow: () => "max_tokens",
  forget: () => writeFileSync(CURSE, "stale"),
  burst: () => writeFileSync(CURSE, "memory"),
};

/** Everything it could find of secrets goes into its journal, where the checker looks for the canary. */
function snoop() {
  const found = [JSON.stringify(process.env)];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const name of ["environ", "cmdline"]) {
      try {
        found.push(readFileSync(`/proc/${pid}/${name}`, "utf8"));
      } catch {
        // not ours to read: good
      }
    }
  }
  note({ what: "found", text: found.join("\n") });
}

async function strike(session, token, words) {
  for (const word of words) {
    const [name, argument = ""] = word.split(":");
    const limit = /^once$|^x\d+$/.test(argument)
      ? argument === "once"
        ? 1
        : Number(argument.slice(1))
      : Infinity;
    if (timesSeen(token) > limit) continue;
    const reason = await strikes[name]?.(session, argument);
    if (typeof reason === "string") return reason;
  }
  return undefined;
}

function curse() {
  if (!existsSync(CURSE)) return;
  const kind = readFileSync(CURSE, "utf8");
  rmSync(CURSE);
  if (kind === "stale") fail(-32002, "no such session");
  const held = [];
  for (;;) held.push(Buffer.alloc(64 * MiB, 1));
}

const methods = {
  initialize: () => ({
    protocolVersion: 1,
    agentCapabilities: { loadSession: true },
    agentInfo: { name: "fault", version: "1.0.0" },
    authMethods: [],
  }),
  "session/new": () => {
    const sessionId = crypto.randomUUID();
    writeFileSync(file(sessionId), "0");
    note({ what: "new", session: sessionId });
    return { sessionId };
  },
  "session/load": ({ sessionId }) => {
    note({ what: "load", session: sessionId });
    curse();
    return existsSync(file(sessionId)) ? {} : fail(-32002, "no such session");
  },
  "session/prompt": async ({ sessionId, prompt }) => {
    const messages = prompt.flatMap(({ text = "" }) => {
      const [, token, rest] = /^(T\d+) ?(.*)$/s.exec(text) ?? [];
      return token === undefined ? [] : [{ token, words: rest.trim().split(/\s+/) }];
    });
    for (const { token } of messages) note({ what: "seen", token, session: sessionId });
    for (const { token, words } of messages) {
      const reason = await strike(sessionId, token, words);
      if (reason !== undefined) return { stopReason: reason };
    }
    const answer = `got ${messages.map(({ token }) => token).join(" ")}`;
    const long = messages.flatMap(({ words }) => words).find((word) => word.startsWith("parts:"));
    const whole = long ? partsOf(answer, Number(long.slice(6))) : answer;
    for (let at = 0; at < whole.length; at += 2_000) await say(sessionId, whole.slice(at, at + 2_000));
    for (const { token } of messages) note({ what: "answered", token, session: sessionId });
    return { stopReason: "end_turn" };
  },
  "session/cancel": ({ sessionId }) => running.get(sessionId)?.(),
};

/** An answer that fills so many messages of 1,000 characters. */
function partsOf(answer, count) {
  const paragraphs = Array.from({ length: count }, (_, at) => `${answer} part ${at + 1} ${"z".repeat(700)}`);
  return paragraphs.join("\n\n");
}

let buffered = "";
process.stdin.setEncoding("utf8").on("data", (text) => {
  const lines = (buffered + text).split("\n");
  buffered = lines.pop() ?? "";
  for (const line of lines) void serve(line);
});

async function serve(line) {
  const { id, method, params } = JSON.parse(line);
  if (method === undefined) return; // an answer to a question that nobody should have asked
  try {
    const result = await (methods[method] ?? (() => fail(-32601, `no method ${method}`)))(params);
    if (id !== undefined) await send({ id, result });
  } catch (err) {
    if (id !== undefined) await send({ id, error: { code: err.code ?? -32603, message: err.message } });
  }
}
