/**
 * Channels: messages through each plugin in its process, in and out, against a strict fake of its platform whose rates
 * are lifted; and the same through a channel in a host's own memory, for a floor.
 *
 * The host and the plugins are built first and run as they ship, since what strips types takes memory that nobody pays
 * for who has installed Bellhop. A plugin that does not ship is TypeScript for its owners too: it runs from its folder,
 * and is measured at its second start, when its compiled code is kept. Where the fake has to be in the plugin's process,
 * what that takes is measured without it, in a host of its own (`openBare`).
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
import { type Settings, startProgram, temporaryHome } from "../host.ts";
import { SETTLE_MS } from "../idle.ts";
import { installPlugin, settingsFor } from "./home.ts";
import { throughMemory } from "./memory.ts";
import { paceOf, pass, type Passed, peopleFor } from "./pass.ts";
import type { BenchPlatform, SetUp } from "./platform.ts";
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
  /** Of the plugin's process: before anybody wrote. */
  readonly idleMiB: number;
  /** And at most. */
  readonly mostIdleMiB: number;
  /** After everything; undefined where a fake was in it. */
  readonly usedMiB: number | undefined;
}

export interface ChannelsReport {
  readonly floor: Passed;
  readonly platforms: readonly PlatformReport[];
}

const BUILD = fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url));
const BUILT = fileURLToPath(new URL("../../packages/host/dist/bellhop.js", import.meta.url));
const FIRST_PERSON = 7001;
/** Of the process of a channel to which nobody writes. */
const MOST_IDLE_MIB = 60;

/** @throws TypeError for a platform that there is not */
export async function measureChannels(options: ChannelsOptions): Promise<ChannelsReport> {
  const { messages, chats, nodeFlags = [] } = options;
  const platforms = named(options.platforms);
  await promisify(execFile)(process.execPath, [BUILD]);
  const everyMs = Math.min(...platforms.map((platform) => paceOf(platform, chats)));
  const floor = await throughMemory(peopleOf(chats), { messages, everyMs, nodeFlags });
  const reports: PlatformReport[] = [];
  for (const platform of platforms)
    reports.push(await throughPlugin(platform, { messages, atOnce: chats, nodeFlags }));
  return { floor, platforms: reports };
}

function peopleOf(count: number): readonly PeerPerson[] {
  return Array.from({ length: count }, (_, n) => ({ id: String(FIRST_PERSON + n), name: "Ann" }));
}

function named(names: readonly string[]): readonly BenchPlatform[] {
  const unknown = names.find((name) => PLATFORMS.every((one) => one.name !== name));
  const known = PLATFORMS.map(({ name }) => name).join(", ");
  if (unknown !== undefined) throw new TypeError(`there is no platform ${unknown}: name ${known}`);
  return names.length === 0 ? PLATFORMS : PLATFORMS.filter(({ name }) => names.includes(name));
}

interface Through {
  readonly messages: number;
  readonly atOnce: number;
  readonly nodeFlags: readonly string[];
}

async function throughPlugin(
  platform: BenchPlatform,
  { messages, atOnce, nodeFlags }: Through,
): Promise<PlatformReport> {
  const { name, mostIdleMiB = MOST_IDLE_MIB } = platform;
  const everyMs = paceOf(platform, atOnce);
  const port = await freePort();
  const people = peopleOf(peopleFor(platform, { messages, atOnce }));
  await using open = await platform.open(people, `http://127.0.0.1:${port}`);
  const settings = settingsFor(name, open.chats, atOnce);
  async function through(host: Running) {
    const idleMiB = await host.rssMiB();
    const passed = await pass(open, { messages, atOnce, everyMs });
    return { ...passed, idleMiB, usedMiB: await host.rssMiB() };
  }

  const passed = await withHost(name, { setUp: open, settings, port, nodeFlags }, through);
  if (!platform.openBare) return { name, mostIdleMiB, ...passed };
  await using bare = await platform.openBare();
  const idleMiB = await withHost(name, { setUp: bare, settings, port, nodeFlags }, async ({ rssMiB }) => {
    const taken = await rssMiB();
    if (!bare.isAtWork()) throw new Error(`${name} was measured while it was not at work`);
    return taken;
  });
  return { name, mostIdleMiB, ...passed, idleMiB, usedMiB: undefined };
}

interface HostOptions extends Pick<Through, "nodeFlags"> {
  readonly setUp: SetUp;
  readonly settings: Settings;
  readonly port: number;
}

interface Running {
  /** Of the plugin's process, once it has had time to settle. */
  rssMiB(): Promise<number>;
}

/** A host with the plugin in it, on a home of its own. */
async function withHost<T>(
  name: string,
  { setUp, settings, port, nodeFlags }: HostOptions,
  work: (host: Running) => Promise<T>,
): Promise<T> {
  await using home = await temporaryHome(settings);
  const ships = await installPlugin(home.path, name, setUp);
  const client = createClient({ home: home.path, socket: homePaths(home.path).socket, clock: systemClock });
  const up = ["up", "--json", "--no-terminal", "--port", String(port), "--home", home.path];

  async function rssMiB(): Promise<number> {
    await pause(SETTLE_MS);
    const { plugins } = await client.status();
    const found = plugins.list.find((plugin) => plugin.name === name);
    if (found?.state !== "running") throw new Error(`the plugin is not up: ${JSON.stringify(found)}`);
    return (found.rssBytes ?? NaN) / (1024 * 1024);
  }

  async function during<R>(flags: readonly string[], then: () => Promise<R>): Promise<R> {
    const host = startProgram([...flags, BUILT, ...up]);
    try {
      await host.ready;
      return await then();
    } finally {
      await host.kill();
    }
  }

  if (!ships) await during([], rssMiB);
  return await during(nodeFlags, async () => await work({ rssMiB }));
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
