/**
 * WhatsApp as people have it: the plugin in a process of its own, linked in a terminal, with a
 * fake of WhatsApp's server in that process.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it, onTestFinished } from "vitest";
import type { Shown } from "../../../plugins/whatsapp/test/fake/control.ts";
import { openControl, writeTestPlugin } from "../../../plugins/whatsapp/test/fake/driver.ts";
import { homePaths } from "../src/config.ts";
import { approvedWhole } from "../src/plugins/asks.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { readManifest } from "../src/plugins/manifest-file.ts";
import { cleanUp, commandInTerminal } from "./command.ts";
import { givenHost } from "./journey.ts";
import { notShown } from "./shown.ts";

const PROGRAM = new URL("../bin/bellhop.js", import.meta.url).pathname;
const ANN = { id: "4915200000001", name: "Ann" };

afterEach(cleanUp);

/** The other end of the plugin's fake, and a wait for a message of ours that says what there was in its place. */
async function givenControl(home: string) {
  const control = await openControl(join(home, "plugins-data", "whatsapp"));
  onTestFinished(control.close);
  return {
    ...control,
    async shows(fits: (message: Shown) => boolean): Promise<Shown> {
      const find = () => control.messages().find((message) => message.from === "us" && fits(message));
      return await control.changes.until(find).catch(async (cause: unknown) => {
        const stands = control.messages().map(({ from, text }) => `${from}: ${text}`);
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
  const control = await givenControl(journey.home);
  const folder = join(journey.home, "plugins", "whatsapp");
  await writeTestPlugin(folder, "plugin.ts");
  const manifest = await readManifest(folder);
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
