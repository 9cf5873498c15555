/**
 * kill -9 of the host at random points while people write, again and again on the same home; then one
 * last life to finish in, and the verdict (fault F1).
 *
 * Four kills in five hit a host that is up and works, at any moment of its first seconds; the fifth
 * hits one that is still starting, in the middle of its recovery.
 */
import { setTimeout as pause } from "node:timers/promises";
import { dirname, join } from "node:path";
import type { DurableEvent } from "../../packages/host/src/core/events.ts";
import { ChatId } from "../../packages/host/src/core/ids.ts";
import { type Api, createApi } from "../api.ts";
import {
  type Home,
  type HostProcess,
  type Ready,
  type Settings,
  startHost,
  temporaryHome,
  withEchoAgent,
} from "../host.ts";
import { createChance } from "../random.ts";
import { judge, type Verdict } from "../verdict.ts";
import { createWatch, type Watch } from "../watch.ts";
import { ECHOED, REHEARSED, startClients } from "./clients.ts";
import { createJournal } from "./journal.ts";
import { type Leftovers, leftovers } from "./leftovers.ts";

export interface KillOptions {
  readonly trials: number;
  readonly seed: number;
  readonly chats: number;
  readonly engine: "echo" | "claude";
  /** Called after each kill. */
  readonly onTrial?: (trial: number) => void;
  /** How long the last life may go without any message coming to its end. */
  readonly patienceMs?: number;
}

export interface KillReport extends Verdict {
  readonly trials: number;
  readonly killedWhileStarting: number;
  /** From the start of a host to its ready line, ms. */
  readonly readyMs: readonly number[];
  /** From the start of a host to the first answer that it completed, ms; of those that lived to give one. */
  readonly recoveryMs: readonly number[];
  readonly left: Leftovers;
  readonly tookMs: number;
}

const WHILE_STARTING = 0.2;
/** About as long as a host takes to be ready, so that every part of a start is hit. */
const STARTING_MS = 700;
const WORKING_MS = { echo: 1_500, claude: 2_500 };

export async function killAgainAndAgain(options: KillOptions): Promise<KillReport> {
  const { trials, seed, chats, engine, onTrial = () => undefined, patienceMs = 60_000 } = options;
  const began = performance.now();
  const settings: Settings = {
    sandbox: { runtime: "bubblewrap" },
    ...(engine === "echo" && withEchoAgent()),
  };
  await using home = await temporaryHome(settings);
  const chance = createChance(seed);
  const journal = createJournal(join(dirname(home.path), "journal.jsonl"));
  const watch = createWatch();
  const lives = createLives(home, watch);
  const clients = startClients(chats, {
    journal,
    watch,
    chance: createChance(seed + 1),
    wording: engine === "echo" ? ECHOED : REHEARSED,
    api: lives.api,
  });

  let killedWhileStarting = 0;
  for (let trial = 1; trial <= trials; trial += 1) {
    const host = lives.begin();
    if (chance.happens(WHILE_STARTING)) {
      killedWhileStarting += 1;
      await pause(chance.between(0, STARTING_MS));
    } else {
      await host.ready;
      await pause(chance.between(0, WORKING_MS[engine]));
    }
    await lives.end();
    onTrial(trial);
  }

  const host = lives.begin();
  const api = await lives.api();
  await clients.stop();
  const sent = journal.read();
  await quiet(
    sent.flatMap(({ message }) => message ?? []),
    watch,
    patienceMs,
  );
  const timelines = await timelinesOf(api, chats);
  await lives.stop(host);
  return {
    ...judge(sent, timelines),
    trials,
    killedWhileStarting,
    readyMs: lives.readyMs,
    recoveryMs: lives.recoveryMs,
    left: await leftovers(home.path),
    tookMs: performance.now() - began,
  };
}

interface Lives {
  begin(): HostProcess;
  /** kill -9 of the one that lives. */
  end(): Promise<void>;
  stop(host: HostProcess): Promise<void>;
  /** Of the host that lives now, or of the next one. */
  readonly api: () => Promise<Api>;
  readonly readyMs: number[];
  readonly recoveryMs: number[];
}

/** One host after the other on one home, each watched from the moment it is ready. */
function createLives(home: Home, watch: Watch): Lives {
  let reachable = Promise.withResolvers<Api>();
  let host: HostProcess | undefined;
  /** The one that `reachable` is of. */
  let known: HostProcess | undefined;
  let leave = new AbortController();
  let following: Promise<void> = Promise.resolve();
  let began = { wall: 0, monotonic: 0, answered: true };
  const readyMs: number[] = [];
  const recoveryMs: number[] = [];

  watch.onSettled((_, at) => {
    // What the host before this one had told already is no answer of this one's.
    if (began.answered || at < began.wall) return;
    began.answered = true;
    recoveryMs.push(performance.now() - began.monotonic);
  });

  function attend(born: HostProcess, ready: Ready): void {
    if (host !== born) return; // killed in the same moment
    known = born;
    readyMs.push(ready.readyMs);
    const api = createApi(ready);
    following = watch.follow(api, leave.signal).finally(() => api.close());
    reachable.resolve(api);
  }

  async function settle(): Promise<void> {
    leave.abort();
    await following;
    leave = new AbortController();
  }

  return {
    begin() {
      const wall = Date.now();
      const born = startHost(home.path);
      host = born;
      began = { wall, monotonic: born.spawnedAt, answered: false };
      // Whoever waits for it to be ready hears why it is not.
      born.ready.then(attend.bind(undefined, born)).catch(() => undefined);
      return born;
    },
    async end() {
      const dying = host;
      host = undefined;
      // Those who wait already for a host that was never ready go on waiting for the next one.
      if (dying && known === dying) reachable = Promise.withResolvers();
      known = undefined;
      await dying?.kill();
      await settle();
    },
    async stop(last) {
      await settle();
      await last.stop();
    },
    api: () => reachable.promise,
    readyMs,
    recoveryMs,
  };
}

/** Resolves when all these have come to their end and nothing more is under way, or nothing moves any more. */
async function quiet(messages: readonly string[], watch: Watch, patienceMs: number): Promise<void> {
  const stuck = Promise.withResolvers<void>();
  let timer = setTimeout(stuck.resolve, patienceMs);
  watch.onSettled(() => {
    clearTimeout(timer);
    timer = setTimeout(stuck.resolve, patienceMs);
  });
  await Promise.race([Promise.all(messages.map((message) => watch.settled(message))), stuck.promise]);
  clearTimeout(timer);
  await pause(LAST_MS);
}

/** What would come twice comes soon. */
const LAST_MS = 500;

async function timelinesOf(api: Api, chats: number): Promise<Map<ChatId, DurableEvent[]>> {
  const all = new Map<ChatId, DurableEvent[]>();
  for (let number = 0; number < chats; number += 1) {
    const chat = ChatId.parse(`web:person-${number}`);
    all.set(chat, await api.timeline(chat));
  }
  return all;
}
