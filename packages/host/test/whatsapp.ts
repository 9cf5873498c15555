/**
 * A host with the plugin for WhatsApp in a process of its own, and in that process a fake of WhatsApp's server, whose
 * other end is held here.
 */
import { createChanges } from "@bellhop/sdk/testing";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { CONTROL, SECOND_CONTROL, type Deed, Seen } from "../../../plugins/whatsapp/test/fake/control.ts";
import { homePaths } from "../src/config.ts";
import { approvedWhole } from "../src/plugins/asks.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { readManifest } from "../src/plugins/manifest-file.ts";
import { givenHost } from "./journey.ts";
import { notShown } from "./shown.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
export const ANN = { id: "4915200000001", name: "Ann" };
const Package = z.looseObject({ bellhop: z.looseObject({}) });

/** The plugin with another entry, as its owner would have put it into the home; it sees nothing beside its folder. */
async function writeTestPlugin(home: string): Promise<string> {
  const folder = join(home, "plugins", "whatsapp");
  const parts = ["whatsapp/src", "whatsapp/test/fake", "whatsapp-cloud/test/fake/stars.ts"];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const part of parts)
    await cp(join(REPOSITORY, "plugins", part), join(folder, part), { recursive: true });
  const text = await readFile(join(REPOSITORY, "plugins", "whatsapp", "package.json"), "utf8");
  const manifest = Package.parse(JSON.parse(text));
  const bellhop = { ...manifest.bellhop, entry: "whatsapp/test/fake/plugin.ts" };
  await writeFile(join(folder, "package.json"), JSON.stringify({ ...manifest, bellhop }));
  await symlink(join(REPOSITORY, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** The other end of a fake of the plugin's, of each of its processes. */
async function openControl(home: string, name: string) {
  const folder = join(home, "plugins-data", "whatsapp");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const changes = createChanges();
  let line: Socket | undefined;
  let seen: Seen | undefined;
  let lives = 0;
  const server = createServer((socket) => {
    line = socket;
    lives += 1;
    seen = undefined;
    createInterface({ input: socket }).on("line", (text) => {
      if (line === socket) seen = Seen.parse(JSON.parse(text));
      changes.note();
    });
    socket.on("error", () => undefined); // a process that was ended
  });
  await new Promise<void>((resolve) => server.listen(join(folder, name), resolve));
  onTestFinished(() => void server.close());
  return {
    /** How many processes there were. */
    lives: () => lives,
    /** Connected, by another process than those before. */
    isBack: (after: number) =>
      changes.until(() => (lives > after && seen?.connected === true ? true : undefined)),
    does: (deed: Deed) => void line?.write(`${JSON.stringify(deed)}\n`),
    sees: <T>(look: (now: Seen) => T | undefined) => changes.until(() => seen && look(seen)),
    async shows(fits: (message: Seen["messages"][number]) => boolean) {
      const find = () => seen?.messages.find((message) => message.from === "us" && fits(message));
      return await changes.until(find).catch(async (cause: unknown) => {
        const stands = (seen?.messages ?? []).map(({ from, text }) => `${from}: ${text}`);
        throw await notShown(String(fits), stands, { home }, cause);
      });
    },
  };
}

export type House = Awaited<ReturnType<typeof givenWhatsApp>>;

/** Not linked yet. What its owner, Ann, writes is for the group `main`, whichever account she writes to. */
export async function givenWhatsApp() {
  const journey = await givenHost({
    config: `owners: ["whatsapp:${ANN.id}"]
groups:
  main:
    chats: ["whatsapp:${ANN.id}", "whatsapp/work:${ANN.id}"]
`,
  });
  const paths = homePaths(journey.home);
  const control = await openControl(journey.home, CONTROL);
  const second = await openControl(journey.home, SECOND_CONTROL);
  const manifest = await readManifest(await writeTestPlugin(journey.home));
  if (!manifest) throw new Error("the plugin has no manifest");
  await editInstalled(paths, (all) => ({
    ...all,
    whatsapp: approvedWhole(manifest, {
      source: { from: "folder", path: "whatsapp" },
      settings: { accounts: ["", "work"] },
    }),
  }));
  await control.sees(() => true); // its process is up
  return { ...journey, control, second };
}
