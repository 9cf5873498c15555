/**
 * One process of a plugin, from its start to its end.
 *
 * - Every call has a time. One that passes it makes the process suspicious: it is asked for a sign of life, and
 *   killed where none comes; while it is asked, nothing else is asked of it. A plugin that is only slow stays.
 * - What comes over its line is parsed; a process that sends what is no frame, or that does not read, is killed.
 *   More frames than any plugin needs are read later, so that they do not cost the host its processor.
 * - It ends with its host: its line closes, and what it lives in ends with its parent.
 */
import { ConfigError, type Json, TemporaryError } from "@bellhop/sdk";
import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { hasCode } from "../core/error-code.ts";
import { atMost } from "../core/patience.ts";
import type { KnownPlugin } from "../core/plugin.ts";
import type { Log } from "../log.ts";
import type { Housed } from "./housing.ts";
import { createLink, type Link, type Params } from "./link/link.ts";
import { readOutput } from "./output.ts";
import { Logged, Made, Pong } from "./wire.ts";

/** Until its module is loaded and made. */
const START_MS = 30_000;
const SIGN_OF_LIFE_MS = 5_000;
/** Between being told to end and being killed. */
const LAST_WORDS_MS = 1_000;
const LINE = 3;
/** Frames in so long a time; what is more waits for the next. */
const PACE = { frames: 2_000, ms: 250 } as const;

export interface LaunchParts {
  readonly plugin: KnownPlugin;
  readonly housed: Housed;
  readonly settings: Json;
  readonly environment: Readonly<Record<string, string>>;
  readonly entry: string;
  readonly data: string;
  /** What its process asks of the host. */
  readonly serve: (
    process: PluginProcess,
    method: string,
    params: unknown,
    signal: AbortSignal,
  ) => Promise<unknown>;
  /** What it tells the host, beyond its log. */
  readonly hear: (process: PluginProcess, method: string, params: unknown) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CallOptions {
  readonly params?: Params;
  /** Without one it takes the time it takes, and `signal` ends it. */
  readonly withinMs?: number;
  readonly signal?: AbortSignal;
}

/** It did not answer in its time; whether it did what it was asked is not known. */
export class LateError extends TemporaryError {}

export interface PluginProcess {
  readonly name: string;
  readonly link: Link;
  /** What its module turned out to hold; empty before `start` resolved. */
  readonly made: Made;
  /** Loads its module. @throws what the module threw, or TemporaryError */
  start(): Promise<void>;
  /**
   * @throws LateError after `withinMs`
   * @throws GoneError when it ends before it answers
   * @throws TemporaryError before it was asked, where it gives no sign of life just now
   */
  call(method: string, options?: CallOptions): Promise<unknown>;
  /** What it uses and how its accounts are, as it says itself. */
  ask(withinMs: number): Promise<Pong>;
  kill(why: string): void;
  /** Tells it to end, kills it where it does not, and resolves when nothing of it is left. */
  end(): Promise<void>;
  /** Why, once nothing of it is left. */
  readonly ended: Promise<string>;
}

type Pong = (typeof Pong)["_output"];

/** @throws TemporaryError when the machine refuses another process */
export function launch(parts: LaunchParts): PluginProcess {
  const { plugin, housed, clock, log } = parts;
  const { name } = plugin;
  const [program = "", ...words] = housed.chain;
  const child = spawn(program, words, {
    env: housed.env,
    cwd: housed.cwd,
    detached: true, // a session and process group of its own
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      log.error({ err: error, plugin: name }, "a plugin's process could not be started");
      resolve({ code: null, signal: null });
    });
  });
  if (child.pid === undefined) {
    void housed.close();
    throw new TemporaryError(`${program} could not be started for the plugin ${name}`);
  }
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) readOutput(stream, clock, (line) => log.info({ plugin: name, line }, "a plugin printed"));
  }

  const line = lineOf(child);
  let killed: string | undefined;
  let over = false;
  let made: Made = { channels: [], hooks: [], tools: [], commands: [], auth: false, routes: false };
  let asking: Promise<void> | undefined;
  let said = { since: clock.monotonic(), lines: 0 };

  const link = createLink({
    stream: line,
    serve: (method, params, signal) => parts.serve(self, method, params, signal),
    hear(method, params) {
      if (method === "log") writeLine(params);
      else parts.hear(self, method, params);
    },
    onBroken: (why) => kill(why),
    onClosed() {
      const cancel = clock.after(LAST_WORDS_MS, () => kill("it closed its line"));
      void exited.then(cancel);
    },
    passed: paced(line, clock),
    other: `the plugin ${name}`,
  });

  function writeLine(params: unknown): void {
    const parsed = Logged.safeParse(params);
    if (!parsed.success) return;
    const now = clock.monotonic();
    if (now - said.since >= 1_000) said = { since: now, lines: 0 };
    said.lines += 1;
    if (said.lines > 100) return;
    const { level, text, fields } = parsed.data;
    log[level]({ plugin: name, ...(fields && { fields }) }, text);
  }

  function kill(why: string): void {
    killed ??= why;
    link.close(why);
    if (over || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch (error) {
      if (!hasCode(error, "ESRCH")) throw error;
    }
  }

  const ended = exited.then(async ({ code, signal }) => {
    over = true;
    link.close("its process ended");
    const starved = await housed.outOfMemory();
    await housed
      .close()
      .catch((error: unknown) => log.error({ err: error, plugin: name }, "a plugin left something behind"));
    if (starved) return `it used more than its ${plugin.manifest.memoryMb} MiB of memory`;
    if (killed !== undefined) return killed;
    return signal === null
      ? `its process ended with the exit code ${code}`
      : `its process ended by ${signal}`;
  });

  async function call(method: string, { params = {}, withinMs, signal }: CallOptions = {}): Promise<unknown> {
    if (asking) {
      throw new TemporaryError(`the plugin ${name} does not answer just now; it is looked after`);
    }
    if (withinMs === undefined) return await link.call(method, params, signal);
    const late = new AbortController();
    const cancel = clock.after(withinMs, () => {
      late.abort(new LateError(`the plugin ${name} did not answer within ${withinMs / 1_000} s`));
      suspect();
    });
    try {
      return await link.call(method, params, signal ? AbortSignal.any([signal, late.signal]) : late.signal);
    } finally {
      cancel();
    }
  }

  /** Asks for a sign of life, once at a time. */
  function suspect(): void {
    asking ??= alive();
  }

  async function alive(): Promise<void> {
    try {
      await ping(SIGN_OF_LIFE_MS);
    } catch (error) {
      log.debug({ err: error, plugin: name }, "a plugin does not answer");
      kill("it gave no sign of life");
    } finally {
      asking = undefined;
    }
  }

  async function ping(withinMs: number): Promise<Pong> {
    const late = new AbortController();
    const cancel = clock.after(withinMs, () =>
      late.abort(new LateError(`the plugin ${name} gives no sign of life`)),
    );
    try {
      return Pong.parse(await link.call("ping", {}, late.signal));
    } finally {
      cancel();
    }
  }

  const self: PluginProcess = {
    name,
    link,
    get made() {
      return made;
    },
    async start() {
      const { entry, settings, environment, data } = parts;
      const params = { name, entry, settings, environment, folder: data };
      const answer = Made.safeParse(await call("start", { params, withinMs: START_MS }));
      if (!answer.success) {
        throw new ConfigError(
          `the module of ${name} returns what no plugin has: ${answer.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; ")}`,
        );
      }
      checkMade(plugin, answer.data);
      made = answer.data;
    },
    call,
    ask: ping,
    kill,
    async end() {
      if (link.isOpen) link.call("end", {}).catch(() => undefined); // it may end before it answers
      await atMost(clock, LAST_WORDS_MS, ended);
      kill("it was told to end");
      await ended;
    },
    ended,
  };
  return self;
}

