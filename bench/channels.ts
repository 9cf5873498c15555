/**
 * Channels: messages through a plugin in its process, in and out, against a strict fake of its platform whose rates
 * are lifted; and the same through a channel in a host's own memory, for a floor.
 *
 * The host and the plugin are built first and run as they ship, since what strips types takes memory that nobody
 * pays for who has installed Bellhop. Each chat waits for its answer before it writes again, so
 * that there is an answer to each message, and lets the second pass that Telegram asks for between two. Judged by what the platforms show: each answer once, in its place.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { z } from "zod";
import { homePaths } from "../packages/host/src/config.ts";
import { createClient } from "../packages/host/src/cli/client.ts";
import { systemClock } from "../packages/host/src/core/clock.ts";
import { asksOf } from "../packages/host/src/plugins/asks.ts";
import { editInstalled } from "../packages/host/src/plugins/installed.ts";
import { START } from "../packages/host/src/sandbox/launch.ts";
import { Manifest } from "../packages/sdk/src/manifest.ts";
import { openFakeBotApi } from "../plugins/telegram/test/fake/bot-api.ts";
import { BOT, chatPeer, worldOf } from "../plugins/telegram/test/fake/peer.ts";
import { Line } from "./channels-words.ts";
import { type Settings, startProgram, temporaryHome, withEchoAgent } from "./host.ts";
import { SETTLE_MS } from "./idle.ts";
import { type Summary, summarise } from "./stats.ts";

export interface ChannelsOptions {
  readonly messages: number;
  readonly chats: number;
  readonly nodeFlags?: readonly string[];
}

export interface Passed {
  /** From when a person wrote until the answer stands on the platform. */
  readonly ms: Summary;
  readonly perSecond: number;
  readonly lost: number;
  readonly doubled: number;
}

export interface ChannelsReport {
  readonly telegram: Passed;
  readonly floor: Passed;
  /** Of the plugin's process: before anybody wrote, and after everything. */
  readonly idleMiB: number;
  readonly usedMiB: number;
}

const HOST = fileURLToPath(new URL("channels-host.ts", import.meta.url));
const BUILD = fileURLToPath(new URL("../scripts/build.mjs", import.meta.url));
const BUILT = fileURLToPath(new URL("../packages/host/dist/bellhop.js", import.meta.url));
const PLUGIN = new URL("../packages/host/dist/plugins/telegram/package.json", import.meta.url);
const FIRST_PERSON = 7001;
/** The plugin says that Telegram takes one message a second in a chat, and the outbox keeps to it: nobody is to wait for that. */
const EVERY_MS = 1_050;

export async function measureChannels(options: ChannelsOptions): Promise<ChannelsReport> {
  const { messages, chats, nodeFlags = [] } = options;
  await promisify(execFile)(process.execPath, [BUILD]);
  const people = Array.from({ length: chats }, (_, n) => String(FIRST_PERSON + n));
  const run = (side: Platform) => pass(side, { people, messages });
  const floor = await throughMemory(people, nodeFlags, run);
  return { floor, ...(await throughTelegram(people, nodeFlags, run)) };
}

type Run = (side: Platform) => Promise<Passed>;

async function throughTelegram(people: readonly string[], nodeFlags: readonly string[], run: Run) {
  await using home = await temporaryHome(settingsFor("telegram", people));
  await using platform = await openPlatform(people);
  await install(home.path, platform.url);
  const up = ["up", "--json", "--no-terminal", "--port", "0", "--home", home.path];
  const host = startProgram([...nodeFlags, BUILT, ...up]);
  const client = createClient({ home: home.path, socket: homePaths(home.path).socket, clock: systemClock });
  await host.ready;

  async function rssMiB(): Promise<number> {
    await pause(SETTLE_MS);
    const { plugins } = await client.status();
    const found = plugins.list.find(({ name }) => name === "telegram");
    if (found?.state !== "running") throw new Error(`the plugin is not up: ${JSON.stringify(found)}`);
    return (found.rssBytes ?? NaN) / (1024 * 1024);
  }

  try {
    const idleMiB = await rssMiB();
    return { telegram: await run(platform), idleMiB, usedMiB: await rssMiB() };
  } finally {
    await host.kill();
  }
}

