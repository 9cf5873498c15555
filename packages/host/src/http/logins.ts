/**
 * How a browser becomes the owner's: a single-use code in the fragment of a link, which browsers send
 * to no server and write into no log. The login page's script posts it, and gets a cookie.
 */
import type { Clock } from "../core/clock.ts";
import type { Issued, Tokens } from "../store/tokens.ts";
import { LOGIN_TTL } from "./identity.ts";
import { ProblemError } from "./problem.ts";
import { createRateLimit } from "./rate-limit.ts";

const CODE_TTL = 10 * 60 * 1000;

/** Nobody guesses 192 bits; this keeps the noise of trying away from the database and the log. */
const FAILURES_PER_MINUTE = 10;

export interface Logins {
  createCode(): Promise<{ code: string; url: string; expiresAt: number }>;
  /**
   * Spends `code`, tried from the address `remote`.
   * @throws ProblemError `unauthorized` for a code that is wrong, spent or too old, `unavailable` after too many
   */
  redeem(code: string, remote: string): Promise<Issued>;
}

export interface LoginsDeps {
  readonly tokens: Tokens;
  readonly clock: Clock;
  /** Address of the web chat, without a slash at the end; known once the host listens. */
  readonly url: () => string;
}

export function createLogins({ tokens, clock, url }: LoginsDeps): Logins {
  const tries = createRateLimit({ clock, failures: FAILURES_PER_MINUTE, windowMs: 60_000 });
  return {
    async createCode() {
      // A browser needs no more than to chat and to read.
      const spec = { kind: "code", scope: "chat", label: "web login", ttlMs: CODE_TTL } as const;
      const { secret, createdAt } = await tokens.issue(spec);
      return { code: secret, url: `${url()}/login#${secret}`, expiresAt: createdAt + CODE_TTL };
    },
    async redeem(code, remote) {
      const wait = tries.wait(remote);
      if (wait > 0) {
        const retryAfterSeconds = Math.ceil(wait / 1000);
        throw new ProblemError(
          "unavailable",
          `Too many wrong login codes: try again in ${retryAfterSeconds} seconds.`,
          { retryAfterSeconds },
        );
      }
      const login = await tokens.redeem(code, { ttlMs: LOGIN_TTL });
      if (login) return login;
      tries.failed(remote);
      throw new ProblemError(
        "unauthorized",
        "This login link has been used or is older than ten minutes: run `bellhop login` for a new one.",
      );
    },
  };
}
