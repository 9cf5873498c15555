/**
 * What an adapter shows only together with a host: a real one, with its inbox, its outbox and the rehearsal model
 * (docs/rehearsal.md) for an agent, which answers what the directives in a message say.
 */
import type { Channel } from "../../src/channel.ts";
import type { ChannelPeer } from "../peer.ts";
import type { Check } from "./check.ts";

/** A host under test. */
export interface HostUnderTest {
  /** Ends as a host that is killed: nothing is finished, nothing is told; then another one starts on its home. */
  kill(): Promise<void>;
  /** Ends as one that is told to; then another one starts on its home. */
  restart(): Promise<void>;
  /** Its home. */
  readonly home: string;
  status(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * @param channels made anew at each start of it
 * @param owners native ids of the people who own it, all others are strangers
 * @param chats native ids of the chats that it answers in
 */
export type OpenHost = (options: {
  readonly peer: ChannelPeer;
  readonly channels: () => readonly Channel[];
  readonly owners: readonly string[];
  readonly chats: readonly string[];
}) => Promise<HostUnderTest>;

export interface ContractHost {
  readonly peer: ChannelPeer;
  readonly host: HostUnderTest;
}

export const HOSTED: readonly Check<ContractHost>[] = [];

export async function openHosted(peer: ChannelPeer, open: OpenHost): Promise<ContractHost & AsyncDisposable> {
  const host = await open({ peer, channels: () => [peer.connect()], owners: [], chats: [] });
  return {
    peer,
    host,
    async [Symbol.asyncDispose]() {
      try {
        await host.close();
      } finally {
        await peer.close();
      }
    },
  };
}
