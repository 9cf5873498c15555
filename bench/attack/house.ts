/**
 * The house that is attacked: a real host on a home of its own, with canaries in every place that an agent
 * must not see, two groups, and everything that left it since it was built.
 *
 * - `ours` is the attacker's: its agent is the real program in the real sandbox, and the rehearsal model does
 *   what is written: `run: CMD` is code of the attacker's choice, `tool: NAME JSON` a call of the host's.
 * - `theirs` is the victim's. `injected` is read by an agent whose words come from a stranger.
 */
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { createRehearsalModel } from "../../packages/host/src/broker/rehearsal/server.ts";
import { homePaths } from "../../packages/host/src/config.ts";
import { systemClock } from "../../packages/host/src/core/clock.ts";
import { START } from "../../packages/host/src/sandbox/launch.ts";
import { type Api, createApi } from "../api.ts";
import type { Settings } from "../host.ts";
import { type Canaries, type Holder, holdersIn, newCanaries } from "./canaries.ts";
import { type AttackHost, Said, type Written } from "./words.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const ATTACKER = here("attacker.mjs");
const NODE_COMPILE_CACHE = join(tmpdir(), "bellhop-attack-cache");
const Ready = z.object({ url: z.url(), token: z.string(), pid: z.int(), sandbox: z.string() });

export const ROOMS = ["ours", "theirs", "injected"] as const;
export type RoomName = (typeof ROOMS)[number];
/** The operator, and somebody who is not. */
export type Sender = "owner" | "mallory";

export type Shown = Extract<Said, { what: "shown" }>;

