/**
 * Broker: what its door adds to a call of the model's API. The same calls go to the same scripted server in
 * turns, straight over TCP and through a door, so that whatever else the machine does falls on both.
 *
 * Server, broker and caller are processes of their own, as in life. The server stamps each event with the
 * machine's monotonic clock just as it writes it, and the caller reads the same clock when the event is there.
 */
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { percentile, type Summary, summarise } from "./stats.ts";

export interface BrokerOptions {
  /** Pairs of calls, one of each way. */
  readonly samples: number;
  /** Streams held at the same time. */
  readonly streams: number;
  readonly nodeFlags: readonly string[];
}

export interface Ways {
  readonly direct: Summary;
  readonly broker: Summary;
  /** Of the medians; the median of the rounds, and half of what lies between their quartiles. */
  readonly added: Summary;
}

export interface BrokerReport {
  /** ms from a request to the end of an answer that is not streamed. */
  readonly request: Ways;
  /** ms from the server's write of an event to its arrival. */
  readonly event: Ways;
  readonly held: {
    readonly streams: number;
    readonly complete: number;
    /** Of the broker's process: before them, and the most while they were held. */
    readonly restMiB: number;
    readonly heldMiB: number;
  };
  readonly ok: boolean;
}

/** Of a median, ms. */
const MOST_ADDED_MS = 1;
const ROUNDS = 20;
const WARM_UP = 100;
/** Of one streamed answer; apart far enough that one does not wait for another. */
const EVENTS = 20;
const EVENT_GAP_MS = 3;
/** How long the parallel streams stay open. */
const HELD_EVENTS = 20;
const HELD_GAP_MS = 100;

const Hello = z.union([z.object({ port: z.int() }), z.object({ sockets: z.array(z.string()) })]);
const Memory = z.object({ rss: z.number() });
const Event = z.object({ at: z.string() });

const BODY = JSON.stringify({
  model: "claude-sonnet-5-5",
  max_tokens: 1_000,
  system: "You are Bellhop. ".repeat(500),
  messages: [{ role: "user", content: "hello ".repeat(2_000) }],
});

export async function measureBroker({ samples, streams, nodeFlags }: BrokerOptions): Promise<BrokerReport> {
  const directory = await mkdtemp(join(tmpdir(), "bellhop-bench-"));
  const server = part("broker-server.ts", [], []);
  try {
    const { port } = Hello.options[0].parse(await hello(server));
    // A door takes 64 connections, and one engine's program uses a handful.
    const doors = Math.ceil(streams / 32);
    const broker = part("broker-door.ts", [directory, String(port), String(doors)], nodeFlags);
    try {
      const { sockets } = Hello.options[1].parse(await hello(broker));
      return await measure({ port, sockets, broker, samples, streams });
    } finally {
      await end(broker);
    }
  } finally {
    await end(server);
    await rm(directory, { recursive: true, force: true });
  }
}

interface Measured {
  readonly port: number;
  readonly sockets: readonly string[];
  readonly broker: ChildProcess;
  readonly samples: number;
  readonly streams: number;
}

async function measure({ port, sockets, broker, samples, streams }: Measured): Promise<BrokerReport> {
  const agent = new Agent({ keepAlive: true });
  const [socketPath = ""] = sockets;
  const ways = { direct: { agent, port }, broker: { agent, socketPath } };
  try {
    const one = async (way: Way) => [await askOnce(way)];
    const many = (way: Way) => askStreamed(way, EVENTS, EVENT_GAP_MS);
    const answered = await inTurns(ways, one, WARM_UP, samples);
    const arrived = await inTurns(ways, many, 5, Math.max(ROUNDS, Math.round(samples / EVENTS)));
    const held = await hold(sockets, streams, broker);
    const ok =
      answered.added.p50 <= MOST_ADDED_MS &&
      arrived.added.p50 <= MOST_ADDED_MS &&
      held.complete === held.streams;
    return { request: answered, event: arrived, held, ok };
  } finally {
    agent.destroy();
  }
}

