/**
 * What an owner sets. What makes an account stands in variables, each with the account's number, for that is what
 * connecting one writes down: its address, its password or what it signs in with, its two servers, and the name under
 * which its own server says who a sender is. How mail is treated stands in the settings, for all accounts alike.
 */
import { ConfigError, numberedAccounts, numberedVariable } from "@bellhop/sdk";
import { z } from "zod";
import { addressFrom } from "./address.ts";
import { type Provider, providersFrom } from "./providers.ts";

export const ACCOUNTS = {
  platform: "e-mail",
  variables: ["EMAIL_ADDRESS", "EMAIL_IMAP", "EMAIL_SMTP"],
  most: 3,
} as const;
export const AUTHSERV_ID = "EMAIL_AUTHSERV_ID";
/** `password`, or the name of a provider that is signed in with; a password where it is absent. */
export const SIGN_IN = "EMAIL_SIGN_IN";

const MB = 1_000_000;

const Settings = z.strictObject({
  /** Names of the accounts, in the order of their variables. */
  accounts: z
    .array(z.string().regex(/^[A-Za-z0-9_-]{0,32}$/))
    .max(ACCOUNTS.most)
    .optional(),
  name: z.string().trim().min(1).max(80).default("Bellhop"),
  folder: z.string().min(1).max(200).default("INBOX"),
  markSeen: z.boolean().default(true),
  moveTo: z.string().min(1).max(200).optional(),
  trust: z.enum(["authentication-results", "anyone"]).default("authentication-results"),
  allow: z
    .array(z.string().regex(/^(?:[^\s@]+@)?[A-Za-z0-9.-]+$/))
    .max(1_000)
    .optional(),
  answersPerHour: z.int().min(1).max(1_000).default(60),
  limitMb: z.int().min(1).max(150).default(25),
  allowPlain: z.boolean().default(false),
  providers: z.unknown().optional(), // parsed with the providers
});

/** Where a server is, and who we are there. */
export interface Server {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else by STARTTLS, which is insisted on. */
  readonly secure: boolean;
  /** In the clear: to this machine, or because its owner wants it. */
  readonly plain: boolean;
  readonly user: string;
}

export type Credentials =
  | { readonly how: "password"; readonly password: string }
  | {
      readonly how: "token";
      readonly provider: Provider;
      readonly clientId: string;
      readonly clientSecret: string | undefined;
      readonly refreshToken: string;
    };

export interface Account {
  readonly account: string;
  /** Of its variables, from 1. */
  readonly number: number;
  readonly address: string;
  readonly credentials: Credentials;
  readonly imap: Server;
  readonly smtp: Server;
  readonly authservId: string | undefined;
}

export interface Rules {
  readonly name: string;
  readonly folder: string;
  readonly markSeen: boolean;
  readonly moveTo: string | undefined;
  readonly trust: "authentication-results" | "anyone";
  /** Addresses and domains that are heard at all, in small letters; everybody where it is absent. */
  readonly allow: readonly string[] | undefined;
  readonly answersPerHour: number;
  /** Of a whole mail, as it is sent. */
  readonly limitBytes: number;
}

export interface Plan {
  readonly accounts: readonly Account[];
  readonly rules: Rules;
  readonly allowPlain: boolean;
  readonly providers: readonly Provider[];
}

/** @throws ConfigError */
export function planOf(settings: unknown, environment: Readonly<Record<string, string>>): Plan {
  const parsed = Settings.safeParse(settings ?? {});
  if (!parsed.success)
    throw new ConfigError(`The settings of the plugin email do not hold: ${z.prettifyError(parsed.error)}`);
  const { accounts: names, allowPlain, limitMb, allow, moveTo, providers: given, ...rules } = parsed.data;
  const providers = providersFrom(given, { allowPlain });
  const numbered = numberedAccounts({ ...ACCOUNTS, names, environment });
  const accounts = numbered.map(({ account, number, values }) => {
    const address = addressFrom(values.EMAIL_ADDRESS);
    if (address === undefined)
      throw new ConfigError(
        `EMAIL_ADDRESS of the account "${account}" is no address such as bell@example.org.`,
      );
    return {
      account,
      number,
      address,
      credentials: credentialsOf(number, { environment, providers }),
      imap: serverFrom(values.EMAIL_IMAP, { kind: "imap", address, allowPlain }),
      smtp: serverFrom(values.EMAIL_SMTP, { kind: "smtp", address, allowPlain }),
      authservId: environment[numberedVariable(AUTHSERV_ID, number)]?.trim().toLowerCase(),
    };
  });
  return {
    accounts,
    rules: { ...rules, moveTo, allow: allow?.map((one) => one.toLowerCase()), limitBytes: limitMb * MB },
    allowPlain,
    providers,
  };
}

function credentialsOf(
  number: number,
  {
    environment,
    providers,
  }: { environment: Readonly<Record<string, string>>; providers: readonly Provider[] },
): Credentials {
  const must = (variable: string) => {
    const name = numberedVariable(variable, number);
    const value = environment[name];
    if (value) return value;
    throw new ConfigError(
      `An e-mail account lacks ${name}: set it in the home's .env, or connect the account with bellhop channels connect email.`,
    );
  };
  const how = environment[numberedVariable(SIGN_IN, number)] ?? "password";
  if (how === "password") return { how, password: must("EMAIL_PASSWORD") };
  const provider = providers.find(({ name }) => name === how);
  if (!provider)
    throw new ConfigError(
      `${numberedVariable(SIGN_IN, number)} is ${how}, and must be password or one of ${providers.map(({ name }) => name).join(", ")}: others are told of by the setting "providers".`,
    );
  return {
    how: "token",
    provider,
    clientId: must("EMAIL_CLIENT_ID"),
    clientSecret: environment[numberedVariable("EMAIL_CLIENT_SECRET", number)],
    refreshToken: must("EMAIL_REFRESH_TOKEN"),
  };
}

const PORTS = { imap: { tls: 993, starttls: 143 }, smtp: { tls: 465, starttls: 587 } } as const;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/;

/**
 * @param given `imaps://host`, `smtp://user@host:587`, …; `s` is TLS from the first byte, else by STARTTLS
 * @throws ConfigError
 */
export function serverFrom(
  given: string,
  { kind, address, allowPlain }: { kind: "imap" | "smtp"; address: string; allowPlain: boolean },
): Server {
  const url = URL.parse(given.trim());
  if (!url || ![`${kind}:`, `${kind}s:`].includes(url.protocol) || url.hostname === "")
    throw new ConfigError(
      `The ${kind.toUpperCase()} server of ${address} is given as an address such as ${kind}s://mail.example.org.`,
    );
  if (url.password !== "")
    throw new ConfigError(
      `The ${kind.toUpperCase()} server of ${address} holds a password: put that into EMAIL_PASSWORD.`,
    );
  const secure = url.protocol === `${kind}s:`;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: url.port === "" ? PORTS[kind][secure ? "tls" : "starttls"] : Number(url.port),
    secure,
    plain: !secure && (LOOPBACK.test(host) || allowPlain),
    user: url.username === "" ? address : decodeURIComponent(url.username),
  };
}
