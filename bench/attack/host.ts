/**
 * The host under attack: what `bellhop up --json` starts, with one channel more, on which the suite writes
 * through stdin and sees through stdout what left. Its one argument is `AttackHost` as JSON.
 */
import type { Channel, Inbound } from "@bellhop/sdk";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { loadConfig } from "../../packages/host/src/config.ts";
import { startHost } from "../../packages/host/src/main.ts";
import { AttackHost, type Said, Written } from "./words.ts";

/** Of a file that leaves, this much is looked at. */
const FILE_BYTES = 256 * 1024;
const LAG_EVERY_MS = 1_000;

const tell = (said: Said) => void process.stdout.write(`${JSON.stringify(said)}\n`);

/** Everything that was written, for whoever listens. */
function desk() {
  const waiting: Written[] = [];
  let wake = (): void => undefined;
  createInterface({ input: process.stdin }).on("line", (line) => {
    waiting.push(Written.parse(JSON.parse(line)));
    wake();
  });
  return {
    async next(signal: AbortSignal): Promise<Written> {
      for (;;) {
        const written = waiting.shift();
        if (written) return written;
        const more = Promise.withResolvers<void>();
        wake = more.resolve;
        signal.addEventListener("abort", () => more.reject(signal.reason), { once: true });
        await more.promise;
      }
    },
  };
}

function channel(): Channel {
  const { next } = desk();
  return {
    name: "attack",
    account: "",
    abilities: {
      maxTextLength: 200_000,
      lengthUnit: "utf16",
      resend: { how: "once" },
      reactions: true,
      quotes: true,
      edits: false,
      maxFileBytes: 64 * 1024 * 1024,
    },
    async listen(_cursor, accept, signal) {
      for (;;) {
        const { id, room, sender, text } = await next(signal);
        const inbound: Inbound = {
          platformId: `m${id}`,
          kind: "message",
          version: 0,
          chat: room,
          direct: true,
          sender: { id: sender, name: sender },
          text,
        };
        await accept(inbound, String(id));
      }
    },
    async send(message) {
      const { chat: room } = message;
      switch (message.kind) {
        case "text":
          tell({ what: "shown", room, text: message.text, sender: message.sender });
          break;
        case "reaction":
          tell({ what: "shown", room, text: message.emoji });
          break;
        case "file": {
          const pieces: Buffer[] = [];
          let bytes = 0;
          for await (const piece of message.file.open()) {
            if (bytes < FILE_BYTES) pieces.push(Buffer.from(piece));
            bytes += pieces.at(-1)?.length ?? 0;
          }
          const file = Buffer.concat(pieces).subarray(0, FILE_BYTES).toString("base64");
          tell({ what: "shown", room, text: message.text, name: message.file.name, file });
          break;
        }
        default:
          message satisfies never;
      }
      return { platformId: message.key };
    },
  };
}

const { home, policies, env } = AttackHost.parse(JSON.parse(process.argv[2] ?? ""));
const environment = { XDG_CONFIG_HOME: policies, ...env };
const host = await startHost({
  config: loadConfig({ home, env: environment, flags: { port: 0 } }),
  channels: [channel()],
});
process.on("SIGTERM", () => void host.stop());
const token = await host.apiToken("admin");
process.stdout.write(
  `${JSON.stringify({ url: host.url, token, pid: process.pid, model: host.model, sandbox: host.sandbox })}\n`,
);
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
setInterval(() => {
  tell({ what: "lag", ms: delay.percentile(99) / 1e6 });
  delay.reset();
}, LAG_EVERY_MS).unref();
await host.finished;
process.exit(0);