/** @throws ConfigError where the module does not keep what its manifest says */
function checkMade({ name, manifest }: KnownPlugin, made: Made): void {
  const missing = [
    ...manifest.hooks.filter((hook) => !made.hooks.includes(hook)).map((hook) => `the hook ${hook}`),
    ...manifest.tools.flatMap((tool) => (made.tools.includes(tool.name) ? [] : `the tool ${tool.name}`)),
    ...manifest.commands.flatMap((one) =>
      made.commands.includes(one.name) ? [] : `the command ${one.name}`,
    ),
    ...(manifest.capabilities.includes("routes") && !made.routes ? ["routes"] : []),
  ];
  if (missing.length > 0)
    throw new ConfigError(`the module of ${name} lacks what its manifest declares: ${missing.join(", ")}`);
  if (!manifest.channel && made.channels.length > 0)
    throw new ConfigError(
      `the module of ${name} has channels, and its manifest does not say "channel": true`,
    );
  const other = made.channels.find((channel) => channel.name !== name);
  if (other)
    throw new ConfigError(`the plugin ${name} has a channel ${other.name}; a plugin's channel has its name`);
  const accounts = made.channels.map(({ account }) => account);
  const twice = accounts.find((account, index) => accounts.indexOf(account) !== index);
  if (twice !== undefined)
    throw new ConfigError(`the plugin ${name} has two channels for the account ${JSON.stringify(twice)}`);
}

/** Stops reading for a moment when more frames came than any plugin needs. */
function paced(line: Socket, clock: Clock): () => void {
  let since = clock.monotonic();
  let frames = 0;
  return () => {
    const now = clock.monotonic();
    if (now - since >= PACE.ms) [since, frames] = [now, 0];
    frames += 1;
    if (frames !== PACE.frames) return;
    line.pause();
    clock.after(Math.max(1, PACE.ms - (now - since)), () => line.resume());
  };
}

function lineOf(child: ChildProcess): Socket {
  const stdio: readonly unknown[] = child.stdio; // typed as five, however many there are
  const line = stdio[LINE];
  if (!(line instanceof Socket)) throw new TypeError("the line of a plugin is no pipe");
  return line;
}
