/**
 * A home, a fake platform beside it on which people write, and one host after the other on it.
 *
 * A message is `TOKEN DIRECTIVE…` and is answered once its token was shown in its room. All that is
 * known of that comes from the platform's journal, never from the host.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { homePaths } from "../../packages/host/src/config.ts";
import { type HostProcess, type Settings, startProgram, temporaryHome } from "../host.ts";
import { approve } from "../plugin.ts";
import type { FaultHost } from "./host.ts";
import { type PlatformCall, PlatformLine } from "./plugin/words.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const AGENT_INSIDE = "/opt/fault-agent/agent.mjs";

/** As `bellhop` itself has one: a start takes half as long, and most of what this suite does is to start. */
const NODE_COMPILE_CACHE = join(tmpdir(), "bellhop-fault-cache");

/** Stands in the host's `.env` as its model's key: nobody else may ever see it (I7). */
export const CANARY = "canary-7f3a91c2d4e8b605";

export interface Room {
  readonly account: Extract<PlatformCall, { call: "write" }>["account"];
  readonly room: string;
}

export interface Message extends Room {
  readonly token: string;
  readonly text: string;
}

/** What the agent noted inside its sandbox. */
const AgentLine = z.discriminatedUnion("what", [
  z.object({ what: z.enum(["new", "load"]), session: z.string() }),
  z.object({ what: z.enum(["seen", "answered"]), token: z.string(), session: z.string() }),
  z.object({ what: z.literal("found"), text: z.string() }),
]);
export type AgentLine = z.infer<typeof AgentLine>;

