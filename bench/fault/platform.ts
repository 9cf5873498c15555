/**
 * The fake platform, a process of its own: accounts with rooms in which people write, and the rules of
 * real platforms for those who receive and send. It never dies and nothing of the host's is in it, so
 * its journal is the truth about what was taken and what was shown.
 *
 * - Updates of an account come in order; asking for those after N confirms all up to N.
 * - Account `once` shows a message of the same key once. The others show whatever they are sent;
 *   `lookup` can say whether a key arrived.
 * - Whoever sends while it was told to wait is refused and noted as `early`.
 *
 * Each line of its journal is printed on stdout too. The first line is its port.
 */
import { appendFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { Account, PlatformCall, type PlatformLine } from "./plugin/words.ts";

const [, , file] = process.argv;
if (file === undefined) throw new TypeError("name the file of the journal");

interface Update {
  readonly id: number;
  readonly room: string;
  readonly text: string;
}
type Fault = Extract<z.infer<typeof PlatformCall>, { call: "fault" }>;

const LONG_POLL_MS = 10_000;
const accounts = new Map(
  Account.options.map((name) => [
    name,
    {
      updates: [] as Update[],
      acked: 0,
      woken: Promise.withResolvers<void>(),
      shown: new Map<string, string>(),
      closedUntil: 0,
    },
  ]),
);
let faults: { readonly fault: Fault; left: number; skip: number }[] = [];
let counter = 0;

function note(line: PlatformLine): void {
  const written = JSON.stringify(line);
  appendFileSync(file ?? "", `${written}\n`);
  process.stdout.write(`${written}\n`);
}

/** The fault that strikes this call, if one does. */
function struck(call: "send" | "updates", account: Account, words: string): Fault["how"] | undefined {
  const found = faults.find(
    ({ fault }) => fault.of === call && fault.account === account && words.includes(fault.match ?? ""),
  );
  if (!found) return undefined;
  if (found.skip > 0) {
    found.skip -= 1;
    return undefined;
  }
  found.left -= 1;
  faults = faults.filter(({ left }) => left > 0);
  return found.fault.how;
}

async function serve(call: z.infer<typeof PlatformCall>, response: ServerResponse): Promise<void> {
  const answer = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
  const { account: name } = call;
  const account = accounts.get(name);
  if (!account) return void answer(404, {});
  switch (call.call) {
    case "write": {
      const id = account.updates.length + 1;
      account.updates.push({ id, room: call.room, text: call.text });
      note({ what: "wrote", id, account: name, room: call.room, text: call.text, at: Date.now() });
      account.woken.resolve();
      account.woken = Promise.withResolvers();
      return void answer(200, { id });
    }
    case "fault":
      faults.push({ fault: call, left: call.times, skip: call.skip });
      return void answer(200, {});
    case "updates": {
      if (call.after > account.acked) {
        account.acked = call.after;
        note({ what: "acked", account: name, upto: call.after });
      }
      const how = struck("updates", name, "");
      if (how === "drop" || how === "lose") return void response.destroy();
      const after = how === "again" ? Math.max(0, call.after - 3) : call.after;
      if (account.updates.length <= after) await Promise.race([account.woken.promise, pause(LONG_POLL_MS)]);
      return void answer(200, { updates: account.updates.slice(after, after + 20) });
    }
    case "find": {
      const id = account.shown.get(call.key);
      return void answer(200, id === undefined ? {} : { id });
    }
    case "send": {
      const { room, key, text: words } = call;
      if (Date.now() < account.closedUntil) {
        note({ what: "early", account: name, key });
        return void answer(429, { retryAfterMs: account.closedUntil - Date.now() });
      }
      const how = struck("send", name, words);
      if (how === "lose") return void response.destroy();
      if (how === "refuse") return void answer(400, { why: "this is not to be sent" });
      if (how === "down") return void answer(503, {});
      if (how === "slow") {
        account.closedUntil = Date.now() + 1_000;
        return void answer(429, { retryAfterMs: 1_000 });
      }
      const known = account.shown.get(key);
      if (known !== undefined && name === "once") {
        note({ what: "same", account: name, key });
        return void (how === "drop" ? response.destroy() : answer(200, { id: known }));
      }
      counter += 1;
      const id = `shown-${counter}`;
      account.shown.set(key, id);
      note({ what: "shown", account: name, room, key, text: words, id, at: Date.now() });
      return void (how === "drop" ? response.destroy() : answer(200, { id }));
    }
    default:
      return call satisfies never;
  }
}

const server = createServer((request, response) => {
  text(request)
    .then((body) => serve(PlatformCall.parse(JSON.parse(body)), response))
    .catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(400).end(String(error));
    });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) process.stdout.write(`${address.port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0)); // whoever started it is gone
