/** A channel that comes as a plugin while the host runs: in, out, through crashes, and away again. */
import { execFileSync } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { homePaths } from "../src/config.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { installedOf, type Written, writePlugin } from "../src/plugins/__tests__/a-room.ts";
import { cleanUp, freshHome, startHost } from "./command.ts";
import { givenHost } from "./journey.ts";

const Sent = z.object({ key: z.string(), text: z.string() });

/** A platform: people's messages in the order in which they came, and what was sent to them. */
async function givenPlatform() {
  const said: string[] = [];
  const shown: string[] = [];
  const polls: number[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://platform");
    if (request.method === "POST") {
      const { key, text } = Sent.parse(await json(request));
      shown.push(text);
      changed();
      response.end(JSON.stringify({ id: key }));
      return;
    }
    const after = Number(url.searchParams.get("after"));
    polls.push(after);
    const answer = () => response.end(JSON.stringify(said.slice(after)));
    if (said.length > after) return void answer();
    waiting.add(answer);
    response.once("close", () => waiting.delete(answer));
  }

  function changed(): void {
    for (const look of waiting) {
      waiting.delete(look);
      look();
    }
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  // Of a server that listens on a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    polls,
    shown,
    say(text: string) {
      said.push(text);
      changed();
    },
    async shows(text: string) {
      await expect.poll(() => shown, { timeout: 30_000 }).toContain(text);
    },
  };
}

const PLUGIN: Written = {
  name: "wire",
  manifest: {
    channel: true,
    settings: { type: "object", required: ["url"], properties: { url: { type: "string" } } },
  },
  code: `{
    channels: [{
      name: "wire",
      account: "",
      abilities: { maxTextLength: 2000, lengthUnit: "utf16", resend: { how: "twice" }, reactions: false, quotes: false, edits: false },
      async listen(cursor, accept, signal) {
        for (let at = Number(cursor ?? 0); ; ) {
          const answer = await fetch(context.settings.url + "/?after=" + at, { signal });
          for (const text of await answer.json()) {
            if (text === "die") setTimeout(() => process.exit(1), 50);
            at += 1;
            await accept({ platformId: String(at), kind: "message", version: 0, chat: "ann", direct: true, sender: { id: "ann", name: "Ann" }, text }, String(at));
          }
        }
      },
      async send({ key, text }, signal) {
        const answer = await fetch(context.settings.url, { method: "POST", body: JSON.stringify({ key, text }), signal });
        return { platformId: (await answer.json()).id };
      },
    }],
  }`,
};

describe("a channel that is a plugin", () => {
  it("is listened to and answered as soon as it is added, and goes on where it was after a crash and after it was turned off", async () => {
    const platform = await givenPlatform();
    const config = "owners: ['wire:ann']\ngroups:\n  family:\n    chats: ['wire:ann']\n";
    const { home, client } = await givenHost({ config });
    const paths = homePaths(home);
    const plugin = { ...PLUGIN, installed: { settings: { url: platform.url } } };
    const enabled = (is: boolean) =>
      editInstalled(paths, (all) => ({ ...all, wire: { ...installedOf(plugin), enabled: is } }));
    const state = async () => (await client.status()).plugins.list.find(({ name }) => name === "wire");

    await writePlugin(join(paths.plugins, "wire"), plugin);
    await expect.poll(async () => (await state())?.state, { timeout: 20_000 }).toBe("new");
    expect(platform.polls).toEqual([]);

    await enabled(true);
    platform.say("say: hello");
    await platform.shows("hello");
    expect(await state()).toMatchObject({ state: "running", channel: true, rssBytes: expect.any(Number) });

    platform.say("die");
    await expect.poll(async () => (await state())?.crashes, { timeout: 20_000 }).toBe(1);
    platform.say("say: again");
    await platform.shows("again");
    expect(platform.polls.at(-1)).toBe(3);

    await enabled(false);
    await expect.poll(async () => (await state())?.state, { timeout: 20_000 }).toBe("disabled");
    await expect.poll(async () => (await client.status()).silent, { timeout: 20_000 }).toEqual([]);
    await enabled(true);
    platform.say("say: back");
    await platform.shows("back");
    expect(platform.shown.filter((text) => ["hello", "again", "back"].includes(text))).toEqual([
      "hello",
      "again",
      "back",
    ]);
  }, 120_000);
});

describe("a plugin's process", () => {
  afterAll(cleanUp);

  it("ends with its host, even while it spins and its host is killed", async () => {
    const home = freshHome();
    const plugin: Written = {
      name: "spins",
      code: `(setTimeout(() => { for (;;); }, 100), { hooks: { onTurnEnd() {} } })`,
      manifest: { hooks: ["onTurnEnd"] },
    };
    const paths = homePaths(home);
    await writePlugin(join(paths.plugins, "spins"), plugin);
    await editInstalled(paths, () => ({ spins: installedOf(plugin) }));
    const processes = () => {
      const list = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
      return list.split("\n").filter((line) => line.includes(join(paths.pluginsData, "spins")));
    };
    const host = await startHost(home);
    expect(processes()).not.toEqual([]);

    process.kill(host.pid, "SIGKILL");
    await host.ended;

    await expect.poll(processes, { timeout: 10_000 }).toEqual([]);
  }, 60_000);
});
