/**
 * Which of the variables that a plugin declares are one account's: `X_TOKEN` the first one's, `X_TOKEN_2` the second
 * one's, and so on. What has neither a number nor a sibling with one serves all of them. Pure.
 */
import { numberedVariable } from "@bellhop/sdk";

export interface AccountVariables {
  readonly own: readonly string[];
  /** They are of no use once there is no account left. */
  readonly common: readonly string[];
  /** Of the other accounts. */
  readonly others: readonly string[];
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
