/**
 * Access tokens of one account, for both of its servers together. One is asked for when it is needed, by one request at
 * a time, and used until a minute before its end. A refresh token that comes with it is on disk before it is used.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { Kept } from "./kept.ts";
import type { Tokens } from "./login.ts";
import type { Grant, Oauth } from "./oauth.ts";

/** A connection that is being made takes its time. */
const BEFORE_END_MS = 60_000;

export interface TokenParts {
  readonly oauth: Pick<Oauth, "refresh">;
  readonly kept: Kept;
  readonly now: () => number;
  /** Ends a request that is under way. */
  readonly signal: AbortSignal;
}

export function createTokens({ oauth, kept, now, signal: ending }: TokenParts): Tokens {
  let refreshToken = kept.newest();
  let isKept = true;
  let current: Pick<Grant, "accessToken" | "until"> | undefined;
  let asking: Promise<string> | undefined;

  async function renew(): Promise<string> {
    await keep(); // what could not be written the last time
    const grant = await oauth.refresh(refreshToken, ending);
    if (grant.refreshToken !== undefined && grant.refreshToken !== refreshToken) {
      refreshToken = grant.refreshToken;
      isKept = false;
      await keep();
    }
    current = grant;
    return grant.accessToken;
  }

  /** The old one may be worth nothing: without this one on disk a restart would be the end of the sign-in. */
  async function keep(): Promise<void> {
    if (isKept) return;
    try {
      await kept.keep(refreshToken);
    } catch (cause) {
      throw new TemporaryError("The new refresh token of the account cannot be written to disk.", { cause });
    }
    isKept = true;
  }

  return {
    async get(signal) {
      signal.throwIfAborted();
      if (current && now() < current.until - BEFORE_END_MS) return current.accessToken;
      asking ??= renew().finally(() => {
        asking = undefined;
      });
      return await unlessAborted(asking, signal);
    },

    refused(token) {
      if (current?.accessToken === token) current = undefined; // else somebody has renewed it meanwhile
    },
  };
}

/** Whoever waits may leave; what is waited for goes on for the others. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>();
  const stop = () => left.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, left.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
