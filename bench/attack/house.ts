/**
 * The house that is attacked: a real host on a home of its own, with canaries in every place that an agent
 * must not see, two groups, and everything that left it since it was built.
 *
 * - `ours` is the attacker's: its agent is the real program in the real sandbox, and the rehearsal model does
 *   what is written: `run: CMD` is code of the attacker's choice, `tool: NAME JSON` a call of the host's.
 * - `theirs` is the victim's. In `injected` and `main` a stranger writes as well as the owner.
 * - `forged` is driven by a program of the suite's that speaks the engine's protocol and lies (forged-agent.mjs).
 */
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
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
const HOOK = here("mutate.mjs");
const FORGED_AGENT = here("forged-agent.mjs");
/** Inside: a program like any other, which the agent's own Node runs. */
const FORGED_TARGET = "/opt/attack/forged-agent.mjs";
const NODE_COMPILE_CACHE = join(tmpdir(), "bellhop-attack-cache");
const Ready = z.object({ url: z.url(), token: z.string(), pid: z.int(), sandbox: z.string() });

export const GROUPS = ["ours", "theirs", "injected", "forged", "main"] as const;
export type GroupName = (typeof GROUPS)[number];
/** Chats: one of each group by its name, one more of the attacker's, and one more of the owner's. */
export type RoomName = GroupName | "ours2" | "desk";
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
  /** How long the host's event loop was held up, p99 of each second since this was asked last, ms. */
  lag(): readonly number[];
  folderOf(group: GroupName): string;
  /** Writes, and waits for nothing. */
  write(room: RoomName, text: string, sender?: Sender): void;
  /** The first thing shown after the first `from` that fits. @throws Error when there is none in time */
  shows(from: number, fits: (one: Shown) => boolean, patienceMs?: number): Promise<Shown>;
  /** A chat command, and what is said to it. */
  command(room: RoomName, text: string, sender?: Sender): Promise<string>;
  /** Writes, and resolves with the answer. @throws Error when there is none in time */
  say(room: RoomName, text: string, options?: { sender?: Sender; patienceMs?: number }): Promise<string>;
  /** Whose canaries people were shown, after the first `from` things. */
  leaked(from: number): readonly Holder[];
  /** Whose canaries stand in a text. */
  holdersIn(text: string): readonly Holder[];
  /** Reads the host's own database. */
  rows(sql: string, ...values: readonly SQLInputValue[]): readonly Record<string, unknown>[];
  /** Everything that came to the service on the loopback. */
  readonly heard: readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HouseOptions {
  readonly runtime: string;
  /** Of runtimes of containers. */
  readonly image?: string;
  /** What the client of a container engine finds it by. */
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: Settings;
  /** Of the product's text, before it is loaded (mutate.mjs). */
  readonly edits?: readonly Edit[];
}

export interface Edit {
  /** Below packages/host/src. */
  readonly file: string;
  /** There exactly once. */
  readonly find: string;
  readonly put: string;
}

const FORBIDDEN = ["127.0.0.1", "localhost", "169.254.169.254", "metadata.google.internal"];
const ANSWER_MS = 60_000;

