/** What comes after a failed attempt, decided from its failure alone (guarantees 1.6, G22, G23). Pure. */
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS, fullJitter } from "../core/backoff.ts";
import type { EngineFailure, FailureClass } from "./engine.ts";

/** Where a provider asks to wait and does not say how long. */
const RATE_LIMIT_WAIT_MS = 10_000;
/** A container engine that is restarted takes some seconds. */
const UNREADY_WAIT_MS = 5_000;

export interface Attempted {
  /** Attempts charged so far, the failed one included, and how many there may be (G11). */
  readonly attempt: number;
  readonly attempts: number;
  /** When the turn began, and now; ms. */
  readonly createdAt: number;
  readonly now: number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** When to try again, or undefined: never. */
export function retryAt(
  { class: kind, retryAfterMs }: EngineFailure,
  attempted: Attempted,
): number | undefined {
  const { attempt, attempts, createdAt, now, random } = attempted;
  switch (kind) {
    case "rate_limited": {
      // The longer a service has turned us away, the longer we leave it alone.
      const patience = Math.min(BACKOFF_CAP_MS, (now - createdAt) / 2);
      return now + Math.max(retryAfterMs ?? RATE_LIMIT_WAIT_MS, patience) + random() * BACKOFF_BASE_MS;
    }
    case "unready": {
      const patience = Math.min(BACKOFF_CAP_MS, (now - createdAt) / 2);
      return now + Math.max(UNREADY_WAIT_MS, patience) + random() * BACKOFF_BASE_MS;
    }
    case "transient":
    case "crashed":
    case "resource":
    case "script":
    case "stale_position":
    case "stale_session":
      return attempt >= attempts ? undefined : now + fullJitter(attempt, random);
    case "auth": // held, not tried again: see endings.ts
    case "permanent":
    case "refused":
    case "overflow":
    case "budget":
    case "cancelled":
      return undefined;
    default:
      return kind satisfies never;
  }
}

/**
 * The ladder for a stored conversation that cannot be resumed: the first rung that fits and was not
 * tried yet. A rung that failed the same way leads to the next.
 */
export function nextRung(
  { class: kind }: EngineFailure,
  tried: ReadonlySet<FailureClass>,
): "stale_position" | "stale_session" | undefined {
  if (kind === "stale_position" && !tried.has("stale_position")) return "stale_position";
  if ((kind === "stale_position" || kind === "stale_session") && !tried.has("stale_session"))
    return "stale_session";
  return undefined;
}

/** What only the engine can know. */
const ENGINE_KNOWS: readonly FailureClass[] = ["stale_position", "stale_session", "cancelled", "refused"];

/** The broker saw the provider's real answer: its word comes first, except on what only the engine can know. */
export function judged(said: EngineFailure, seen: EngineFailure | undefined): EngineFailure {
  if (seen !== undefined && !ENGINE_KNOWS.includes(said.class)) return seen;
  // Whether our key is refused, only the broker can know: a refusal at the door looks the same from inside.
  return said.class === "auth" ? { ...said, class: "transient" } : said;
}
