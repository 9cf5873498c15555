/**
 * What is asked of a provider's authorization server (RFC 6749), and what its answers mean. Nothing that it was sent or
 * has given stands in an error: of an error it says the code, and its own words where no secret is in them.
 */
import { ConfigError, TemporaryError, type Wire, WireError } from "@bellhop/sdk";
import { z } from "zod";
import { isPassing, refusalOf, Refused } from "./oauth-refusal.ts";
import type { Provider } from "./providers.ts";

/** The app that the owner has registered with the provider. */
export interface Client {
  readonly provider: Provider;
  readonly id: string;
  readonly secret: string | undefined;
}

export interface Grant {
  readonly accessToken: string;
  /** When that ends, ms since 1970. */
  readonly until: number;
  /** The one that was sent stays good where there is none. */
  readonly refreshToken: string | undefined;
}

/** What its owner types in elsewhere (RFC 8628, 3.2). */
export interface DeviceCode {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly page: string;
  readonly until: number;
  readonly intervalMs: number;
}

const PATIENCE_MS = 30_000;
/** Where an answer does not say how long a token is good; RFC 6749, 5.1 leaves that to its documentation. */
const USUAL_SECONDS = 3_600;
const USUAL_INTERVAL_SECONDS = 5; // RFC 8628, 3.2

const Token = z.string().regex(/^[\x20-\x7e]{1,16384}$/);
const Seconds = z.number().positive();
const Granted = z.object({
  access_token: Token,
  token_type: z.string().regex(/^bearer$/i),
  expires_in: Seconds.default(USUAL_SECONDS),
  refresh_token: Token.optional(),
});
const Begun = z.object({
  device_code: Token,
  user_code: z.string().min(1).max(64),
  verification_uri: z.string().regex(/^https?:\/\/[\x21-\x7e]+$/),
  expires_in: Seconds,
  interval: Seconds.default(USUAL_INTERVAL_SECONDS),
});

/** Fields of what is sent. */
const SECRETS = new Set(["client_secret", "refresh_token", "code", "code_verifier", "device_code"]);
function secretsIn(sent: Readonly<Record<string, string>>): string[] {
  return Object.entries(sent).flatMap(([name, value]) => (SECRETS.has(name) ? [value] : []));
}

export interface OauthParts {
  readonly client: Client;
  readonly wire: Wire;
  readonly now: () => number;
}

export type Oauth = ReturnType<typeof createOauth>;

/** All of it throws OauthRefusal, another ConfigError, or TemporaryError. */
export function createOauth({ client: { provider, id, secret }, wire, now }: OauthParts) {
  async function ask<T>(
    url: string,
    form: Readonly<Record<string, string>>,
    Answer: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const sent = { ...form, client_id: id, ...(secret === undefined ? {} : { client_secret: secret }) };
    const { status, body, retryAfterMs } = await post(url, new URLSearchParams(sent).toString(), signal);
    const who = `The sign-in server of ${provider.name} (${new URL(url).host})`;
    const refused = Refused.safeParse(body);
    if (status === 429 || status >= 500 || (refused.success && isPassing(refused.data)))
      throw new TemporaryError(`${who} cannot answer just now (${status}).`, { retryAfterMs });
    if (refused.success) throw refusalOf(who, refused.data, secretsIn(sent));
    const answer = Answer.safeParse(body);
    if (!answer.success || status >= 300)
      throw new ConfigError(
        `${who} gave no answer that is one (${status}): look at the addresses of ${provider.name} in the setting "providers".`,
        { cause: answer.error },
      );
    return answer.data;
  }

  async function post(url: string, body: string, signal: AbortSignal) {
    try {
      const response = await wire.fetch(url, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
      });
      const retryAfterMs = Number(response.headers["retry-after"] ?? Number.NaN) * 1_000;
      const answered = await response.json().catch((error: unknown) => {
        if (error instanceof WireError && error.cause instanceof SyntaxError) return undefined; // a page, of some proxy
        throw error;
      });
      return {
        status: response.status,
        body: answered,
        retryAfterMs: retryAfterMs >= 0 ? retryAfterMs : undefined,
      };
    } catch (cause) {
      signal.throwIfAborted();
      throw new TemporaryError(`The sign-in server ${new URL(url).host} cannot be reached.`, { cause });
    }
  }

  async function grantFor(form: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Grant> {
    const asked = now();
    const granted = await ask(provider.tokenUrl, form, Granted, signal);
    return {
      accessToken: granted.access_token,
      until: asked + granted.expires_in * 1_000,
      refreshToken: granted.refresh_token,
    };
  }

  return {
    /** RFC 6749, 6. */
    refresh: async (refreshToken: string, signal: AbortSignal) =>
      await grantFor({ grant_type: "refresh_token", refresh_token: refreshToken }, signal),

    /** RFC 6749, 4.1.3, with the proof of RFC 7636, 4.5. */
    redeem: async ({ code, verifier }: { code: string; verifier: string }, signal: AbortSignal) =>
      await grantFor(
        {
          grant_type: "authorization_code",
          code,
          redirect_uri: provider.redirectUrl,
          code_verifier: verifier,
        },
        signal,
      ),

    /** RFC 8628, 3.4. */
    redeemDevice: async ({ deviceCode }: DeviceCode, signal: AbortSignal) =>
      await grantFor(
        { grant_type: "urn:ietf:params:oauth:grant-type:device_code", device_code: deviceCode },
        signal,
      ),

    /** RFC 8628, 3.1. */
    async beginDevice(url: string, signal: AbortSignal): Promise<DeviceCode> {
      const asked = now();
      const begun = await ask(url, { scope: provider.scopes.join(" ") }, Begun, signal);
      return {
        deviceCode: begun.device_code,
        userCode: begun.user_code,
        page: begun.verification_uri,
        until: asked + begun.expires_in * 1_000,
        intervalMs: begun.interval * 1_000,
      };
    },
  };
}
