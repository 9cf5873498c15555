/**
 * Which model API the broker speaks to, and with what credential. A provider is data: the broker has
 * one code path for all of them.
 */
import type { Login } from "./claude-login.ts";
import { anthropicPrices, noPrices, type Prices } from "./prices.ts";

/** As config.ts reads them; the first that is there is used. */
export interface Credentials {
  /** ANTHROPIC_API_KEY */
  readonly apiKey?: string | undefined;
  /** CLAUDE_CODE_OAUTH_TOKEN */
  readonly oauthToken?: string | undefined;
  /** ANTHROPIC_AUTH_TOKEN */
  readonly authToken?: string | undefined;
  /** ANTHROPIC_BASE_URL; without a credential it is not used. */
  readonly baseUrl?: string | undefined;
}

export interface Provider {
  /** `anthropic`, `rehearsal`, the host of another server, or as the owner calls it. Sessions remember it. */
  readonly name: string;
  readonly target: { readonly baseUrl: URL } | { readonly socketPath: string };
  /** Header that carries the credential; none where none is needed. */
  readonly credential: { readonly header: string; readonly value: string } | undefined;
  /** Values of `anthropic-beta` that the credential needs. */
  readonly betas: readonly string[];
  /** What must not come back from the server. */
  readonly secrets: readonly string[];
  readonly prices: Prices;
  /** Whose tokens change while we run: each call asks for the one of the moment, instead of `credential`. */
  readonly login?: Login | undefined;
  /** What the server calls our models; see model-names.ts. */
  readonly models?: Readonly<Record<string, string>> | undefined;
}

/** A route that the owner has configured, with its credential. */
export interface ConfiguredRoute {
  readonly name: string;
  readonly url: string;
  readonly key?: { readonly header: "bearer" | "x-api-key"; readonly value: string } | undefined;
  readonly models: Readonly<Record<string, string>>;
}

const ANTHROPIC = "https://api.anthropic.com";
/** Without it the API takes no OAuth token. */
const OAUTH_BETA = "oauth-2025-04-20";

/** undefined where there is no credential. */
export function providerFromCredentials(credentials: Credentials): Provider | undefined {
  const { apiKey, oauthToken, authToken } = credentials;
  if (apiKey) return remote(credentials, { header: "x-api-key", value: apiKey }, []);
  if (oauthToken) return remote(credentials, bearer(oauthToken), [OAUTH_BETA]);
  if (authToken) return remote(credentials, bearer(authToken), []);
  return undefined;
}

export function providerFromRoute({ name, url, key, models }: ConfiguredRoute): Provider {
  const baseUrl = new URL(url);
  const own = isAnthropic(baseUrl);
  return {
    name,
    target: { baseUrl },
    credential:
      key && (key.header === "bearer" ? bearer(key.value) : { header: key.header, value: key.value }),
    betas: own && key?.header === "bearer" ? [OAUTH_BETA] : [],
    secrets: key ? [key.value] : [],
    prices: own ? anthropicPrices : noPrices,
    models,
  };
}

/** The name of the route that the Claude login makes. */
const CLAUDE_LOGIN = "claude";

export function providerFromLogin(login: Login): Provider {
  return {
    name: CLAUDE_LOGIN,
    target: { baseUrl: new URL(ANTHROPIC) },
    credential: undefined,
    betas: [OAUTH_BETA],
    secrets: [],
    prices: anthropicPrices,
    login,
  };
}

/** The provider with this token of its login. */
export function bearing(provider: Provider, token: string): Provider {
  return { ...provider, credential: bearer(token), secrets: [...provider.secrets, token] };
}

/** What a provider must not send back. */
export function secretsOf({ apiKey, oauthToken, authToken, baseUrl }: Credentials): string[] {
  const password = baseUrl && URL.canParse(baseUrl) ? decodeURIComponent(new URL(baseUrl).password) : "";
  return [apiKey, oauthToken, authToken, password].flatMap((secret) => (secret ? [secret] : []));
}

const bearer = (token: string) => ({ header: "authorization", value: `Bearer ${token}` });

function remote(
  credentials: Credentials,
  credential: Provider["credential"],
  betas: readonly string[],
): Provider {
  const baseUrl = new URL(credentials.baseUrl ?? ANTHROPIC);
  const own = isAnthropic(baseUrl);
  return {
    name: own ? "anthropic" : baseUrl.host,
    target: { baseUrl },
    credential,
    betas,
    secrets: secretsOf(credentials),
    prices: own ? anthropicPrices : noPrices,
  };
}

function isAnthropic({ hostname }: URL): boolean {
  return hostname === "anthropic.com" || hostname.endsWith(".anthropic.com");
}