type Way = { readonly agent: Agent } & ({ readonly port: number } | { readonly socketPath: string });

async function inTurns(
  ways: { readonly direct: Way; readonly broker: Way },
  take: (way: Way) => Promise<readonly number[]>,
  warmUp: number,
  samples: number,
): Promise<Ways> {
  for (let n = 0; n < warmUp; n += 1) for (const way of [ways.direct, ways.broker]) await take(way);
  const all = { direct: [] as number[], broker: [] as number[] };
  const added: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const here = { direct: [] as number[], broker: [] as number[] };
    for (let n = 0; n < Math.max(1, samples / ROUNDS); n += 1) {
      const order = n % 2 === 0 ? (["direct", "broker"] as const) : (["broker", "direct"] as const);
      for (const which of order) here[which].push(...(await take(ways[which])));
    }
    added.push(percentile(here.broker, 0.5) - percentile(here.direct, 0.5));
    all.direct.push(...here.direct);
    all.broker.push(...here.broker);
  }
  return { direct: summarise(all.direct), broker: summarise(all.broker), added: summarise(added) };
}

async function askOnce(way: Way): Promise<number> {
  const began = performance.now();
  const answer = await ask(way, {});
  for await (const _ of answer);
  if (answer.statusCode !== 200) throw new Error(`the call was answered ${answer.statusCode}`);
  return performance.now() - began;
}

/** How long each event was on its way, ms. */
async function askStreamed(way: Way, events: number, gapMs: number): Promise<number[]> {
  const answer = await ask(way, { "x-events": String(events), "x-gap": String(gapMs) });
  const taken: number[] = [];
  let rest = "";
  for await (const chunk of answer) {
    const now = process.hrtime.bigint();
    rest += String(chunk);
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { data } = Event.safeParse(line.startsWith("data: ") ? JSON.parse(line.slice(6)) : {});
      if (data) taken.push(Number(now - BigInt(data.at)) / 1e6);
    }
  }
  if (taken.length !== events) throw new Error(`${taken.length} events came of ${events}`);
  return taken;
}

function ask(way: Way, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({
      ...way,
      method: "POST",
      path: "/v1/messages?beta=true",
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(BODY), ...headers },
    });
    asked.setNoDelay(true);
    asked.once("error", reject);
    asked.once("response", resolve);
    asked.end(BODY);
  });
}

async function hold(
  sockets: readonly string[],
  streams: number,
  broker: ChildProcess,
): Promise<BrokerReport["held"]> {
  const restMiB = await memory(broker);
  const agent = new Agent();
  const open = Array.from({ length: streams }, async (_, n) => {
    const way = { agent, socketPath: sockets[n % sockets.length] ?? "" };
    return (await askStreamed(way, HELD_EVENTS, HELD_GAP_MS)).length === HELD_EVENTS;
  });
  let heldMiB = restMiB;
  const over = Promise.allSettled(open);
  // Looked at in the middle, when all of them are open.
  await Promise.race([over, new Promise((resolve) => setTimeout(resolve, (HELD_EVENTS * HELD_GAP_MS) / 2))]);
  heldMiB = Math.max(heldMiB, await memory(broker));
  const ends = await over;
  const complete = ends.filter((end) => end.status === "fulfilled" && end.value).length;
  return { streams, complete, restMiB, heldMiB: Math.max(heldMiB, await memory(broker)) };
}

async function memory(broker: ChildProcess): Promise<number> {
  const told = once(broker, "message");
  broker.send("memory");
  const [message]: unknown[] = await told;
  return Memory.parse(message).rss / (1024 * 1024);
}

function part(file: string, args: readonly string[], nodeFlags: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, [...args], { execArgv: [...nodeFlags], stdio: ["ignore", "ignore", "inherit", "ipc"] });
}

async function hello(child: ChildProcess): Promise<unknown> {
  const [message]: unknown[] = await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => {
      throw new Error(`a part of the bench ended with ${String(code)} before it was ready`);
    }),
  ]);
  return message;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.disconnect();
  await gone;
}
