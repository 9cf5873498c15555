/**
 * Which account is which, and which of the variables that a plugin declares are its own: `X_TOKEN` is the first one's,
 * `X_TOKEN_2` the second one's, and so on. What has neither a number nor a sibling with one serves all of them. Pure.
 */
import { numberedVariable } from "@bellhop/sdk";

export interface AccountVariables {
  readonly own: readonly string[];
  /** They are of no use once there is no account left. */
  readonly common: readonly string[];
  /** Of the other accounts. */
  readonly others: readonly string[];
}

/**
 * Which account is meant; undefined where it is none.
 * @param account as in the addresses of its chats, or its number; empty for the first
 * @param names that the owner gave the accounts, in the order of their numbers
 */
export function accountNumber(account: string, names: readonly string[]): number | undefined {
  const named = names.indexOf(account);
  if (named >= 0) return named + 1;
  if (account === "") return 1;
  return /^[1-9]\d?$/.test(account) ? Number(account) : undefined;
}

/** @param number of the account, from 1 */
export function accountVariables(declared: readonly string[], number: number): AccountVariables {
  const first = (variable: string) => variable.replace(/_(?:[2-9]|[1-9]\d+)$/, "");
  const isNumbered = (variable: string) =>
    declared.some((one) => one !== variable && first(one) === variable);
  const roots = declared.filter(isNumbered);
  const numbered = declared.filter((variable) => roots.includes(first(variable)));
  // A plugin that has one account declares no numbers: all that it has is of that one.
  if (roots.length === 0) return { own: number === 1 ? declared : [], common: [], others: [] };
  const own = roots.map((root) => numberedVariable(root, number)).filter((one) => declared.includes(one));
  return {
    own,
    common: declared.filter((variable) => !numbered.includes(variable)),
    others: numbered.filter((variable) => !own.includes(variable)),
  };
}
