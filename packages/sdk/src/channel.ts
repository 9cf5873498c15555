/**
 * The channel contract: an adapter knows its platform and nothing else. No database, no retry
 * policy, no agent. It turns what the platform says into `Inbound`, and `Outbound` into one call.
 */

/** What a channel can do; the outbox and the turns read it instead of knowing platforms. */
export interface ChannelAbilities {
  /** Longest text of one message, in UTF-16 units. */
  readonly maxTextLength: number;
  /** Sending the same `Outbound.key` twice shows one message (G14). */
  readonly idempotent: boolean;
  readonly reactions: boolean;
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
  readonly sender: { readonly id: string; readonly name: string };
  readonly text: string;
  /** Platform id of the message this one answers. */
  readonly replyTo?: string | undefined;
  /** When the platform says it was written, ms since 1970. Never used for order (G3). */
  readonly sentAt?: number | undefined;
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
  | { readonly kind: "reaction"; readonly to: string; readonly emoji: string }
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
  /** Receives until `signal` aborts. Channels that are fed by Bellhop's own HTTP server have none. */
  listen?(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void>;
  /**
   * @throws TemporaryError not applied for sure, try again
   * @throws UnknownOutcomeError it may have been applied (G14)
   * @throws RejectedError it never will be
   * @throws ConfigError the account needs its operator
   */
  send(message: Outbound, signal: AbortSignal): Promise<Sent>;
}
