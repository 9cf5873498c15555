/**
 * What a check of the contract is: a plain function that throws where an adapter does not keep its word. So the
 * checks run under any runner of tests, and without one.
 */
import { AssertionError, ok } from "node:assert";
import type { Channel } from "../../src/channel.ts";
import type { ChannelPeer, PeerCall, PeerFault } from "../peer.ts";
import type { Rig } from "./rig.ts";

export interface Check<Given = Rig> {
  /** Of the contract's points, docs/channels.md. */
  readonly point: number;
  /** What the adapter does; completes a sentence that begins with its name. */
  readonly says: string;
  /**
   * Why this adapter cannot be asked for it: by what it declares and what its platform has, never because a
   * test says so. Undefined: it can.
   */
  without?: Lack;
  run(given: Given): Promise<void>;
}

/** What an adapter or its platform has not, as far as it stands in the way of a check. */
export type Lack = (channel: Channel, peer: ChannelPeer) => string | undefined | Promise<string | undefined>;

/** It had its time, and did not do it. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new AssertionError({ message: `not within ${ms / 1000} s: ${what}` })),
    ms,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A sentence for its operator, which can stand in one line of a table and of a log. */
export function oneLine(words: string | undefined): void {
  ok(words !== undefined && words.length > 20, `it does not say what is wrong: ${words}`);
  ok(words.length <= 300 && !/[\r\n\u2028]/.test(words), `it is more than one line: ${words}`);
}

export function fail(message: string): never {
  throw new AssertionError({ message });
}

/** What a call came to: its result, or what it threw. */
export async function outcome(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

/** Where an adapter is not fed by its platform: what people do reaches it by Bellhop's own server. */
export const needsListen = ({ listen }: Channel): string | undefined =>
  listen ? undefined : "it is fed by Bellhop's own server";

/** Where nobody but one person and we are in a chat. */
export const needsGroups: Lack = (_, { group }) => (group ? undefined : "it has no chats of several people");

/** The first reason of these that holds. */
export function without(...lacks: readonly Lack[]): Lack {
  return async (channel, peer) => {
    for (const lack of lacks) {
      const why = await lack(channel, peer);
      if (why !== undefined) return why;
    }
    return undefined;
  };
}

/** Asks the peer whether this can go wrong there; nothing stays set. */
export function cannot(call: PeerCall, fault: PeerFault): Lack {
  return async (_, peer) => {
    const can = peer.fault(call, fault);
    await peer.mend();
    return can ? undefined : `nothing there can go wrong so: ${call}, ${fault.how}`;
  };
}
