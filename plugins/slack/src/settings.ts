/**
 * What an owner sets: which apps there are, and where the Web API is. Each has two tokens: with the bot's it calls
 * Slack, with the app's it opens the connection over which it hears.
 */
import { ConfigError, numberedAccounts, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

/** They stand in the manifest, each with its numbers: a process sees no other variable. */
export const APPS = {
  platform: "Slack",
  variables: ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"],
  most: 3,
} as const;

const Settings = z.strictObject({
  /** Names of the accounts, in the order of their variables. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(APPS.most)
    .optional(),
  apiRoot: z.url({ protocol: /^https?$/ }).default("https://slack.com/api"),
  allowPlainHttp: z.boolean().default(false),
});

export interface Plan {
  readonly apps: readonly {
    readonly account: string;
    readonly botToken: string;
    readonly appToken: string;
  }[];
  /** Without a slash at its end. */
  readonly apiRoot: string;
  readonly allowPlain: boolean;
}

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(`The settings of the plugin slack do not hold: ${z.prettifyError(parsed.error)}`);
  const { accounts: names, apiRoot, allowPlainHttp: allowPlain } = parsed.data;
  return {
    apps: numberedAccounts({ ...APPS, names, environment }).map(({ account, values }) => ({
      account,
      botToken: values.SLACK_BOT_TOKEN,
      appToken: values.SLACK_APP_TOKEN,
    })),
    apiRoot: safeRoot(apiRoot, { who: "Slack's Web API", allowPlain }),
    allowPlain,
  };
}
