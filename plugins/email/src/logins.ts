/** How each account is let in. What tokens take is loaded where an account has one: most have a password. */
import { createWire, type Logger } from "@bellhop/sdk";
import { readdirSync } from "node:fs";
import { byPassword, byToken, type Login } from "./login.ts";
import type { Account } from "./settings.ts";

type Known = Pick<Account, "number" | "credentials">;

export interface LoginParts {
  /** Of the plugin's own. */
  readonly folder: string;
  readonly now: () => number;
  readonly log: Logger;
  /** Ends whatever is asked of a provider. */
  readonly signal: AbortSignal;
}

/** What was kept of others than these accounts is taken away. */
export async function openLogins(
  accounts: readonly Known[],
  { folder, now, log, signal }: LoginParts,
): Promise<(account: Known) => Login> {
  const signedIn = accounts.filter(({ credentials }) => credentials.how === "token");
  const isUsed = signedIn.length > 0 || readdirSync(folder).some((file) => file.startsWith("sign-in-"));
  const parts = isUsed
    ? await Promise.all([import("./kept.ts"), import("./oauth.ts"), import("./token.ts")])
    : undefined;
  parts?.[0].forgetOthers(
    folder,
    signedIn.map(({ number }) => number),
  );

  return ({ number, credentials }) => {
    if (credentials.how === "password") return byPassword(credentials.password);
    if (!parts) throw new Error("an account that was not told of");
    const [{ openKept }, { createOauth }, { createTokens }] = parts;
    const { provider, clientId: id, clientSecret: secret, refreshToken: given } = credentials;
    const oauth = createOauth({ client: { provider, id, secret }, wire: createWire(signal), now });
    return byToken(createTokens({ oauth, kept: openKept(folder, { number, given, log }), now, signal }));
  };
}
