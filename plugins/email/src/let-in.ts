/**
 * Asks how an account is let in: with a password, or by signing in with its provider. What signing in takes is loaded
 * when somebody does.
 */
import { type AuthStep, ConfigError, createWire, numberedVariable } from "@bellhop/sdk";
import { domainOf } from "./address.ts";
import { byPassword, byToken, type Login } from "./login.ts";
import { type Provider, providerOf } from "./providers.ts";
import { SIGN_IN } from "./settings.ts";
import type { SignInParts } from "./sign-in.ts";

const PASSWORD =
  "Google, Yahoo, iCloud and many others want an app password here, made in the account's security settings; with some, IMAP has to be turned on there too.\nIts password:";

export type Steps<T> = AsyncGenerator<AuthStep, T, string | undefined>;

export interface LetInParts extends Pick<SignInParts, "now" | "sleep" | "random" | "signal"> {
  readonly providers: readonly Provider[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface LetIn {
  readonly login: Login;
  readonly provider: Provider | undefined;
  /** Variables, by their names without a number. */
  readonly kept: Readonly<Record<string, string>>;
}

/** @throws ConfigError, TemporaryError */
export async function* howLetIn(
  address: string,
  parts: LetInParts & { readonly number: number },
): Steps<LetIn> {
  const { providers, environment, number } = parts;
  const ask = asking(number);
  const likely = providerOf(domainOf(address), providers);
  const usual = likely?.passwords === false ? likely.name : "password";
  const names = providers.map(({ name }) => name).join(", ");
  const how =
    (yield* ask(
      SIGN_IN,
      `It has a password, or signs in with one of these: ${names}. Microsoft takes no passwords. Signing in needs an app that you have registered there (docs/email.md).\npassword, or one of those names; empty for ${usual}:`,
      OPTIONAL,
    )) || usual;
  if (how === "password") {
    const password = yield* ask("EMAIL_PASSWORD", PASSWORD, { secret: true });
    if (password === "") throw new ConfigError("Without a password nobody is let in.");
    const signedInBefore = environment[numberedVariable(SIGN_IN, number)] !== undefined;
    const kept = { EMAIL_PASSWORD: password, ...(signedInBefore && { [SIGN_IN]: how }) };
    return { login: byPassword(password), provider: likely, kept };
  }
  const provider = providers.find(({ name }) => name === how);
  if (!provider) throw new ConfigError(`Nothing is known of ${how}: answer password, or one of ${names}.`);
  return { provider, ...(yield* signedIn(provider, { ...parts, address })) };
}

async function* signedIn(
  provider: Provider,
  parts: LetInParts & { readonly number: number; readonly address: string },
): Steps<Omit<LetIn, "provider">> {
  const { environment, number, now } = parts;
  const ask = asking(number);
  /** The app stays the same where an account is connected anew. */
  async function* again(variable: string, text: string, secret: boolean): Steps<string> {
    const before = environment[numberedVariable(variable, number)] ?? "";
    const empty = before === "" ? "" : "; empty for the one that is kept";
    return (
      (yield* ask(variable, `${text}${empty}:`, { secret, optional: secret || before !== "" })) || before
    );
  }
  const id = yield* again("EMAIL_CLIENT_ID", "The client id of the app that you have registered", false);
  if (id === "") throw new ConfigError("Without an app of yours nobody can sign in (docs/email.md).");
  const secret = provider.clientSecret
    ? yield* again("EMAIL_CLIENT_SECRET", "Its client secret, if it has one", true)
    : "";
  const [{ createOauth }, { signIn }] = await Promise.all([import("./oauth.ts"), import("./sign-in.ts")]);
  const wire = createWire();
  try {
    const client = { provider, id, secret: secret === "" ? undefined : secret };
    const oauth = createOauth({ client, wire, now });
    const { accessToken, refreshToken } = yield* signIn({ ...parts, provider, clientId: id, oauth });
    if (refreshToken === undefined)
      throw new ConfigError(
        `${provider.name} gave no refresh token, so the sign-in would be over in an hour: its scopes have to ask for one (offline_access with many; the setting "providers").`,
      );
    return {
      login: byToken({ get: async () => accessToken, refused: () => undefined }),
      kept: {
        [SIGN_IN]: provider.name,
        EMAIL_CLIENT_ID: id,
        EMAIL_CLIENT_SECRET: secret,
        EMAIL_REFRESH_TOKEN: refreshToken,
      },
    };
  } finally {
    wire.close();
  }
}

interface Kind {
  readonly secret?: boolean;
  readonly optional?: boolean;
}
export const OPTIONAL: Kind = { optional: true };

/** Asks for a variable of the account with that number; the answer is without spaces around it. */
export function asking(number: number) {
  return async function* ask(variable: string, text: string, kind: Kind = {}): Steps<string> {
    const name = numberedVariable(variable, number);
    return ((yield { step: "ask", name, text, secret: false, ...kind }) ?? "").trim();
  };
}