export interface World {
  readonly home: string;
  readonly rooms: readonly Room[];
  /** Every message that was written. */
  readonly written: readonly Message[];
  /**
   * ms from the start of a host to the first message that it showed, of those that came after another
   * one and lived to show something.
   */
  readonly recoveryMs: readonly number[];
  /** Everything the platform noted, so far. */
  readonly journal: readonly PlatformLine[];
  start(arm?: FaultHost["arm"]): HostProcess;
  write(room: Room, directives?: string): Promise<Message>;
  /** The platform misbehaves. */
  fault(fault: Omit<Extract<PlatformCall, { call: "fault" }>, "call">): Promise<void>;
  /**
   * Whether all these were answered, or as soon as they are; false once nothing was shown for so long. A room
   * is answered in order: where a later message of it was, one that was not will not be (it may not have
   * arrived, which G14 allows), and nobody waits for it. Whether that was right is for the checker to say.
   */
  answered(messages: readonly Message[], patienceMs: number): Promise<boolean>;
  /** Whether something with these words is shown in this room, from now on or before. */
  shows(room: Room, words: string, patienceMs: number): Promise<boolean>;
  agentJournal(): Promise<AgentLine[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface WorldOptions {
  readonly rooms: readonly Room[];
  /** Over what the suite sets. */
  readonly settings?: Settings;
  /** Who answers: the fault-injecting agent, or the Claude engine on the rehearsal model, one message at a time. */
  readonly engine?: "agent" | "claude";
  /** Who brings the platform's channels: the host itself, or a plugin in a process of its own. */
  readonly channels?: "host" | "plugin";
  /** The home lies on a disk of its own, so small. Only root can have that. */
  readonly diskMb?: number;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { rooms, settings = {}, engine = "agent", channels = "host", diskMb } = options;
  const disposing = new AsyncDisposableStack();
  const home = disposing.use(await temporaryHome());
  if (diskMb !== undefined) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskMb}m,mode=0700`, "tmpfs", home.path]);
    disposing.defer(() => void execFileSync("umount", ["-l", home.path]));
  }
  await writeFile(
    homePaths(home.path).config,
    JSON.stringify({ ...settingsFor(rooms, engine), ...settings }),
    { mode: 0o600 },
  );
  // With a key the model would be a real one.
  if (engine === "agent")
    await writeFile(homePaths(home.path).env, `ANTHROPIC_API_KEY=${CANARY}\n`, { mode: 0o600 });
  // Not below the home's folder: what names that is taken for a leftover of the host's.
  const folder = await mkdtemp(join(await realpath(tmpdir()), "bellhop-platform-"));
  disposing.defer(() => rm(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [here("platform.ts"), join(folder, "journal.jsonl")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  disposing.defer(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, "exit");
  });

  const written: Message[] = [];
  const journal: PlatformLine[] = [];
  const recoveryMs: number[] = [];
  const shownTokens = new Set<string>();
  /** The latest token that was shown in each room. They grow with each message. */
  const latest = new Map<string, string>();
  const watchers = new Set<() => void>();
  let began = { at: 0, shown: true };
  const port = Promise.withResolvers<number>();

  createInterface({ input: child.stdout }).on("line", (line) => {
    if (/^\d+$/.test(line)) return port.resolve(Number(line));
    const noted = PlatformLine.parse(JSON.parse(line));
    journal.push(noted);
    if (noted.what !== "shown") return;
    for (const token of tokensOf(noted.text)) {
      shownTokens.add(token);
      const before = latest.get(roomName(noted)) ?? "";
      latest.set(roomName(noted), token > before ? token : before);
    }
    if (!began.shown) recoveryMs.push(performance.now() - began.at);
    began.shown = true;
    for (const watcher of watchers) watcher();
  });
  const url = `http://127.0.0.1:${await port.promise}/`;
  if (channels === "plugin")
    await approve(home.path, { name: "fault", folder: here("plugin"), ships: false }, { url });

  async function call(asked: PlatformCall): Promise<void> {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(asked) });
    if (!response.ok) throw new Error(`the platform refused ${asked.call}: ${await response.text()}`);
  }

  /** Resolves true as soon as `holds`, false once nothing was shown for so long. */
  async function until(holds: () => boolean, patienceMs: number): Promise<boolean> {
    if (holds()) return true;
    const held = Promise.withResolvers<boolean>();
    let timer = setTimeout(held.resolve, patienceMs, false);
    const watcher = () => {
      clearTimeout(timer);
      if (holds()) held.resolve(true);
      else timer = setTimeout(held.resolve, patienceMs, false);
    };
    watchers.add(watcher);
    try {
      return await held.promise;
    } finally {
      clearTimeout(timer);
      watchers.delete(watcher);
    }
  }

  let counter = 0;
  let hosts = 0;
  return {
    home: home.path,
    rooms,
    written,
    recoveryMs,
    journal,
    start(arm) {
      const options: FaultHost = {
        home: home.path,
        ...(channels === "host" && { platform: url }),
        ...(arm && { arm }),
      };
      began = { at: performance.now(), shown: hosts === 0 };
      hosts += 1;
      const host = startProgram([here("host.ts"), JSON.stringify(options)], { NODE_COMPILE_CACHE });
      disposing.defer(host.kill); // where a fault threw, it may live
      return host;
    },
    async write({ account, room }, directives = "") {
      counter += 1;
      const token = `T${String(counter).padStart(6, "0")}`;
      const text =
        engine === "agent" ? `${token} ${directives}`.trim() : `${token}\n${directives}\nsay: got ${token}`;
      const message = { account, room, token, text };
      written.push(message);
      await call({ call: "write", account, room, text: message.text });
      return message;
    },
    fault: (fault) => call({ call: "fault", ...fault }),
    answered: (messages, patienceMs) =>
      until(
        () =>
          messages.every(
            (message) =>
              shownTokens.has(message.token) || message.token < (latest.get(roomName(message)) ?? ""),
          ),
        patienceMs,
      ),
    shows: ({ account, room }, words, patienceMs) =>
      until(
        () =>
          journal.some(
            (line) =>
              line.what === "shown" &&
              line.account === account &&
              line.room === room &&
              line.text.includes(words),
          ),
        patienceMs,
      ),
    async agentJournal() {
      const sessions = homePaths(home.path).sessions;
      const names = await readdir(sessions, { recursive: true }).catch(() => []); // no sandbox was ever started
      const files = names.filter((name) => name.endsWith("fault/journal.jsonl"));
      const texts = await Promise.all(files.map((name) => readFile(join(sessions, name), "utf8")));
      // What was killed in the middle of a line has written no line.
      return texts
        .flatMap((all) => all.split("\n").slice(0, -1))
        .map((line) => AgentLine.parse(JSON.parse(line)));
    },
    async [Symbol.asyncDispose]() {
      await disposing.disposeAsync();
    },
  };
}

function roomName({ account, room }: Room): string {
  return `${account}:${room}`;
}

/** The tokens that an answer answers; a notice has none. */
export function tokensOf(answer: string): string[] {
  const line = /^got .*$/m.exec(answer)?.[0] ?? "";
  return [...line.matchAll(/\bT\d{6}\b/g)].map(([token]) => token);
}

function settingsFor(rooms: readonly Room[], engine: "agent" | "claude"): Settings {
  const groups = rooms.map(({ account, room }) => [
    `${account}-${room}`,
    { chats: [`fault/${account}:${room}`] },
  ]);
  const acp = {
    command: ["/opt/bellhop/bin/node", AGENT_INSIDE],
    mounts: [{ source: here("agent.mjs"), target: AGENT_INSIDE }],
  };
  return {
    ...(engine === "agent" && { engine: "acp", acp }),
    sandbox: { runtime: "bubblewrap" }, // each of many starts would ask the container engines first
    owners: ["fault:person"],
    groups: Object.fromEntries(groups),
  };
}

/** Resolves with `undefined` when it takes longer. */
export async function soon<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return await Promise.race([promise, pause(ms, undefined, { ref: false })]);
}
