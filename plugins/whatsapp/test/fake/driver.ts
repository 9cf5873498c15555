/**
 * Drives the plugin in its process from outside, as it runs for its owner: makes its folder with the entry of a test,
 * and holds the other end of the fake's line. For journeys and benches.
 */
import { type Changes, createChanges } from "@bellhop/sdk/testing";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { z } from "zod";
import { CONTROL, type Deed, News, SECOND_CONTROL, type Shown } from "./control.ts";

const REPOSITORY = fileURLToPath(new URL("../../../..", import.meta.url));
const Package = z.looseObject({ bellhop: z.looseObject({}) });

/**
 * The plugin with another entry, a file of this folder; it sees nothing beside its folder, which is made.
 * @param entry `plugin.ts`: with the fake in its process; `silent.ts`: with Baileys, and nobody to talk to
 */
export async function writeTestPlugin(folder: string, entry: "plugin.ts" | "silent.ts"): Promise<void> {
  const parts = ["whatsapp/src", "whatsapp/test/fake", "whatsapp-cloud/test/fake/stars.ts"];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const part of parts)
    await cp(join(REPOSITORY, "plugins", part), join(folder, part), { recursive: true });
  const text = await readFile(join(REPOSITORY, "plugins", "whatsapp", "package.json"), "utf8");
  const manifest = Package.parse(JSON.parse(text));
  const bellhop = { ...manifest.bellhop, entry: `whatsapp/test/fake/${entry}` };
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, bellhop }));
  await symlink(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
}

/** What stands on the fake of the process that is up. */
export interface Standing {
  readonly connected: boolean;
  readonly codes: readonly string[];
  /** By chat and by id, oldest first. */
  readonly chats: ReadonlyMap<string, ReadonlyMap<string, Shown>>;
}

export type Control = Awaited<ReturnType<typeof openControl>>;

/**
 * The other end of a fake of the plugin's, of each of its processes.
 * @param folder the plugin's own, in which it keeps what it keeps
 * @param name of the socket: which account it is
 */
export async function openControl(folder: string, name: typeof CONTROL | typeof SECOND_CONTROL = CONTROL) {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const changes: Changes = createChanges();
  let line: Socket | undefined;
  let lives = 0;
  /** Undefined until the first word of a process. */
  let now: { connected: boolean; codes: string[]; chats: Map<string, Map<string, Shown>> } | undefined;

  function take(given: News): void {
    now ??= { connected: false, codes: [], chats: new Map() };
    if (given.news === "connection") now.connected = given.isUp;
    else if (given.news === "code") now.codes.push(given.code);
    else chatOf(now.chats, given.message.chat).set(given.message.id, given.message);
    changes.note();
  }

  const server = createServer((socket) => {
    line = socket;
    lives += 1;
    now = undefined;
    createInterface({ input: socket }).on("line", (text) => {
      if (line === socket) take(News.parse(JSON.parse(text)));
    });
    socket.on("error", () => undefined); // a process that was ended
  });
  await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));

  return {
    changes,
    /** How many processes there were. */
    lives: () => lives,
    /** Connected, by another process than those before. */
    isBack: (after: number) =>
      changes.until(() => (lives > after && now?.connected === true ? true : undefined)),
    standing: (): Standing | undefined => now,
    does: (deed: Deed) => void line?.write(`${JSON.stringify(deed)}\n`),
    /** Resolves with what `look` finds, now or later. */
    sees: <T>(look: (standing: Standing) => T | undefined) => changes.until(() => now && look(now)),
    /** Of all chats. */
    messages: (): readonly Shown[] => [...(now?.chats.values() ?? [])].flatMap((chat) => [...chat.values()]),
    close: () => void server.close(),
  };
}

function chatOf(chats: Map<string, Map<string, Shown>>, id: string): Map<string, Shown> {
  const chat = chats.get(id) ?? new Map<string, Shown>();
  chats.set(id, chat);
  return chat;
}

/**
 * Takes what connects to it, and says nothing (silent.ts).
 * @param folder the plugin's own, which is made
 */
export async function openSilence(folder: string): Promise<{ connections(): number; close(): void }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(join(folder, "silent.sock"), resolve));
  return {
    connections: () => sockets.clients.size,
    close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
    },
  };
}
