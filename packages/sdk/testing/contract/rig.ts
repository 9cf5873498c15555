/**
 * An adapter between its peer and somebody who treats it as the host does: listens from the last cursor that was
 * committed, keeps what was heard, listens again when it throws, and can be restarted in between.
 */
import type { Accept, Channel, Inbound, Outbound, Sent } from "../../src/channel.ts";
import { ConfigError, TemporaryError } from "../../src/errors.ts";
import { type Changes, createChanges } from "../fake/changes.ts";
import type { ChannelPeer, PeerChat, PeerPerson } from "../peer.ts";
import { fail, within } from "./check.ts";
import { held } from "./holding.ts";

export interface Rig {
  readonly peer: ChannelPeer;
  readonly channel: Channel;
  /** All that was heard, copies included. */
  readonly heard: readonly Inbound[];
  /** Why it stopped listening, each time. */
  readonly stopped: readonly unknown[];
  /** Of the last one that was committed. */
  readonly cursor: string | undefined;
  /** Resolves with the first that fits, heard already or heard then. */
  hears(what: string, fits: (inbound: Inbound) => boolean): Promise<Inbound>;
  /** Somebody says it in a chat of theirs alone, and it is heard: whatever was said before them has been too. */
  marker(): Promise<void>;
  /** Resolves once this is true. */
  until(what: string, look: () => boolean): Promise<void>;
  /** What listening holds on to just now (holding.ts). */
  held(): ReturnType<typeof held>;
  send(message: Unkeyed, signal?: AbortSignal): Promise<Sent>;
  /** What comes from now on waits for `release` before it is committed; what was not is lost by a restart. */
  hold(): void;
  release(): void;
  /** How many wait to be committed. */
  readonly waiting: number;
  /** As a host that died, or that was stopped: another adapter, from the last cursor that was committed. */
  restart(from?: { readonly cursor: string | undefined }): Promise<void>;
  /** Tells it to stop, and resolves when it has. */
  stop(): Promise<void>;
}

export type Unkeyed = Outbound extends infer One
  ? One extends Outbound
    ? Omit<One, "key"> & { key?: string }
    : never
  : never;

export const ANN: PeerPerson = { id: "7001", name: "Ann" };
export const BEN: PeerPerson = { id: "7002", name: "Ben" };
export const ROBOT: PeerPerson = { id: "7003", name: "Robot", bot: true };
/** As the adapter says it. */
export const idOf = (peer: ChannelPeer, person: PeerPerson): string => peer.idOf?.(person) ?? person.id;

const CAT: PeerPerson = { id: "7006", name: "Cat" };

/** A chat beside Ann's and Ben's own: of both of them, or of somebody else's alone where there are no others. */
export function beside(peer: ChannelPeer): {
  readonly chat: PeerChat;
  readonly people: readonly [PeerPerson, PeerPerson];
} {
  if (peer.group) return { chat: peer.group("The kitchen"), people: [ANN, BEN] };
  return { chat: peer.direct(CAT), people: [CAT, CAT] };
}

const MARKER: PeerPerson = { id: "7009", name: "Marker" };

/** How long an adapter may take for anything that it is not kept from. */
export const PATIENCE_MS = 10_000;
/** Before it is asked to listen again: long enough that a hot loop shows, short enough to wait for. */
const AGAIN_MS = 20;

let keys = 0;

export async function openRig(peer: ChannelPeer): Promise<Rig & AsyncDisposable> {
  const changes: Changes = createChanges();
  const heard: Inbound[] = [];
  const stopped: unknown[] = [];
  let cursor: string | undefined;
  let waiting: (() => void)[] = [];
  let holding = false;
  let markers = 0;
  let channel = peer.connect();
  let stopping = new AbortController();
  let over = listen(channel, stopping.signal);

  async function accept(inbound: Inbound, at: string | undefined, signal: AbortSignal): Promise<void> {
    if (holding) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        changes.note();
      });
    }
    if (signal.aborted) throw new TemporaryError("whoever listened is gone: nothing is committed any more");
    heard.push(inbound);
    if (at !== undefined) cursor = at;
    changes.note();
  }

  /** A cursor alone waits for nobody: `hold` is about messages. */
  async function keep(at: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new TemporaryError("whoever listened is gone: nothing is committed any more");
    cursor = at;
  }

  async function listen(one: Channel, signal: AbortSignal): Promise<void> {
    while (one.listen && !signal.aborted) {
      try {
        const take: Accept = (inbound, at) => accept(inbound, at, signal);
        await one.listen(cursor, Object.assign(take, { keep: (at: string) => keep(at, signal) }), signal);
        if (!signal.aborted) stopped.push(new TemporaryError("it stopped listening by itself"));
      } catch (error) {
        if (!signal.aborted) stopped.push(error);
      }
      changes.note();
      if (stopped.at(-1) instanceof ConfigError) return; // its operator has to mend it first
      await new Promise((resolve) => {
        setTimeout(resolve, AGAIN_MS);
      });
    }
  }

  async function stop(): Promise<void> {
    stopping.abort(new Error("the host stops"));
    for (const go of waiting.splice(0)) go();
    await within(PATIENCE_MS, "it ends when it is told to", over);
  }

  const until = (what: string, look: () => boolean) =>
    within(
      PATIENCE_MS,
      what,
      (async () => {
        while (!look()) {
          const change = Promise.race([changes.changed(), peer.changed()]);
          if (!look()) await change;
        }
      })(),
    );

  return {
    peer,
    get channel() {
      return channel;
    },
    heard,
    stopped,
    get cursor() {
      return cursor;
    },
    get waiting() {
      return waiting.length;
    },
    async hears(what, fits) {
      await until(`heard: ${what}`, () => heard.some(fits));
      return heard.find(fits) ?? fail(`heard: ${what}`);
    },
    async marker() {
      markers += 1;
      const text = `marker ${markers}`;
      await peer.direct(MARKER).says(MARKER, text);
      await until(`heard: ${text}`, () => heard.some((one) => one.text === text));
    },
    until,
    held: () => held(stopping.signal),
    send: (message, signal = new AbortController().signal) =>
      channel.send({ ...message, key: message.key ?? `contract-${++keys}` }, signal),
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      for (const go of waiting.splice(0)) go();
    },
    async restart(from) {
      await stop();
      if (from) cursor = from.cursor;
      waiting = [];
      holding = false;
      stopping = new AbortController();
      channel = peer.connect();
      over = listen(channel, stopping.signal);
    },
    stop,
    async [Symbol.asyncDispose]() {
      try {
        await stop();
      } finally {
        await peer.close();
      }
    },
  };
}
