/**
 * The host of the floor of `bench -- channels`: what `bellhop up --json` starts, with one channel more whose platform is this
 * process's stdin and stdout, a line of JSON for each message. Its one argument is its home.
 */
import type { Channel } from "@bellhop/sdk";
import { createInterface } from "node:readline";
import { loadConfig } from "../../packages/host/src/config.ts";
import { startHost } from "../../packages/host/src/main.ts";
import { type Line, Written } from "./memory-words.ts";

const tell = (line: Line) => void process.stdout.write(`${JSON.stringify(line)}\n`);

function memory(): Channel {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  return {
    name: "memory",
    account: "",
    abilities: {
      maxTextLength: 4_000,
      lengthUnit: "utf16",
      resend: { how: "twice" },
      reactions: false,
      quotes: false,
      edits: false,
    },
    async listen(_cursor, accept, signal) {
      for (let id = 1; !signal.aborted; id += 1) {
        const { value, done } = await lines.next();
        if (done === true) return;
        const { person, text } = Written.parse(JSON.parse(value));
        const sender = { id: person, name: "Ann" };
        await accept(
          { platformId: String(id), kind: "message", version: 0, chat: person, direct: true, sender, text },
          String(id),
        );
      }
    },
    async send(message) {
      if (message.kind === "text") tell({ chat: message.chat, text: message.text });
      return { platformId: message.key };
    },
  };
}

const [, , home] = process.argv;
if (home === undefined) throw new TypeError("name the home");
const host = await startHost({
  config: loadConfig({ home, env: {}, flags: { port: 0 } }),
  channels: [memory()],
});
process.on("SIGTERM", () => void host.stop());
const token = await host.apiToken("admin");
process.stdout.write(
  `${JSON.stringify({ url: host.url, token, pid: process.pid, model: host.model, sandbox: host.sandbox })}\n`,
);
await host.finished;
process.exit(0);
