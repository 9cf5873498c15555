/**
 * The ambiguity rule (G14) as a table: what goes wrong with a message, what the adapter throws then, and how
 * often people see that message once its host has done what it does, by what the channel promises about a
 * message that is sent again. docs/channels.md shows the same table.
 */
import type { ChannelAbilities } from "../../src/channel.ts";
import { ConfigError, RejectedError, TemporaryError, UnknownOutcomeError } from "../../src/errors.ts";
import type { PeerFault } from "../peer.ts";

type Resend = ChannelAbilities["resend"]["how"];

export interface Ambiguity {
  readonly fault: PeerFault;
  readonly throws:
    | typeof TemporaryError
    | typeof UnknownOutcomeError
    | typeof RejectedError
    | typeof ConfigError;
  /** Whether the platform has done it all the same. */
  readonly applied: boolean;
  /** How often people see it in the end. 0: they are told that it could not be delivered, or it is kept. */
  readonly seen: Readonly<Record<Resend, number>>;
}

const NEVER = { once: 0, lookup: 0, twice: 0 };
const ONCE = { once: 1, lookup: 1, twice: 1 };
const TWICE_AT_MOST = { once: 1, lookup: 1, twice: 2 };

/** Whether it lasts until the adapter's own patience ends, so that whoever sets it has to know that. */
export const needsPatience = ({ how }: PeerFault): boolean => how === "delay" || how === "trickle";

export const RETRY_AFTER_MS = 1_000;

export const AMBIGUITY: readonly Ambiguity[] = [
  { fault: { how: "refuse" }, throws: RejectedError, applied: false, seen: NEVER },
  { fault: { how: "unauthorised" }, throws: ConfigError, applied: false, seen: NEVER },
  { fault: { how: "unreachable" }, throws: TemporaryError, applied: false, seen: ONCE },
  {
    fault: { how: "slow down", retryAfterMs: RETRY_AFTER_MS },
    throws: TemporaryError,
    applied: false,
    seen: ONCE,
  },
  { fault: { how: "server error", status: 500 }, throws: UnknownOutcomeError, applied: false, seen: ONCE },
  { fault: { how: "server error", status: 502 }, throws: UnknownOutcomeError, applied: false, seen: ONCE },
  { fault: { how: "server error", status: 503 }, throws: UnknownOutcomeError, applied: false, seen: ONCE },
  { fault: { how: "drop after accept" }, throws: UnknownOutcomeError, applied: true, seen: TWICE_AT_MOST },
  { fault: { how: "truncate" }, throws: UnknownOutcomeError, applied: true, seen: TWICE_AT_MOST },
  // As long as it takes: the adapter's own patience ends first (`ChannelPeer.patienceMs`).
  { fault: { how: "delay", ms: 600_000 }, throws: UnknownOutcomeError, applied: true, seen: TWICE_AT_MOST },
  // Bytes are no answer: it ends there too.
  {
    fault: { how: "trickle", everyMs: 50 },
    throws: UnknownOutcomeError,
    applied: true,
    seen: TWICE_AT_MOST,
  },
];
