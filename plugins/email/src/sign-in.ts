/**
 * Signing in with a provider, step by step. A code that is typed in elsewhere where the provider has that for mail (the
 * device grant, RFC 8628). Else an address that is opened in a browser, and the one that this leads to brought back: it
 * is on this machine's loopback, where nobody has to listen, so it works with the browser of any machine. Both need an
 * app of the owner's own, for we ship none.
 */
import { type AuthStep, ConfigError, TemporaryError } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import type { DeviceCode, Grant, Oauth } from "./oauth.ts";
import { OauthRefusal } from "./oauth-refusal.ts";
import type { Provider } from "./providers.ts";

/** RFC 8628, 3.5. */
const SLOWER_MS = 5_000;
/** RFC 7636, 4.1 wants 32 bytes at least. */
const VERIFIER_BYTES = 32;
const STATE_BYTES = 16;

export interface SignInParts {
  readonly provider: Provider;
  readonly clientId: string;
  readonly oauth: Oauth;
  /** Who is to sign in. */
  readonly address: string;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: (bytes: number) => Uint8Array;
  readonly signal: AbortSignal;
}

/** @throws ConfigError, TemporaryError */
export async function* signIn(parts: SignInParts): AsyncGenerator<AuthStep, Grant, string | undefined> {
  const { provider, oauth, address, signal } = parts;
  const { deviceUrl, authorizeUrl } = provider;
  if (deviceUrl !== undefined) {
    const code = await oauth.beginDevice(deviceUrl, signal);
    const minutes = Math.max(1, Math.floor((code.until - parts.now()) / 60_000));
    yield {
      step: "code",
      code: code.userCode,
      text: `Open ${code.page} in a browser, anywhere, within ${minutes} minutes. Type this code there, and sign in as ${address}. What happens then shows here by itself.`,
    };
    return await whenSignedIn(code, parts);
  }
  if (authorizeUrl === undefined) throw new ConfigError(`${provider.name} has no address to sign in at.`);
  return yield* byRedirect(authorizeUrl, parts);
}

/** Asks as often as the server allows, which is how this grant is made: it can tell nobody. */
async function whenSignedIn(code: DeviceCode, { oauth, now, sleep, signal }: SignInParts): Promise<Grant> {
  for (let pauseMs = code.intervalMs; ;) {
    await sleep(pauseMs, signal);
    if (now() >= code.until) throw new ConfigError("Nobody has typed in the code in time. Begin again.");
    try {
      return await oauth.redeemDevice(code, signal);
    } catch (error) {
      if (error instanceof TemporaryError) pauseMs = Math.max(2 * pauseMs, error.retryAfterMs ?? 0);
      else if (error instanceof OauthRefusal && error.code === "slow_down") pauseMs += SLOWER_MS;
      else if (!(error instanceof OauthRefusal && error.code === "authorization_pending")) throw error;
    }
  }
}

async function* byRedirect(
  authorizeUrl: string,
  { provider, clientId, oauth, address, random, signal }: SignInParts,
): AsyncGenerator<AuthStep, Grant, string | undefined> {
  const verifier = Buffer.from(random(VERIFIER_BYTES)).toString("base64url");
  const state = Buffer.from(random(STATE_BYTES)).toString("base64url");
  const url = new URL(authorizeUrl);
  const asked = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: provider.redirectUrl,
    scope: provider.scopes.join(" "),
    state,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    login_hint: address,
    ...provider.parameters,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  const answer = yield {
    step: "ask",
    name: "address",
    text: `Open this address in a browser, anywhere, and sign in as ${address}:\n${url.href}\nYou are led to a page at ${new URL(provider.redirectUrl).origin} that cannot be shown, which is as it should be. Copy its address from the browser.\nThe whole address of that page:`,
    secret: false,
  };
  return await oauth.redeem({ code: codeFrom(answer, state), verifier }, signal);
}

/** What the address says that the browser was led to (RFC 6749, 4.1.2). */
function codeFrom(answer: string | undefined, state: string): string {
  const parameters = URL.parse(answer?.trim() ?? "")?.searchParams;
  const [code, error] = [parameters?.get("code"), parameters?.get("error")];
  if (!parameters || (!code && !error))
    throw new ConfigError(
      "That is not the address that the browser was led to: it has code= in it. Begin again, and copy all of it.",
    );
  // Whoever else's code it may be, it was not asked for here (RFC 6749, 10.12).
  if (parameters.get("state") !== state)
    throw new ConfigError("That address belongs to another attempt to sign in. Begin again.");
  if (code) return code;
  throw new ConfigError(
    error === "access_denied"
      ? "Whoever signed in said no. Begin again, if that was not meant."
      : `The provider says no (${error?.replaceAll(/[^\w.-]/g, "").slice(0, 64)}).`,
  );
}
