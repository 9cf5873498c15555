/**
 * The other side of a channel, as the contract suite needs it: the platform itself, or a strict fake of it. People
 * write on it, and what our adapter made of it is read from it, never from the adapter.
 */
import type { Channel } from "../src/channel.ts";

export interface PeerPerson {
  readonly id: string;
  readonly name: string;
  readonly bot?: boolean;
}

/** What goes wrong with the next calls of a kind. `calls`: how many of them; default 1. */
export type PeerFault = { readonly calls?: number } & (
  | { readonly how: "refuse" }
  /** Nobody answers on its address, whatever is called and however often, until `mend`. */
  | { readonly how: "unreachable" }
  /** 429; `applied` never. */
  | { readonly how: "slow down"; readonly retryAfterMs: number }
  | { readonly how: "server error"; readonly status: 500 | 502 | 503 }
  /** It is applied, and the connection is dropped before the answer. */
  | { readonly how: "drop after accept" }
  | { readonly how: "delay"; readonly ms: number }
  /** The answer ends in the middle. Applied. */
  | { readonly how: "truncate" }
  /** Half of the answer comes at once, and then one byte after the other, for ever. Applied. On a live connection: a frame. */
  | { readonly how: "trickle"; readonly everyMs: number }
  /** A frame of the live connection ends in the middle, and the connection with it. */
  | { readonly how: "close mid-frame" }
  /** The live connection stays open and says nothing more, whatever is sent over it; a new one is well. */
  | { readonly how: "go silent" }
  /** The next update comes twice. */
  | { readonly how: "duplicate" }
  /** The next two updates come in the other order. */
  | { readonly how: "reorder" }
  | { readonly how: "unauthorised" }
);

export type PeerCall = "send" | "edit" | "react" | "typing" | "file" | "listen";

/** A message as people see it now. */
export interface PeerMessage {
  readonly platformId: string;
  /** Id of the person; `us`: our adapter's account. */
  readonly from: string;
  /** What people read, without markup. */
  readonly text: string;
  readonly replyTo?: string | undefined;
  readonly file?: { readonly name: string; readonly content: Uint8Array } | undefined;
  readonly buttons?: readonly { readonly id: string; readonly label: string }[] | undefined;
  readonly reaction?: string | undefined;
}

export interface PeerChat {
  /** The native id, as the adapter says it in `Inbound.chat`. */
  readonly id: string;
  /** It is a thread of this chat, on a platform where every conversation is a thread: this is the one that is bound. */
  readonly threadOf?: string;
  says(
    person: PeerPerson,
    text: string,
    also?: {
      readonly replyTo?: string;
      readonly mentionsUs?: boolean;
      readonly file?: { readonly name: string; readonly type: string; readonly content: Uint8Array };
    },
  ): Promise<string>;
  /** Hands on what somebody else has written, as the platform has it; absent where it marks no such thing. */
  forwards?(person: PeerPerson, text: string): Promise<string>;
  edits?(person: PeerPerson, platformId: string, text: string): Promise<void>;
  deletes?(person: PeerPerson, platformId: string): Promise<void>;
  reacts?(person: PeerPerson, platformId: string, emoji: string): Promise<void>;
  presses?(person: PeerPerson, platformId: string, button: string): Promise<void>;
  /** What stands in it, oldest first. */
  messages(): readonly PeerMessage[];
  /** How often it was shown that we write. */
  typings?(): number;
}

/** What the suite is given for each adapter. */
export interface ChannelPeer {
  /** An adapter as a restarted host would make it; the peer stays as it is. */
  connect(): Channel;
  /** Their id as the adapter says it; absent where it is the person's own. */
  idOf?(person: PeerPerson): string;
  /** Of one person with us; the same each time. */
  direct(person: PeerPerson): PeerChat;
  /** Absent where the platform has only chats of one person with us. */
  group?(title: string): PeerChat;
  /** A thread or topic of a group; absent where the platform has none. */
  thread?(group: PeerChat, title: string): PeerChat;
  /** The next calls of that kind go wrong so. False where this platform cannot go wrong so. */
  fault(call: PeerCall, fault: PeerFault): boolean;
  /** Calls that changed something, oldest first: what was really asked for. */
  applied(call: PeerCall): number;
  /** Calls that came at all, whatever became of them. */
  asked(call: PeerCall): number;
  /** How long its adapter waits for an answer by itself, ms, as this peer has set it. */
  readonly patienceMs?: number | undefined;
  /** Cuts every live connection. */
  cut(): void;
  /** All faults are over, those too that were not used up. */
  mend(): Promise<void>;
  /** Resolves after anything changed on it. */
  changed(): Promise<void>;
  close(): Promise<void>;
}
