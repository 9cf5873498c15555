/**
 * Channels: messages through each plugin in its process, in and out, against a strict fake of its platform whose rates
 * are lifted; and the same through a channel in a host's own memory, for a floor.
 *
 * The host and the plugins are built first and run as they ship, since what strips types takes memory that nobody pays
 * for who has installed Bellhop. A plugin that does not ship is TypeScript for its owners too: it runs from its folder,
 * and is measured at its second start, when its compiled code is kept.
 */
import type { PeerPerson } from "@bellhop/sdk/testing";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "../../packages/host/src/cli/client.ts";
import { homePaths } from "../../packages/host/src/config.ts";
import { systemClock } from "../../packages/host/src/core/clock.ts";
import { startProgram, temporaryHome } from "../host.ts";
import { SETTLE_MS } from "../idle.ts";
import { installPlugin, settingsFor } from "./home.ts";
import { throughMemory } from "./memory.ts";
import { pass, type Passed } from "./pass.ts";
import type { BenchPlatform } from "./platform.ts";
import { PLATFORMS } from "./platforms.ts";

export interface ChannelsOptions {
  /** Names; none for all. */
  readonly platforms: readonly string[];
  /** Through each. */
  readonly messages: number;
  readonly chats: number;
  readonly nodeFlags?: readonly string[];
}

export interface PlatformReport extends Passed {
  readonly name: string;
  /** Of the plugin's process: before anybody wrote, and after everything. */
  readonly idleMiB: number;
  readonly usedMiB: number;
}

export interface ChannelsReport {
  readonly floor: Passed;
  readonly platforms: readonly PlatformReport[];
}

const BUILD = fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url));
const BUILT = fileURLToPath(new URL("../../packages/host/dist/bellhop.js", import.meta.url));
const FIRST_PERSON = 7001;

/** @throws TypeError for a platform that there is not */
export async function measureChannels(options: ChannelsOptions): Promise<ChannelsReport> {
  const { messages, chats, nodeFlags = [] } = options;
  const platforms = named(options.platforms);
  await promisify(execFile)(process.execPath, [BUILD]);
  const people = Array.from({ length: chats }, (_, n) => ({ id: String(FIRST_PERSON + n), name: "Ann" }));
  const everyMs = Math.min(...platforms.map((platform) => platform.everyMs));
  const floor = await throughMemory(people, { messages, everyMs, nodeFlags });
  const reports: PlatformReport[] = [];
  for (const platform of platforms)
    reports.push(await throughPlugin(platform, people, { messages, nodeFlags }));
  return { floor, platforms: reports };
}

function named(names: readonly string[]): readonly BenchPlatform[] {
  const unknown = names.find((name) => PLATFORMS.every((one) => one.name !== name));
  const known = PLATFORMS.map(({ name }) => name).join(", ");
  if (unknown !== undefined) throw new TypeError(`there is no platform ${unknown}: name ${known}`);
  return names.length === 0 ? PLATFORMS : PLATFORMS.filter(({ name }) => names.includes(name));
}

async function throughPlugin(
  platform: BenchPlatform,
  people: readonly PeerPerson[],
  { messages, nodeFlags }: { readonly messages: number; readonly nodeFlags: readonly string[] },
): Promise<PlatformReport> {
  const { name, everyMs } = platform;
  const port = await freePort();
  await using open = await platform.open(people, `http://127.0.0.1:${port}`);
  await using home = await temporaryHome(settingsFor(name, open.chats));
  const ships = await installPlugin(home.path, name, open);
  const client = createClient({ home: home.path, socket: homePaths(home.path).socket, clock: systemClock });
  const up = ["up", "--json", "--no-terminal", "--port", String(port), "--home", home.path];

  async function rssMiB(): Promise<number> {
    await pause(SETTLE_MS);
    const { plugins } = await client.status();
    const found = plugins.list.find((plugin) => plugin.name === name);
    if (found?.state !== "running") throw new Error(`the plugin is not up: ${JSON.stringify(found)}`);
    return (found.rssBytes ?? NaN) / (1024 * 1024);
  }

  if (!ships) {
    const first = startProgram([BUILT, ...up]);
    await first.ready;
    await rssMiB();
    await first.stop();
  }
  const host = startProgram([...nodeFlags, BUILT, ...up]);
  await host.ready;
  try {
    const idleMiB = await rssMiB();
    const passed = await pass(open, { messages, everyMs });
    return { name, ...passed, idleMiB, usedMiB: await rssMiB() };
  } finally {
    await host.kill();
  }
}

/** A platform that calls us has to know where we shall be before we are there. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}
