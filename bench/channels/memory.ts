/** The floor: the same messages through a channel in a host's own memory, without a plugin and a platform. */
import type { PeerPerson } from "@bellhop/sdk/testing";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { START } from "../../packages/host/src/sandbox/launch.ts";
import { temporaryHome } from "../host.ts";
import { settingsFor } from "./home.ts";
import { Line } from "./memory-words.ts";
import { pass, type Passed, type PassOptions } from "./pass.ts";
import type { OpenPlatform } from "./platform.ts";

const HOST = fileURLToPath(new URL("memory-host.ts", import.meta.url));

export async function throughMemory(
  people: readonly PeerPerson[],
  { nodeFlags, ...options }: PassOptions & { readonly nodeFlags: readonly string[] },
): Promise<Passed> {
  const ids = people.map(({ id }) => ({ sender: id, chat: id }));
  await using home = await temporaryHome(settingsFor("memory", ids, ids.length));
  const host = spawn(process.execPath, [...nodeFlags, HOST, home.path], {
    env: { ...START, XDG_CONFIG_HOME: join(home.path, "..", "config") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const lines = createInterface({ input: host.stdout });
    await once(lines, "line"); // it is ready
    return await pass(memoryPlatform(people, host.stdin, lines), options);
  } finally {
    host.kill("SIGTERM");
    await once(host, "exit");
  }
}

function memoryPlatform(
  people: readonly PeerPerson[],
  stdin: Writable,
  lines: Interface,
): Pick<OpenPlatform, "chats" | "changed"> {
  const shown = new Map<string, string[]>();
  let change = Promise.withResolvers<void>();
  lines.on("line", (text) => {
    const line = Line.parse(JSON.parse(text));
    shown.set(line.chat, [...(shown.get(line.chat) ?? []), line.text]);
    const now = change;
    change = Promise.withResolvers();
    now.resolve();
  });
  return {
    chats: people.map(({ id }) => ({
      sender: id,
      chat: id,
      async says(text) {
        stdin.write(`${JSON.stringify({ person: id, text })}\n`);
      },
      shown: () => shown.get(id) ?? [],
    })),
    changed: () => change.promise,
  };
}
