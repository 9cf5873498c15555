/** How an account shows its servers who it is: with its password, or with a token that is asked for when it is needed. */
import { ConfigError } from "@bellhop/sdk";

export type Proof = { readonly pass: string } | { readonly accessToken: string };

export interface Login {
  /**
   * Calls `use` with the proof: once more with another one where the first was a token, and was refused.
   * @throws whatever `use` does; what asking for a token does
   */
  with<T>(use: (proof: Proof) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** Access tokens of one account. */
export interface Tokens {
  /** @throws ConfigError whoever owns it has to sign in again; TemporaryError */
  get(signal: AbortSignal): Promise<string>;
  /** A server did not take that one, whatever its time is: the next is another, where there can be another. */
  refused(token: string): void;
}

/** A server does not let us in. */
export class LoginRefusedError extends ConfigError {}

export function byPassword(pass: string): Login {
  return { with: async (use) => await use({ pass }) };
}

export function byToken(tokens: Tokens): Login {
  return {
    async with(use, signal) {
      const accessToken = await tokens.get(signal);
      try {
        return await use({ accessToken });
      } catch (error) {
        if (!(error instanceof LoginRefusedError)) throw error;
        tokens.refused(accessToken);
        const another = await tokens.get(signal);
        if (another === accessToken) throw error;
        return await use({ accessToken: another });
      }
    },
  };
}

/** @param does what the server does, such as `does not let bell@example.org in` */
export function refusedLogin(does: string, proof: Proof, cause: unknown): LoginRefusedError {
  const advice =
    "pass" in proof
      ? "Look whether the password is right: many providers want an app password here, and some none, but signing in (docs/email.md)."
      : "Look whether it was this address that signed in, and whether the app may do this (docs/email.md).";
  return new LoginRefusedError(
    `${does}. ${advice} IMAP and SMTP may have to be turned on. Then: bellhop channels connect email`,
    { cause },
  );
}

export function noTokens(kind: "IMAP" | "SMTP", host: string): ConfigError {
  return new ConfigError(
    `The ${kind} server ${host} takes no sign-in with tokens (XOAUTH2): connect the account with a password, by bellhop channels connect email`,
  );
}
