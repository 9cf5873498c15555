/**
 * What an owner sets: which bots there are, whether updates come by a webhook, and where the Bot API is.
 *
 * Without settings each variable that holds a token is a bot: `TELEGRAM_BOT_TOKEN` the account without a name,
 * `TELEGRAM_BOT_TOKEN_2` the account `2`, and so on.
 */
import { ConfigError } from "@bellhop/sdk";
import { z } from "zod";

/** They stand in the manifest: a process sees no other variable. */
export const TOKENS = [
  "TELEGRAM_BOT_TOKEN",
  "TELEGRAM_BOT_TOKEN_2",
  "TELEGRAM_BOT_TOKEN_3",
  "TELEGRAM_BOT_TOKEN_4",
  "TELEGRAM_BOT_TOKEN_5",
] as const;
export const WEBHOOK_SECRET = "TELEGRAM_WEBHOOK_SECRET";

const Account = z.strictObject({
  account: z.string().regex(/^[A-Za-z0-9_-]{0,32}$/),
  token: z.enum(TOKENS),
});

const Settings = z.strictObject({
  accounts: z.array(Account).optional(),
  /** The address of Bellhop's HTTP server as Telegram reaches it. */
  webhook: z.strictObject({ url: z.url({ protocol: /^https$/ }) }).optional(),
  apiRoot: z.url({ protocol: /^https?$/ }).default("https://api.telegram.org"),
  allowPlainHttp: z.boolean().default(false),
});

export interface Bot {
  readonly account: string;
  readonly token: string;
  /** The variable that holds it. */
  readonly variable: (typeof TOKENS)[number];
}

export interface Plan {
  readonly bots: readonly Bot[];
  /** Without a slash at its end. */
  readonly apiRoot: string;
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
}

const Secret = z.string().regex(/^[A-Za-z0-9_-]{16,256}$/);

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(
      `The settings of the plugin telegram do not hold: ${z.prettifyError(parsed.error)}`,
    );
  const { accounts, webhook, apiRoot, allowPlainHttp } = parsed.data;
  return {
    bots: accounts ? named(accounts, environment) : found(environment),
    apiRoot: rootOf(apiRoot, allowPlainHttp),
    webhook: webhook && { url: webhook.url.replace(/\/+$/, ""), secret: secretOf(environment) },
  };
}

function found(environment: Readonly<Record<string, string>>): Bot[] {
  return TOKENS.flatMap((variable, index) => {
    const token = environment[variable];
    const account = index === 0 ? "" : String(index + 1);
    return token === undefined || token === "" ? [] : { account, token, variable };
  });
}

function named(
  accounts: readonly z.infer<typeof Account>[],
  environment: Readonly<Record<string, string>>,
): Bot[] {
  const bots = accounts.map(({ account, token: variable }) => {
    const token = environment[variable];
    if (token === undefined || token === "")
      throw new ConfigError(
        `The Telegram account "${account}" has no token: set ${variable} in the home's .env, or take the account out of the settings.`,
      );
    return { account, token, variable };
  });
  for (const key of ["account", "variable"] as const) {
    if (new Set(bots.map((bot) => bot[key])).size < bots.length)
      throw new ConfigError(`Two Telegram accounts have the same ${key === "account" ? "name" : "token"}.`);
  }
  return bots;
}

function rootOf(apiRoot: string, allowPlainHttp: boolean): string {
  const { protocol, hostname } = new URL(apiRoot);
  const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol === "http:" && !loopback && !allowPlainHttp)
    throw new ConfigError(
      `The Bot API at ${hostname} is reached by plain http, so that anybody on the way reads the bot's token. Use https, or set allowPlainHttp.`,
    );
  return apiRoot.replace(/\/+$/, "");
}

function secretOf(environment: Readonly<Record<string, string>>): string {
  const secret = Secret.safeParse(environment[WEBHOOK_SECRET]);
  if (secret.success) return secret.data;
  throw new ConfigError(
    `A webhook needs ${WEBHOOK_SECRET} in the home's .env: 16 to 256 letters, digits, dashes and underscores that nobody can guess.`,
  );
}
