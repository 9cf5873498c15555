/**
 * WhatsApp as people have it: the plugin in a process of its own, linked in a terminal, with a
 * fake of WhatsApp's server in that process.
 */
import { createChanges } from "@bellhop/sdk/testing";
import { cp, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { CONTROL, type Deed, Seen } from "../../../plugins/whatsapp/test/fake/control.ts";
import { homePaths } from "../src/config.ts";
import { approvedWhole } from "../src/plugins/asks.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { readManifest } from "../src/plugins/manifest-file.ts";
import { cleanUp, commandInTerminal } from "./command.ts";
import { givenHost } from "./journey.ts";
import { notShown } from "./shown.ts";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAM = new URL("../bin/bellhop.js", import.meta.url).pathname;
const ANN = { id: "4915200000001", name: "Ann" };
const Package = z.looseObject({ bellhop: z.looseObject({}) });

afterEach(cleanUp);

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

/** The other end of the plugin's fake, of each of its processes. */
async function openControl(home: string) {
  const folder = join(home, "plugins-data", "whatsapp");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const changes = createChanges();
  let line: Socket | undefined;
  let seen: Seen | undefined;
  const server = createServer((socket) => {
    line = socket;
    seen = undefined;
    createInterface({ input: socket }).on("line", (text) => {
      if (line === socket) seen = Seen.parse(JSON.parse(text));
      changes.note();
    });
    socket.on("error", () => undefined); // a process that was ended
  });
  await new Promise<void>((resolve) => server.listen(join(folder, CONTROL), resolve));
  onTestFinished(() => void server.close());
  return {
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

it("is linked by a code in the terminal, listens at once, and carries files both ways", async () => {
  const journey = await givenHost({
    config: `owners: ["whatsapp:${ANN.id}"]
groups:
  main:
    chats: ["whatsapp:${ANN.id}"]
`,
  });
  const paths = homePaths(journey.home);
  const control = await openControl(journey.home);
  const manifest = await readManifest(await writeTestPlugin(journey.home));
  if (!manifest) throw new Error("the plugin has no manifest");
  await editInstalled(paths, (all) => ({
    ...all,
    whatsapp: approvedWhole(manifest, { source: { from: "folder", path: "whatsapp" }, settings: {} }),
  }));
  await control.sees(() => true); // its process is up

  const first = commandInTerminal([
    process.execPath,
    PROGRAM,
    "channels",
    "connect",
    "whatsapp",
    "--home",
    journey.home,
  ]);
  await first.says("use one that you can spare");
  first.type("qr\r");
  await first.says("Then scan this code");
  await first.says("█");
  expect(await control.sees(({ codes }) => codes[0])).toBe("qr-1");
  control.does({ do: "pair" });
  await first.says(`Connected: +4915100000001.`);
  expect((await first.ended).code).toBe(0);
  await control.sees(({ connected }) => connected || undefined);

  control.does({
    do: "says",
    person: ANN,
    text: "run: find /workspace/media -name '*photo*' -exec cat {} +",
    file: { name: "photo.txt", type: "text/plain", content: btoa("carried by WhatsApp") },
  });
  await control.shows(({ text }) => text.includes("carried by WhatsApp"));
  control.does({
    do: "says",
    person: ANN,
    text: 'run: echo carried back > back.txt\ntool: send_file {"path": "back.txt", "caption": "here"}',
  });
  const { file } = await control.shows((message) => message.file !== undefined);
  expect([file?.name, atob(file?.content ?? "")]).toEqual(["back.txt", "carried back\n"]);

  const kept = await stat(join(journey.home, "plugins-data", "whatsapp", "whatsapp.db"));
  expect(kept.mode & 0o777).toBe(0o600);
}, 180_000);
