/**
 * What an owner sets: which bots there are, whether updates come by a webhook, and where the Bot API is.
 *
 * Without settings each variable that holds a token is a bot: `TELEGRAM_BOT_TOKEN` the account without a name,
 * `TELEGRAM_BOT_TOKEN_2` the account `2`, and so on.
 */
import { ConfigError, numberedAccounts, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

/** They stand in the manifest, each with its numbers: a process sees no other variable. */
export const BOTS = { platform: "Telegram", variables: ["TELEGRAM_BOT_TOKEN"], most: 5 } as const;
export const WEBHOOK_SECRET = "TELEGRAM_WEBHOOK_SECRET";

const Settings = z.strictObject({
  /** Names of the bots, in the order of their variables. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(BOTS.most)
    .optional(),
  /** The address of Bellhop's HTTP server as Telegram reaches it. */
  webhook: z.strictObject({ url: z.url({ protocol: /^https$/ }) }).optional(),
  apiRoot: z.url({ protocol: /^https?$/ }).default("https://api.telegram.org"),
  allowPlainHttp: z.boolean().default(false),
});

export interface Plan {
  readonly bots: readonly { readonly account: string; readonly token: string }[];
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
  const { accounts: names, webhook, apiRoot, allowPlainHttp } = parsed.data;
  return {
    bots: numberedAccounts({ ...BOTS, names, environment }).map(({ account, values }) => ({
      account,
      token: values.TELEGRAM_BOT_TOKEN,
    })),
    apiRoot: safeRoot(apiRoot, { who: "The Bot API", allowPlain: allowPlainHttp }),
    webhook: webhook && { url: webhook.url.replace(/\/+$/, ""), secret: secretOf(environment) },
  };
}

function secretOf(environment: Readonly<Record<string, string>>): string {
  const secret = Secret.safeParse(environment[WEBHOOK_SECRET]);
  if (secret.success) return secret.data;
  throw new ConfigError(
    `A webhook needs ${WEBHOOK_SECRET} in the home's .env: 16 to 256 letters, digits, dashes and underscores that nobody can guess.`,
  );
}
