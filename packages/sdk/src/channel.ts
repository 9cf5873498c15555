/**
 * The channel contract: an adapter knows its platform and nothing else. No database, no retry
 * policy, no agent. It turns what the platform says into `Inbound`, and `Outbound` into one call.
 */
import type { Readable } from "node:stream";

/** How a platform counts the length of a text. */
export type LengthUnit = "utf16" | "codepoints" | "bytes";

/** So many calls in so long a time, with as many at once as come in a burst. */
export interface Rate {
  readonly calls: number;
  readonly perMs: number;
}

/** What a channel can do; the outbox and the turns read it instead of knowing platforms. */
export interface ChannelAbilities {
  /** Longest text of one message, in `lengthUnit`. */
  readonly maxTextLength: number;
  readonly lengthUnit: LengthUnit;
  /**
   * What becomes of a message that is sent again under the same `Outbound.key` (G14).
   * `once`: it is shown once, for ever or for `forMs` after the first try. `lookup`: the channel can tell
   * by `find` whether it arrived. `twice`: it may be shown twice.
   */
  readonly resend:
    | { readonly how: "once"; readonly forMs?: number | undefined }
    | { readonly how: "lookup" }
    | { readonly how: "twice" };
  readonly reactions: boolean;
  /** A message may quote the one it answers. */
  readonly quotes: boolean;
  /** Text that was sent may be changed: `edit` is there. */
  readonly edits: boolean;
  /** `typing` is there; what it shows goes by itself after so many ms. */
  readonly typingMs?: number | undefined;
  /** Files of up to so many bytes can be sent; absent where the channel takes none. */
  readonly maxFileBytes?: number | undefined;
  /**
   * The account is its owner's own, and people take what is sent there for theirs. What that account writes
   * (`InboundSender.self`) is the owner's word then, unless we sent it; what we send carries our name; and no
   * stranger is answered there. Default: the account is the assistant's alone.
   */
  readonly personal?: boolean | undefined;
  /** How fast the platform lets us write (G15). */
  readonly rate?: { readonly chat?: Rate | undefined; readonly account?: Rate | undefined } | undefined;
}

/** A file that came with a message. It is fetched only once the message was admitted. */
export interface InboundFile {
  /** As the sender named it; not a path, and not trusted to be a name. */
  readonly name: string;
  /** What the platform says it is; the content decides. */
  readonly type?: string | undefined;
  /** What the platform says it measures. */
  readonly bytes?: number | undefined;
  /**
   * @throws TemporaryError try again
   * @throws RejectedError it is not to be had
   */
  open(signal: AbortSignal): Promise<Readable>;
}

export interface InboundSender {
  readonly id: string;
  readonly name: string;
  /** A program wrote it. */
  readonly bot?: boolean | undefined;
  /** The assistant's own account wrote it. */
  readonly self?: boolean | undefined;
}

/** One thing a person did on a platform. */
export interface Inbound {
  /** The platform's own id of the message; with `kind` and `version` it is the dedupe key (G2). */
  readonly platformId: string;
  readonly kind: "message" | "edit" | "delete";
  /** 0 for the original, counted up by edits. */
  readonly version: number;
  /** Native id of the conversation, without channel and account. */
  readonly chat: string;
  readonly chatTitle?: string | undefined;
  /** A conversation of one person with the assistant alone. */
  readonly direct?: boolean | undefined;
  readonly sender: InboundSender;
  readonly text: string;
  /** In one or two words, what it is where it is no text: `location`, `poll`, `sticker`. */
  readonly nonText?: string | undefined;
  /** The platform says that the assistant is addressed: its own kind of mention. */
  readonly mentionsUs?: boolean | undefined;
  /** Platform id of the message this one answers. */
  readonly replyTo?: string | undefined;
  /** When the platform says it was written, ms since 1970. Never used for order (G3). */
  readonly sentAt?: number | undefined;
  readonly files?: readonly InboundFile[] | undefined;
}

/** A file that is to be sent. */
export interface OutboundFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  /** Its content from the beginning, each time it is called. */
  open(): Readable;
}

/** One thing the host owes to a chat. `key` never changes over retries (G12). */
export type Outbound = {
  readonly key: string;
  readonly chat: string;
} & (
  | {
      readonly kind: "text";
      readonly text: string;
      /** A name other than the assistant's, where an agent speaks for a subagent. */
      readonly sender?: string | undefined;
      readonly replyTo?: string | undefined;
    }
  | {
      readonly kind: "file";
      readonly file: OutboundFile;
      /** Its caption; may be empty. */
      readonly text: string;
      readonly replyTo?: string | undefined;
    }
  | {
      readonly kind: "reaction";
      readonly to: string;
      /** Replaces the assistant's reaction to that message; empty takes it away. */
      readonly emoji: string;
    }
);

export interface Sent {
  /** The platform's id of what was sent; reactions have none of their own. */
  readonly platformId: string;
}

/**
 * Commits one inbound message and, in the same transaction, the platform's cursor (G1).
 * Resolves only once both are on disk: acknowledge to the platform after that, never before.
 */
export type Accept = (inbound: Inbound, cursor?: string) => Promise<void>;

export interface Channel {
  /** `telegram`, `web`, …: the first part of every chat address. */
  readonly name: string;
  /** The account this instance speaks for, or `""` where a channel has one. */
  readonly account: string;
  readonly abilities: ChannelAbilities;
  /**
   * Receives until `signal` aborts. Channels that are fed by Bellhop's own HTTP server have none.
   * Whoever calls it calls it again when it throws, with patience by the class of the error.
   */
  listen?(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void>;
  /**
   * @throws TemporaryError not applied for sure, try again
   * @throws UnknownOutcomeError it may have been applied (G14)
   * @throws RejectedError it never will be
   * @throws ConfigError the account needs its operator
   */
  send(message: Outbound, signal: AbortSignal): Promise<Sent>;
  /** Replaces the text of a message that was sent; the same again changes nothing. Throws as `send` does. */
  edit?(message: { chat: string; platformId: string; text: string }, signal: AbortSignal): Promise<void>;
  /** Shows that an answer is being written; it goes by itself. Throws as `send` does. */
  typing?(chat: string, signal: AbortSignal): Promise<void>;
  /** Whether what was sent under this key has arrived (`resend: lookup`). Throws as `send` does. */
  find?(message: { chat: string; key: string }, signal: AbortSignal): Promise<Sent | undefined>;
}