export async function openHouse(options: HouseOptions): Promise<House> {
  const { runtime, settings = {}, edits = [] } = options;
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
    const heard: string[] = [];
    const loopback = createServer((request, response) => {
      heard.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
      response.end(canaries.loopback);
    }).listen(0, "127.0.0.1");
    await once(loopback, "listening");
    disposing.defer(() => void loopback.close());
    const address = loopback.address();
    const loopbackPort = typeof address === "object" && address ? address.port : 0;

    await mkdir(home, { mode: 0o700 });
    await writeFile(join(base, "passwords.txt"), canaries.file, { mode: 0o644 });
    await writeFile(join(home, "passwords.txt"), canaries.file, { mode: 0o644 });
    await mkdir(join(base, "private"));
    await writeFile(join(base, "private", "notes.txt"), canaries.file, { mode: 0o644 });
    await mkdir(join(base, "shared", "docs"), { recursive: true });
    await writeFile(join(base, "shared", "docs", "notes.txt"), "nothing secret", { mode: 0o644 });
    await Promise.all(["shared", "shared/docs"].map((name) => chmod(join(base, name), 0o777)));
    const policies = join(base, "policies");
    await mkdir(join(policies, "bellhop"), { recursive: true, mode: 0o700 });
    const allowlist = { roots: [{ path: join(base, "shared"), rw: true }], othersReadOnly: false };
    await writeFile(join(policies, "bellhop", "mount-allowlist.json"), JSON.stringify(allowlist), {
      mode: 0o600,
    });
    const config = { ...settingsFor(options, base, loopbackPort), ...settings };
    await writeFile(paths.config, JSON.stringify(config), { mode: 0o600 });
    await writeFile(
      paths.env,
      `ANTHROPIC_AUTH_TOKEN=${canaries.key}\nANTHROPIC_BASE_URL=http://127.0.0.1:${modelPort}\n`,
      { mode: 0o600 },
    );
    const folderOf = (group: GroupName) => join(paths.groups, group);
    await mkdir(folderOf("theirs"), { recursive: true, mode: 0o700 });
    await writeFile(join(folderOf("theirs"), "diary.md"), canaries.theirs);
    await mkdir(folderOf("ours"), { recursive: true, mode: 0o700 });
    await writeFile(join(folderOf("ours"), "attacker.mjs"), await readFile(ATTACKER));

    const argument: AttackHost = { home, policies, env: options.env ?? {} };
    const flags = edits.length === 0 ? [] : ["--import", HOOK];
    const child = spawn(process.execPath, [...flags, here("host.ts"), JSON.stringify(argument)], {
      env: {
        ...START,
        // What was compiled of a text is kept by the name of its file: not where the text is another one.
        ...(edits.length === 0 ? { NODE_COMPILE_CACHE } : { ATTACK_EDITS: JSON.stringify(edits) }),
        BELLHOP_ATTACK: canaries.environment,
      },
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
    let lag: number[] = [];
    const ready = Promise.withResolvers<z.infer<typeof Ready>>();
    void gone.then(() => ready.reject(new Error(`the host under attack ended: ${said.trim()}`)));
    let began = false;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!began) {
        began = true;
        ready.resolve(Ready.parse(JSON.parse(line)));
        return;
      }
      const told = Said.parse(JSON.parse(line));
      if (told.what === "lag") lag.push(told.ms);
      else shown.push(told);
      for (const watcher of watchers) watcher();
    });
    const { url, token, pid } = await ready.promise;
    const api = createApi({ url, token });
    disposing.defer(() => api.close());

    let counter = 0;

    function write(room: RoomName, text: string, sender: Sender = "owner"): void {
      counter += 1;
      const written: Written = { id: counter, room, sender, text };
      child.stdin.write(`${JSON.stringify(written)}\n`);
    }

    async function shows(
      from: number,
      fits: (one: Shown) => boolean,
      patienceMs = ANSWER_MS,
    ): Promise<Shown> {
      const found = Promise.withResolvers<Shown>();
      const timer = setTimeout(() => {
        const since = JSON.stringify(shown.slice(from).map(({ room, text }) => [room, text.slice(0, 300)]));
        found.reject(new Error(`nothing fitting came in ${patienceMs} ms, but ${since}`));
      }, patienceMs);
      const look = () => {
        const one = shown.slice(from).find(fits);
        if (one) found.resolve(one);
      };
      watchers.add(look);
      look();
      try {
        return await found.promise;
      } finally {
        clearTimeout(timer);
        watchers.delete(look);
      }
    }

    async function say(
      room: RoomName,
      text: string,
      { sender = "owner", patienceMs = ANSWER_MS }: { sender?: Sender; patienceMs?: number } = {},
    ): Promise<string> {
      const mark = `answer-${counter + 1}-ends`;
      const from = shown.length;
      write(room, `${text}\nsay: ${mark}`, sender);
      const answer = await shows(from, (one) => one.room === room && one.text.includes(mark), patienceMs);
      return answer.text.replace(mark, "").trim();
    }

    async function command(room: RoomName, text: string, sender: Sender = "owner"): Promise<string> {
      const from = shown.length;
      write(room, text, sender);
      return (await shows(from, (one) => one.room === room && one.text.length > 4)).text;
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
      heard,
      lag() {
        const all = lag;
        lag = [];
        return all;
      },
      folderOf,
      write,
      shows,
      say,
      command,
      holdersIn: (text) => holdersIn(text, canaries),
      leaked(from) {
        const fresh = shown.slice(from);
        const holders = fresh.flatMap((one) => {
          const found = holdersIn(seen(one), canaries);
          // In its own chat the other group may speak of its own.
          return one.room === "theirs" ? found.filter((holder) => holder !== "theirs") : found;
        });
        return [...new Set(holders)];
      },
      rows(sql, ...values) {
        using database = new DatabaseSync(paths.database, { readOnly: true });
        return database.prepare(sql).all(...values);
      },
      [Symbol.asyncDispose]: () => disposing.disposeAsync(),
    };
  }
}

/** All of it that a person, or a platform, gets to see. */
function seen({ text, sender = "", name = "", file = "" }: Shown): string {
  return [text, sender, name, Buffer.from(file, "base64").toString("latin1")].join("\n");
}

function settingsFor({ runtime, image }: HouseOptions, base: string, loopbackPort: number): Settings {
  const shared = join(base, "shared");
  return {
    sandbox: { runtime, ...(image !== undefined && { image }) },
    owners: ["attack:owner"],
    senders: { perMinute: 1_000, perHour: 10_000, chatPerMinute: 1_000 },
    acp: {
      command: ["/opt/bellhop/bin/node", FORGED_TARGET],
      mounts: [{ source: FORGED_AGENT, target: FORGED_TARGET }],
    },
    groups: {
      ...Object.fromEntries(GROUPS.map((group) => [group, { chats: [`attack:${group}`] }])),
      ours: {
        chats: ["attack:ours", "attack:ours2"],
        mounts: [{ source: shared, mode: "rw" }, { source: join(shared, "docs") }],
        // Allowed by name, as a page may talk an owner into it; where they lead nobody may go all the same.
        egress: { rules: FORBIDDEN.flatMap((host) => [{ host }, { host, port: loopbackPort }]) },
      },
      main: { chats: ["attack:main", "attack:desk"] },
      forged: { chats: ["attack:forged"], engine: "acp" },
    },
  };
}
