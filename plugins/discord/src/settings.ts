/**
 * What an owner sets: which bots there are, and where Discord's API is.
 *
 * Without settings each variable that holds a token is a bot: `DISCORD_BOT_TOKEN` the account without a name,
 * `DISCORD_BOT_TOKEN_2` the account `2`, and so on.
 */
import { ConfigError, numberedAccounts, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

/** They stand in the manifest, each with its numbers: a process sees no other variable. */
export const BOTS = { platform: "Discord", variables: ["DISCORD_BOT_TOKEN"], most: 3 } as const;

const Settings = z.strictObject({
  /** Names of the bots, in the order of their variables. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(BOTS.most)
    .optional(),
  apiRoot: z.url({ protocol: /^https?$/ }).default("https://discord.com/api"),
  allowPlainHttp: z.boolean().default(false),
});

export interface Plan {
  readonly bots: readonly { readonly account: string; readonly token: string }[];
  /** Without a slash at its end. */
  readonly apiRoot: string;
  readonly allowPlain: boolean;
}

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(`The settings of the plugin discord do not hold: ${z.prettifyError(parsed.error)}`);
  const { accounts: names, apiRoot, allowPlainHttp: allowPlain } = parsed.data;
  return {
    bots: numberedAccounts({ ...BOTS, names, environment }).map(({ account, values }) => ({
      account,
      token: values.DISCORD_BOT_TOKEN,
    })),
    apiRoot: safeRoot(apiRoot, { who: "Discord's API", allowPlain }),
    allowPlain,
  };
}
