/**
 * The errors we throw on purpose. The class tells the caller what to do next; the message
 * tells a person what happened and how to mend it.
 */
export abstract class BellhopError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Try again: after `retryAfterMs` if somebody named a time, else with backoff. */
export class TemporaryError extends BellhopError {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | undefined } = {}) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The other side may have taken it, and cannot say: never resend blindly (G14). */
export class UnknownOutcomeError extends BellhopError {}

/** Trying again cannot help: park it and tell whoever asked. */
export class RejectedError extends BellhopError {}

/** Only the operator can mend this: stop the part it concerns and show the message. */
export class ConfigError extends BellhopError {}

/** Somebody else has taken over (an older fence, a closed turn): stop and write nothing (G7). */
export class StaleError extends BellhopError {}
