/**
 * Latency: from a message to the first piece of its answer, through Bellhop's HTTP API and at the
 * floor, in turns, so that whatever else the machine does falls on both.
 *
 * Warm: the next message of a conversation whose sandbox is up. Cold: the first of a new one, with no
 * sandbox anywhere. Each side answers once before anything is counted.
 */
import { setTimeout as pause } from "node:timers/promises";
import { ChatId } from "../packages/host/src/core/ids.ts";
import { type Api, createApi } from "./api.ts";
import { type Floor, openFloor } from "./floor.ts";
import { startHost, temporaryHome } from "./host.ts";
import { type Summary, summarise } from "./stats.ts";

export interface LatencyOptions {
  /** Samples of each kind. */
  readonly warm: number;
  readonly cold: number;
  /** Flags of the Node that runs the hosts, for profiles. */
  readonly nodeFlags?: readonly string[];
}

export interface Compared {
  readonly bellhop: Summary;
  readonly floor: Summary;
}

export interface LatencyReport {
  readonly warm: Compared;
  readonly cold: Compared;
}

const QUESTION = "say: hi";
const LOOK_AGAIN_MS = 20;

export async function measureLatency(options: LatencyOptions): Promise<LatencyReport> {
  const { nodeFlags = [] } = options;
  await using floorHome = await temporaryHome();
  const floor = await openFloor(floorHome.path);
  try {
    const warm = await withHost({}, nodeFlags, (bellhop) => measureWarm(bellhop, floor, options.warm));
    // No sandbox stays, so that each message finds none.
    const settings = { sandbox: { idleMinutes: 0 } };
    const cold = await withHost(settings, nodeFlags, (bellhop) => measureCold(bellhop, floor, options.cold));
    return { warm, cold };
  } finally {
    await floor.close();
  }
}

async function measureWarm(bellhop: Bellhop, floor: Floor, samples: number): Promise<Compared> {
  const chat = ChatId.parse("web:warm");
  const session = await floor.open();
  await bellhop.ask(chat);
  await session.ask(QUESTION);
  const compared = await inTurns(
    samples,
    () => bellhop.ask(chat),
    () => session.ask(QUESTION),
  );
  await session.close();
  return compared;
}

async function measureCold(bellhop: Bellhop, floor: Floor, samples: number): Promise<Compared> {
  async function atFloor(): Promise<number> {
    const began = performance.now();
    const session = await floor.open();
    const opened = performance.now() - began;
    const answered = await session.ask(QUESTION);
    await session.close();
    return opened + answered;
  }
  async function throughBellhop(index: number): Promise<number> {
    const took = await bellhop.ask(ChatId.parse(`web:cold-${index}`));
    await bellhop.noRooms();
    return took;
  }
  await throughBellhop(-1);
  await atFloor();
  return await inTurns(samples, throughBellhop, atFloor);
}

/** Neither side always goes first. */
async function inTurns(
  samples: number,
  bellhop: (index: number) => Promise<number>,
  floor: (index: number) => Promise<number>,
): Promise<Compared> {
  const took: { bellhop: number[]; floor: number[] } = { bellhop: [], floor: [] };
  for (let index = 0; index < samples; index += 1) {
    const order = index % 2 === 0 ? (["bellhop", "floor"] as const) : (["floor", "bellhop"] as const);
    for (const side of order) took[side].push(await { bellhop, floor }[side](index));
  }
  return { bellhop: summarise(took.bellhop), floor: summarise(took.floor) };
}

interface Bellhop {
  /** ms from just before the message is posted to the first piece of its answer; resolves when all is told. */
  ask(chat: ChatId): Promise<number>;
  /** Resolves when no sandbox is left. */
  noRooms(): Promise<void>;
}

async function withHost<T>(
  settings: object,
  nodeFlags: readonly string[],
  use: (bellhop: Bellhop) => Promise<T>,
): Promise<T> {
  await using home = await temporaryHome({ ...settings });
  const host = startHost(home.path, nodeFlags);
  const api = createApi(await host.ready);
  const ended = new AbortController();
  const asked = await createAsking(api, ended.signal);
  try {
    return await use(asked);
  } finally {
    ended.abort();
    await host.stop();
    api.close();
  }
}

async function createAsking(api: Api, signal: AbortSignal): Promise<Bellhop> {
  const events = api.events({ signal });
  let number = 0;

  return {
    async ask(chat) {
      number += 1;
      const posted = performance.now();
      const accepted = api.post(chat, { id: `ask-${number}`, text: QUESTION });
      let first: number | undefined;
      let over = false;
      let said = false;
      while (!over || !said) {
        const { value: arrived, done } = await events.next();
        if (done) throw new Error("the host ended in the middle of an answer");
        const { event, at } = arrived;
        if (event.chat !== chat) continue;
        if (event.type === "delta") first ??= at - posted;
        if (event.type === "turn" && event.state === "failed") throw new Error(`no answer: ${event.reason}`);
        over ||= event.type === "turn" && event.state === "done";
        said ||= event.type === "message" && event.direction === "out";
      }
      await accepted;
      if (first === undefined) throw new Error("the answer came without having been streamed");
      return first;
    },
    async noRooms() {
      while ((await api.status()).rooms.length > 0) await pause(LOOK_AGAIN_MS);
    },
  };
}
