/**
 * Who is signed in with instead of a password: where its mail is, and where tokens for that come from. Three are known,
 * and the setting `providers` changes them or adds others.
 *
 * What stands here is the providers' own word, and was tried with none of them:
 * - Microsoft: learn.microsoft.com, “Authenticate an IMAP, POP or SMTP connection using OAuth” (scopes), “OAuth 2.0
 *   device authorization grant” (endpoints; a client that keeps no secret must send none).
 * - Google: developers.google.com, “OAuth 2.0 for iOS & Desktop Apps” (endpoints, the address that is led back to),
 *   “Gmail IMAP, POP, and SMTP” (scope). Its device grant has a list of scopes, on which mail is not.
 */
import { ConfigError, safeRoot } from "@bellhop/sdk";
import { z } from "zod";

export interface Provider {
  readonly name: string;
  /** Of addresses that are its own; `hotmail.*` is one with any end. */
  readonly domains: readonly string[];
  readonly imap?: string | undefined;
  readonly smtp?: string | undefined;
  readonly tokenUrl: string;
  /** Of the device grant (RFC 8628), which is taken where there is one. */
  readonly deviceUrl?: string | undefined;
  /** Of the code grant (RFC 6749, 4.1). */
  readonly authorizeUrl?: string | undefined;
  /** Where the code grant leads back to. Nobody has to listen there: the address holds what is needed. */
  readonly redirectUrl: string;
  readonly scopes: readonly string[];
  /** What the code grant is asked with besides. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Its apps may have a secret (Google gives one to those for desktops too). */
  readonly clientSecret: boolean;
  /** Its servers take passwords too, such as those for one app. */
  readonly passwords: boolean;
}

/** By their names. Made when somebody has given one: with a schema of this size a process is a quarter of a MiB larger. */
function providerSettings() {
  const url = z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "no address of a server");
  const provider = z.strictObject({
    domains: z.array(z.string().regex(/^[A-Za-z0-9.-]+(?:\.\*)?$/)).exactOptional(),
    imap: z.string().exactOptional(),
    smtp: z.string().exactOptional(),
    tokenUrl: url.exactOptional(),
    deviceUrl: url.exactOptional(),
    authorizeUrl: url.exactOptional(),
    redirectUrl: url.exactOptional(),
    scopes: z.array(z.string().regex(/^[!#-[\]-~]+$/)).exactOptional(), // RFC 6749, 3.3
    parameters: z.record(z.string(), z.string()).exactOptional(),
    clientSecret: z.boolean().exactOptional(),
    passwords: z.boolean().exactOptional(),
  });
  return z.record(z.string().regex(/^(?!password$)[a-z0-9-]{1,32}$/), provider);
}
type Given = Readonly<Record<string, Partial<Omit<Provider, "name">>>>;

const USUAL = {
  domains: [],
  redirectUrl: "http://127.0.0.1:8085/", // RFC 8252, 7.3: the address, not localhost
  scopes: [],
  parameters: {},
  clientSecret: true,
  passwords: true,
};

const MICROSOFT = {
  imap: "imaps://outlook.office365.com",
  tokenUrl: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
  deviceUrl: "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
  scopes: [
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
    "offline_access",
  ],
  clientSecret: false,
  passwords: false,
};

const KNOWN: Given = {
  outlook: {
    ...MICROSOFT,
    domains: ["outlook.*", "hotmail.*", "live.*", "msn.com"],
    smtp: "smtp://smtp-mail.outlook.com:587",
  },
  microsoft365: {
    ...MICROSOFT,
    domains: ["office365.com", "onmicrosoft.com"],
    smtp: "smtp://smtp.office365.com:587",
  },
  google: {
    domains: ["gmail.com", "googlemail.com"],
    imap: "imaps://imap.gmail.com",
    smtp: "smtps://smtp.gmail.com",
    tokenUrl: "https://oauth2.googleapis.com/token",
    authorizeUrl: "https://accounts.google.com/o/oauth2/v2/auth",
    scopes: ["https://mail.google.com/"],
    parameters: { access_type: "offline", prompt: "consent" }, // else there is a refresh token the first time alone
  },
};

/**
 * @param setting as it was given, if it was
 * @throws ConfigError it does not hold; one is not whole, or is reached in the clear
 */
export function providersFrom(
  setting: unknown,
  { allowPlain }: { readonly allowPlain: boolean },
): Provider[] {
  const given = setting === undefined ? {} : givenFrom(setting);
  const names = new Set([...Object.keys(KNOWN), ...Object.keys(given)]);
  return Array.from(names, (name) => {
    const { tokenUrl, ...provider } = { ...USUAL, ...KNOWN[name], ...given[name] };
    const { deviceUrl, authorizeUrl } = provider;
    if (tokenUrl === undefined || (deviceUrl ?? authorizeUrl) === undefined)
      throw new ConfigError(
        `The setting "providers" of the plugin email does not say enough of ${name}: it needs tokenUrl, and deviceUrl or authorizeUrl.`,
      );
    for (const url of [tokenUrl, deviceUrl, authorizeUrl])
      if (url !== undefined) safeRoot(url, { who: name, allowPlain });
    return { ...provider, name, tokenUrl };
  });
}

function givenFrom(setting: unknown): Given {
  const parsed = providerSettings().safeParse(setting);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    `The setting "providers" of the plugin email does not hold: ${z.prettifyError(parsed.error)}`,
  );
}

/** Whose an address of that domain is, so far as its name tells. */
export function providerOf(domain: string, providers: readonly Provider[]): Provider | undefined {
  const fits = (one: string) =>
    one.endsWith(".*") ? domain.startsWith(one.slice(0, -1)) : domain === one || domain.endsWith(`.${one}`);
  return providers.find(({ domains }) => domains.some(fits));
}