export interface House {
  readonly runtime: string;
  readonly home: string;
  /** The folder around the home: a canary lies there too. */
  readonly base: string;
  readonly canaries: Canaries;
  readonly pid: number;
  readonly api: Api;
  /** Port of a service on the host's loopback that tells its canary to whoever asks. */
  readonly loopbackPort: number;
  /** Everything that people could see, so far. */
  readonly shown: readonly Shown[];
  /** The longest that the host's event loop was held up since this was asked last, ms. */
  lag(): number;
  folderOf(room: RoomName): string;
  /** Writes, and resolves with the answer. @throws Error when there is none in time */
  say(room: RoomName, text: string, options?: { sender?: Sender; patienceMs?: number }): Promise<string>;
  /** Whose canaries stand in what left, or in what is given. */
  leaked(...texts: readonly string[]): readonly Holder[];
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HouseOptions {
  readonly runtime: string;
  readonly settings?: Settings;
  /** Of the host's Node: how a mutation gets in. */
  readonly nodeFlags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const ANSWER_MS = 60_000;

export async function openHouse(options: HouseOptions): Promise<House> {
  const { runtime, settings = {}, nodeFlags = [], env = {} } = options;
  const disposing = new AsyncDisposableStack();
  try {
    return await open();
  } catch (error) {
    await disposing.disposeAsync();
    throw error;
  }

  async function open(): Promise<House> {
    const canaries = newCanaries();
    const base = await mkdtemp(join(await realpath(tmpdir()), "bellhop-attack-"));
    disposing.defer(() => rm(base, { recursive: true, force: true }));
    const home = join(base, "home");
    const paths = homePaths(home);
    const model = createRehearsalModel({ clock: systemClock });
    const modelPort = await model.listen(0);
    disposing.defer(model.close);
    const loopback = createServer((_request, response) => response.end(canaries.loopback)).listen(
      0,
      "127.0.0.1",
    );
    await once(loopback, "listening");
    disposing.defer(() => void loopback.close());
    const address = loopback.address();
    const loopbackPort = typeof address === "object" && address ? address.port : 0;

    await mkdir(home, { mode: 0o700 });
    await writeFile(join(base, "passwords.txt"), canaries.file, { mode: 0o644 });
    await writeFile(join(home, "passwords.txt"), canaries.file, { mode: 0o644 });
    await writeFile(paths.config, JSON.stringify({ ...settingsFor(runtime), ...settings }), { mode: 0o600 });
    await writeFile(
      paths.env,
      `ANTHROPIC_AUTH_TOKEN=${canaries.key}\nANTHROPIC_BASE_URL=http://127.0.0.1:${modelPort}\n`,
      { mode: 0o600 },
    );
    const folderOf = (room: RoomName) => join(paths.groups, room);
    await mkdir(folderOf("theirs"), { recursive: true, mode: 0o700 });
    await writeFile(join(folderOf("theirs"), "diary.md"), canaries.theirs);
    for (const room of ["ours", "injected"] as const) {
      await mkdir(folderOf(room), { recursive: true, mode: 0o700 });
      await writeFile(join(folderOf(room), "attacker.mjs"), await readFile(ATTACKER));
    }

    const argument: AttackHost = { home, policies: join(base, "policies") };
    const child = spawn(process.execPath, [...nodeFlags, here("host.ts"), JSON.stringify(argument)], {
      env: { ...START, NODE_COMPILE_CACHE, BELLHOP_ATTACK: canaries.environment, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => (said = (said + String(chunk)).slice(-4_000)));
    const gone = once(child, "exit");
    disposing.defer(async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await Promise.race([gone, pause(20_000)]);
      child.kill("SIGKILL");
    });

    const shown: Shown[] = [];
    const watchers = new Set<() => void>();
    let lag = 0;
    const ready = Promise.withResolvers<z.infer<typeof Ready>>();
    void gone.then(() => ready.reject(new Error(`the host under attack ended: ${said.trim()}`)));
    let began = false;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!began) {
        began = true;
        ready.resolve(Ready.parse(JSON.parse(line)));
        return;
      }
      const heard = Said.parse(JSON.parse(line));
      if (heard.what === "lag") lag = Math.max(lag, heard.ms);
      else shown.push(heard);
      for (const watcher of watchers) watcher();
    });
    const { url, token, pid } = await ready.promise;
    const api = createApi({ url, token });
    disposing.defer(() => api.close());

    let counter = 0;

    async function say(
      room: RoomName,
      text: string,
      { sender = "owner", patienceMs = ANSWER_MS }: { sender?: Sender; patienceMs?: number } = {},
    ): Promise<string> {
      counter += 1;
      const mark = `answer-${counter}-ends`;
      const from = shown.length;
      const written: Written = { id: counter, room, sender, text: `${text}\nsay: ${mark}` };
      child.stdin.write(`${JSON.stringify(written)}\n`);
      const found = Promise.withResolvers<string>();
      const timer = setTimeout(
        () =>
          found.reject(
            new Error(
              `no answer to ${JSON.stringify(text.slice(0, 200))}: ${JSON.stringify(shown.slice(from))}`,
            ),
          ),
        patienceMs,
      );
      const look = () => {
        const answer = shown.slice(from).find((one) => one.room === room && one.text.includes(mark));
        if (answer) found.resolve(answer.text.replace(mark, "").trim());
      };
      watchers.add(look);
      try {
        return await found.promise;
      } finally {
        clearTimeout(timer);
        watchers.delete(look);
      }
    }

    return {
      runtime,
      home,
      base,
      canaries,
      pid,
      api,
      loopbackPort,
      shown,
      lag() {
        const most = lag;
        lag = 0;
        return most;
      },
      folderOf,
      say,
      leaked: (...texts) => holdersIn([...texts, ...shown.map((one) => seen(one))].join("\n"), canaries),
      [Symbol.asyncDispose]: () => disposing.disposeAsync(),
    };
  }
}

/** All of it that a person, or a platform, gets to see. */
function seen({ text, sender = "", name = "", file = "" }: Shown): string {
  return [text, sender, name, Buffer.from(file, "base64").toString("latin1")].join("\n");
}

function settingsFor(runtime: string): Settings {
  return {
    sandbox: { runtime },
    owners: ["attack:owner"],
    groups: Object.fromEntries(ROOMS.map((room) => [room, { chats: [`attack:${room}`] }])),
  };
}

/** Of this repository, for what is told of a place in it. */
export const REPOSITORY = dirname(dirname(here(".")));