async function throughMemory(people: readonly string[], nodeFlags: readonly string[], run: Run) {
  await using home = await temporaryHome(settingsFor("memory", people));
  const host = spawn(process.execPath, [...nodeFlags, HOST, home.path], {
    env: { ...START, XDG_CONFIG_HOME: join(home.path, "..", "config") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const lines = createInterface({ input: host.stdout });
    await once(lines, "line"); // it is ready
    return await run(memoryPlatform(host.stdin, lines));
  } finally {
    host.kill("SIGTERM");
    await once(host, "exit");
  }
}

/** A group for each, so that nobody waits for another's sandbox. */
function settingsFor(channel: string, people: readonly string[]): Settings {
  return {
    ...withEchoAgent(),
    limits: { sandboxes: people.length },
    owners: people.map((person) => `${channel}:${person}`),
    groups: Object.fromEntries(people.map((person) => [`of-${person}`, { chats: [`${channel}:${person}`] }])),
  };
}

/** People who write, and what they are shown. */
interface Platform {
  says(person: string, text: string): Promise<void>;
  /** What the host sent to them, oldest first. */
  shown(person: string): readonly string[];
  /** Resolves with the next change. */
  changed(): Promise<void>;
}

async function pass(
  { says, shown, changed }: Platform,
  { people, messages }: { people: readonly string[]; messages: number },
): Promise<Passed> {
  const ms: number[] = [];
  async function ask(person: string, text: string): Promise<void> {
    const from = performance.now();
    await says(person, text);
    for (let change = changed(); !shown(person).includes(text); change = changed()) await change;
    ms.push(performance.now() - from);
    await pause(Math.max(0, from + EVERY_MS - performance.now()));
  }

  await Promise.all(people.map((person) => ask(person, "good morning"))); // sandboxes are up then
  ms.length = 0;
  const began = performance.now();
  const written = people.map((person, n) => ({
    person,
    texts: Array.from(
      { length: Math.floor(messages / people.length) + (n < messages % people.length ? 1 : 0) },
      (_, at) => `message ${at} of ${person}`,
    ),
  }));
  await Promise.all(
    written.map(async ({ person, texts }) => {
      for (const text of texts) await ask(person, text);
    }),
  );
  const perSecond = (messages / (performance.now() - began)) * 1_000;
  const times = written.flatMap(({ person, texts }) =>
    texts.map((text) => shown(person).filter((one) => one === text).length),
  );
  return {
    ms: summarise(ms),
    perSecond,
    lost: times.filter((n) => n === 0).length,
    doubled: times.filter((n) => n > 1).length,
  };
}

async function openPlatform(people: readonly string[]) {
  const api = await openFakeBotApi({ bots: [BOT] });
  const world = worldOf(api, BOT);
  const chats = new Map(
    people.map((person) => [person, chatPeer(api, world, world.open(Number(person), "private", "Ann", 2))]),
  );
  return {
    url: api.server.url,
    async says(person: string, text: string): Promise<void> {
      await chats.get(person)?.says({ id: person, name: "Ann" }, text);
    },
    shown: (person: string) =>
      chats
        .get(person)
        ?.messages()
        .flatMap(({ from, text }) => (from === "us" ? text : [])) ?? [],
    changed: api.server.changes.changed,
    [Symbol.asyncDispose]: () => api.close(),
  };
}

function memoryPlatform(stdin: Writable, lines: Interface): Platform {
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
    async says(person, text) {
      stdin.write(`${JSON.stringify({ person, text })}\n`);
    },
    shown: (person) => shown.get(person) ?? [],
    changed: () => change.promise,
  };
}

/** Approved and set up, as an owner would have done it. */
async function install(home: string, apiRoot: string): Promise<void> {
  const paths = homePaths(home);
  const { version, bellhop } = Package.parse(JSON.parse(await readFile(PLUGIN, "utf8")));
  await mkdir(paths.plugins, { recursive: true, mode: 0o700 });
  await editInstalled(paths, (all) => ({
    ...all,
    telegram: {
      version,
      source: { from: "bellhop" },
      enabled: true,
      scope: { channels: "all", groups: "all" },
      approved: [...asksOf(Manifest.parse({ version, ...bellhop }))],
      settings: { apiRoot },
      variables: {},
      revealed: [],
    },
  }));
  await writeFile(paths.env, `TELEGRAM_BOT_TOKEN=${BOT.token}\n`, { mode: 0o600 });
}

const Package = z.object({ version: z.string(), bellhop: z.record(z.string(), z.unknown()) });
