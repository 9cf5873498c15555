/**
 * What an owner sets: which numbers there are, what is said once a person has been silent for a day, and where the
 * Graph API is.
 */
import { ConfigError, numberedAccounts, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

/** They stand in the manifest, each with its numbers: a process sees no other variable. */
export const NUMBERS = {
  platform: "WhatsApp Cloud",
  variables: [
    "WHATSAPP_CLOUD_PHONE_NUMBER_ID",
    "WHATSAPP_CLOUD_TOKEN",
    "WHATSAPP_CLOUD_APP_SECRET",
    "WHATSAPP_CLOUD_VERIFY_TOKEN",
  ],
  most: 3,
} as const;

const Template = z.strictObject({
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().regex(/^[a-z]{2,3}(?:_[A-Z]{2})?$/),
  /** The name of the one variable of its body; `{{1}}` where it has none. */
  variable: z
    .string()
    .regex(/^[a-z0-9_]{1,64}$/)
    .optional(),
});
export type Template = z.infer<typeof Template>;

const Settings = z.strictObject({
  /** Names of the numbers, in the order of their variables. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(NUMBERS.most)
    .optional(),
  /** The address of Bellhop's HTTP server as Meta reaches it. */
  publicUrl: z.url({ protocol: /^https$/ }).optional(),
  template: Template.optional(),
  readReceipts: z.boolean().default(true),
  graphVersion: z
    .string()
    .regex(/^v\d{2}\.\d$/)
    .default("v25.0"),
  graphRoot: z.url({ protocol: /^https?$/ }).default("https://graph.facebook.com"),
  allowPlainHttp: z.boolean().default(false),
});

export interface Credentials {
  /** Of the business number, as the Graph API calls it. */
  readonly phoneNumberId: string;
  readonly token: string;
  readonly appSecret: string;
}

export interface Plan {
  readonly numbers: readonly {
    readonly account: string;
    readonly credentials: Credentials;
    readonly verifyToken: string;
  }[];
  /** With the version, without a slash at its end. */
  readonly graphUrl: string;
  readonly publicUrl: string | undefined;
  readonly template: Template | undefined;
  readonly readReceipts: boolean;
}

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(
      `The settings of the plugin whatsapp-cloud do not hold: ${z.prettifyError(parsed.error)}`,
    );
  const {
    accounts: names,
    publicUrl,
    template,
    readReceipts,
    graphVersion,
    graphRoot,
    allowPlainHttp,
  } = parsed.data;
  const root = safeRoot(graphRoot, { who: "The Graph API", allowPlain: allowPlainHttp });
  return {
    numbers: numberedAccounts({ ...NUMBERS, names, environment }).map(({ account, values }) => ({
      account,
      credentials: {
        phoneNumberId: values.WHATSAPP_CLOUD_PHONE_NUMBER_ID,
        token: values.WHATSAPP_CLOUD_TOKEN,
        appSecret: values.WHATSAPP_CLOUD_APP_SECRET,
      },
      verifyToken: values.WHATSAPP_CLOUD_VERIFY_TOKEN,
    })),
    graphUrl: `${root}/${graphVersion}`,
    publicUrl: publicUrl?.replace(/\/+$/, ""),
    template,
    readReceipts,
  };
}

/** Where Meta posts what concerns that account, below the address of Bellhop's server. */
export function callbackPath(account: string): string {
  return `/plugins/whatsapp-cloud/${account === "" ? "default" : account}`;
}
