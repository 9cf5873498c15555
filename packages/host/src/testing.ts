/**
 * A host in a box, for authors of plugins: a real one in this process, with a home of its own that goes with it, the
 * rehearsal model for an agent (docs/rehearsal.md), and the plugin in a process of its own as everywhere. What it asks
 * for counts as approved.
 */
import { type Channel, ConfigError } from "@bellhop/sdk";
import { randomUUID } from "node:crypto";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAnswer } from "./cli/answer.ts";
import { type Client, createClient } from "./cli/client.ts";
import { homePaths, loadConfig } from "./config.ts";
import { systemClock } from "./core/clock.ts";
import { ChatId } from "./core/ids.ts";
import type { Installed } from "./core/plugin.ts";
import type { Status } from "./core/status.ts";
import { startHost } from "./main.ts";
import { approvedWhole } from "./plugins/asks.ts";
import { editInstalled } from "./plugins/installed.ts";
import { readManifest } from "./plugins/manifest-file.ts";

export interface BoxOptions {
  /** A plugin's folder; it is copied. */
  readonly plugin?: string;
  /** Of the plugin. */
  readonly settings?: Installed["settings"];
  /** What would stand in the home's `.env`: of it the plugin sees what it declares. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of `config.yaml`. */
  readonly config?: string;
  /** Channels in this process, made anew at each start. */
  readonly channels?: () => readonly Channel[];
}

export interface Box {
  /** Its home: a path. */
  readonly home: string;
  /** Where its web chat and its API are. */
  readonly url: string;
  /** The owner says it in a chat of theirs; resolves with all that was answered. */
  ask(text: string, chat?: string): Promise<string>;
  status(): Promise<Status>;
  /** Everything that the commands can do. */
  readonly client: Client;
  /** Ends as it is told to, and starts again. */
  restart(): Promise<void>;
  /** Ends at once, with nothing finished, and starts again. */
  kill(): Promise<void>;
  /** Ends, and leaves nothing behind. */
  close(): Promise<void>;
}

/** How long a plugin may take until it runs. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;

/** @throws ConfigError when the plugin cannot be used, with one sentence that says why */
export async function openBox(options: BoxOptions = {}): Promise<Box> {
  const place = await mkdtemp(join(tmpdir(), "bellhop-box-"));
  const remove = () => rm(place, { recursive: true, force: true });
  try {
    return await open(place, options, remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

async function open(
  place: string,
  { plugin, settings = {}, environment = {}, config = "", channels = () => [] }: BoxOptions,
  remove: () => Promise<void>,
): Promise<Box> {
  const home = join(place, "home");
  const paths = homePaths(home);
  await mkdir(home, { mode: 0o700 });
  await writeFile(paths.config, config);
  const lines = Object.entries(environment).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`);
  await writeFile(paths.env, lines.join(""), { mode: 0o600 });
  const name = plugin === undefined ? undefined : await install(plugin);

  /** @returns its name */
  async function install(folder: string): Promise<string> {
    const manifest = await readManifest(folder);
    if (!manifest) throw new ConfigError(`${folder} holds no plugin: its package.json has no key "bellhop"`);
    await cp(folder, join(paths.plugins, manifest.name), { recursive: true });
    await editInstalled(paths, (all) => ({
      ...all,
      [manifest.name]: approvedWhole(manifest, { source: { from: "folder", path: folder }, settings }),
    }));
    return manifest.name;
  }

  const client = createClient({ home, socket: paths.socket, clock: systemClock });

  async function start() {
    const started = await startHost({
      config: loadConfig({ home, env: { XDG_CONFIG_HOME: join(place, "config") }, flags: { port: 0 } }),
      channels: channels(),
    });
    try {
      if (name !== undefined) await runs(name);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  /** Resolves once the plugin is in use. Nothing tells of that from outside, so it is looked for. */
  async function runs(plugin: string): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; ;) {
      const { plugins } = await client.status();
      const found = plugins.list.find((one) => one.name === plugin);
      if (found?.state === "running" || found?.state === "in use") return;
      const why = found?.why ?? "it does not say why";
      if (found?.state === "refused" || found?.state === "disabled" || Date.now() > end)
        throw new ConfigError(`the plugin ${plugin} is ${found?.state ?? "not found"}: ${why}`);
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS);
      });
    }
  }

  let host = await start();

  return {
    home,
    client,
    get url() {
      return host.url;
    },
    status: client.status,
    async ask(text, chat = "web:box") {
      const id = ChatId.parse(chat);
      const accepted = await client.send(id, { text, id: randomUUID() });
      const answer = createAnswer(accepted.message);
      const said: string[] = [];
      const { signal } = new AbortController();
      for await (const event of client.events(id, { after: accepted.event, signal })) {
        const { frames, outcome, missing } = answer.take(event);
        for (const frame of frames)
          if (frame.type === "message" && frame.direction === "out") said.push(frame.text);
        if (outcome && missing.size === 0) return said.join("\n");
      }
      throw new ConfigError(`the host ended before ${JSON.stringify(text)} was answered`);
    },
    async restart() {
      await host.drain();
      host = await start();
    },
    async kill() {
      await host.stop();
      host = await start();
    },
    async close() {
      await host.stop();
      await remove();
    },
  };
}
