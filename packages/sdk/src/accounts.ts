/**
 * The accounts of a channel, by the variables that hold their secrets: `X_TOKEN` is the first account, `X_TOKEN_2`
 * the second, and so on. The first has no name and the others are named by their number, where the owner names them not.
 */
import { ConfigError } from "./errors.ts";

export interface NumberedAccount<Variable extends string> {
  /** As it stands in the addresses of its chats. */
  readonly account: string;
  /** Of its variables, from 1. */
  readonly number: number;
  /** By the names without a number. */
  readonly values: Readonly<Record<Variable, string>>;
}

export interface NumberedOptions<Variable extends string> {
  /** As people call it: `Telegram`. */
  readonly platform: string;
  /** What each account needs, without a number. */
  readonly variables: readonly Variable[];
  /** How many there may be; the manifest declares the variables of each. */
  readonly most: number;
  /** In the order of the numbers. */
  readonly names?: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * What the account with that number, from 1, is called.
 * @param names by their owner, in the order of the numbers
 */
export function numberedName(number: number, names: readonly string[] = []): string {
  return names[number - 1] ?? (number === 1 ? "" : String(number));
}

/** The name of a variable of the account with that number, from 1. */
export function numberedVariable(variable: string, number: number): string {
  return number === 1 ? variable : `${variable}_${number}`;
}

/**
 * Those that have any variable. A name without one is of an account that is not connected yet, or was disconnected.
 * @throws ConfigError one has not all of its variables, or two have the same name
 */
export function numberedAccounts<Variable extends string>({
  platform,
  variables,
  most,
  names,
  environment,
}: NumberedOptions<Variable>): NumberedAccount<Variable>[] {
  const accounts = Array.from({ length: most }, (_, index) => index + 1).flatMap((number) => {
    const account = numberedName(number, names);
    const missing = variables.filter((variable) => !environment[numberedVariable(variable, number)]);
    if (missing.length === variables.length) return [];
    if (missing.length > 0)
      throw new ConfigError(
        `The ${platform} account "${account}" lacks ${missing.map((variable) => numberedVariable(variable, number)).join(" and ")}: set it in the home's .env, or take the account away.`,
      );
    const values = Object.fromEntries(
      variables.map((variable) => [variable, environment[numberedVariable(variable, number)] ?? ""]),
    ) as Record<Variable, string>; // fromEntries knows its keys as strings
    return { account, number, values };
  });
  if (new Set(accounts.map(({ account }) => account)).size < accounts.length)
    throw new ConfigError(`Two ${platform} accounts have the same name.`);
  return accounts;
}

/**
 * The number of the next account that may be connected.
 * @throws ConfigError there are as many as there may be
 */
export function nextNumber({
  platform,
  variables,
  most,
  environment,
}: Omit<NumberedOptions<string>, "names">): number {
  for (let number = 1; number <= most; number += 1) {
    if (variables.every((variable) => !environment[numberedVariable(variable, number)])) return number;
  }
  throw new ConfigError(
    `There are ${most} ${platform} accounts already; take one out of the home's .env first.`,
  );
}

/**
 * A server's address without a slash at its end.
 * @param url `http(s)://` or `ws(s)://`
 * @throws ConfigError secrets would go over a network in the clear, and that was not allowed
 */
export function safeRoot(url: string, { who, allowPlain }: { who: string; allowPlain: boolean }): string {
  const { protocol, hostname } = new URL(url);
  const plain = protocol === "http:" || protocol === "ws:";
  const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  if (plain && !loopback && !allowPlain)
    throw new ConfigError(
      `${who} at ${hostname} is reached without encryption, so that anybody on the way reads its secrets. Use https, or set allowPlainHttp.`,
    );
  return url.replace(/\/+$/, "");
}
