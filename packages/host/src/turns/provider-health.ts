/**
 * Whether the model's service can be asked just now (G24).
 *
 * - It refuses our key: every turn is held, without an attempt being charged. The service is asked now
 *   and then, without a model call, whether it takes the key again; then all that was held goes on.
 * - It asks us to wait: nobody asks it before then.
 * - It keeps failing: a breaker keeps turns away for a while and lets one through as a probe.
 *
 * What an attempt says of the service is what the broker saw; an agent that dies says nothing of it.
 */
import { createBreaker } from "../core/breaker.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { Notices } from "../outbox/notices.ts";
import type { EngineFailure } from "./engine.ts";

/** G24's pace for probes: 30 s, doubling to 10 min. */
const FIRST_CHECK_MS = 30_000;
const LAST_CHECK_MS = 10 * 60_000;

/** Whoever has another service to ask need not wait longer than this for one that asks us to. */
const LONG_WAIT_MS = 60_000;
/** Nor be the one who finds out once more that it fails, so soon after so many failures in a row. */
const FAILURES_TO_TURN_AWAY = 2;
const TURN_AWAY_MS = 30_000;

export interface ProviderHealthParts {
  readonly provider: string;
  /** Asks the service, at no cost, whether it takes our key. Rejects when that cannot be told. */
  readonly check: (provider: string) => Promise<boolean>;
  /** It takes the key again. */
  readonly onUsable: () => Promise<void>;
  readonly notices: Pick<Notices, "tell">;
  readonly clock: Clock;
  readonly log: Log;
}

export type Admitted =
  | { readonly may: true }
  /** Nothing is to be tried until the key works again. */
  | { readonly may: false; readonly because: "refused" }
  | { readonly may: false; readonly because: "waiting" | "failing"; readonly until: number };

export type ProviderHealth = ReturnType<typeof createProviderHealth>;

export function createProviderHealth(parts: ProviderHealthParts) {
  const { provider, check, onUsable, notices, clock, log } = parts;
  const breaker = createBreaker(clock);
  /** By the wall clock: when the service may be asked again, as it said itself. */
  let waitsUntil = 0;
  let failedInARow = 0;
  /** By the monotonic clock. */
  let failedLast = 0;
  /** From the first refusal to the first success: a key may be known and yet, say, have no money. */
  let incident: { paceMs: number } | undefined;
  /** Nothing is tried; when it ends is asked. Cancels the asking. */
  let refusal: { cancel: () => void } | undefined;

  function refused(detail: string): void {
    if (refusal) return;
    refusal = { cancel: () => undefined };
    if (incident) {
      incident.paceMs = Math.min(LAST_CHECK_MS, incident.paceMs * 2);
      return checkIn(incident.paceMs);
    }
    incident = { paceMs: FIRST_CHECK_MS };
    void notices.tell(
      `provider:${provider}:${clock.now()}`,
      `The model's service (${provider}) refuses our key: ${detail}. Renew it in .env, or mend the account; until then messages go over another model route if there is one, and else are kept.`,
    );
    checkIn(FIRST_CHECK_MS);
  }

  function checkIn(ms: number): void {
    if (!refusal || !incident) return;
    incident.paceMs = ms;
    refusal.cancel = clock.after(ms, () => {
      check(provider)
        .catch((error: unknown) => {
          log.info({ err: error, provider }, "whether the key works again could not be told");
          return false;
        })
        .then(async (usable) => (usable ? await accepted() : checkIn(Math.min(LAST_CHECK_MS, ms * 2))))
        .catch((error: unknown) => {
          log.error({ err: error, provider }, "held turns could not be released; trying again");
          refusal ??= { cancel: () => undefined };
          checkIn(FIRST_CHECK_MS);
        });
    });
  }

  async function accepted(): Promise<void> {
    refusal = undefined;
    log.info({ provider }, "the model's service takes our key again");
    await onUsable();
  }

  return {
    provider,

    /** Whether an attempt may begin. Whoever may says afterwards what it heard. */
    admit(): Admitted {
      if (refusal) return { may: false, because: "refused" };
      if (waitsUntil > clock.now()) return { may: false, because: "waiting", until: waitsUntil };
      if (breaker.admit()) return { may: true };
      return { may: false, because: "failing", until: breaker.until ?? clock.now() };
    },

    /** Nothing was heard of the service in an attempt. */
    unheard(): void {
      breaker.notMade();
    },

    /** How the service behaved in an attempt: its failure, or none. */
    heard(failure: EngineFailure | undefined): void {
      if (failure?.class === "auth") return refused(failure.detail);
      if (failure?.class === "rate_limited" && failure.retryAfterMs !== undefined) {
        waitsUntil = Math.max(waitsUntil, clock.now() + Math.min(failure.retryAfterMs, LAST_CHECK_MS));
        return;
      }
      if (failure?.class === "transient" || failure?.class === "rate_limited") {
        failedInARow += 1;
        failedLast = clock.monotonic();
        return breaker.failed();
      }
      // Whatever else went wrong, the service has answered.
      incident = undefined;
      failedInARow = 0;
      breaker.ok();
    },

    /**
     * From when on it is worth being asked by who could as well ask another one; by the wall clock, and in the
     * past while nothing is wrong. undefined: nobody knows. It says less than `admit`, and changes nothing.
     */
    worthAsking(): number | undefined {
      if (refusal) return undefined;
      const now = clock.now();
      const asked = waitsUntil > now + LONG_WAIT_MS ? waitsUntil : 0;
      const away = failedInARow < FAILURES_TO_TURN_AWAY ? 0 : TURN_AWAY_MS - (clock.monotonic() - failedLast);
      return Math.max(asked, now + Math.max(0, away, breaker.waitMs));
    },

    /** For `status`: undefined while nothing is wrong. */
    trouble(): string | undefined {
      if (refusal) return `${provider} refuses our key`;
      if (waitsUntil > clock.now()) return `${provider} asks us to wait`;
      return breaker.state === "closed" ? undefined : `${provider} keeps failing`;
    },

    close(): void {
      refusal?.cancel();
    },
  };
}
