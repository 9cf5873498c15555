/**
 * Placeholders: what a sandbox has in the place of a secret, `bellhop-secret-GITHUB_TOKEN`. It says which
 * one is meant and is worth nothing itself.
 */
import type { SecretName } from "./file.ts";

const PLACEHOLDER = /bellhop-secret-([A-Za-z0-9_]+)/g;

export function placeholder(name: SecretName): string {
  return `bellhop-secret-${name}`;
}

/** Names that placeholders in this text stand for, whether there are such secrets or not. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(PLACEHOLDER)].map(([, name = ""]) => name);
}

/** Puts `value` where the placeholder of this one name stands; that of a longer name is another. */
export function filled(text: string, name: SecretName, value: string): string {
  return text.replaceAll(PLACEHOLDER, (whole, named: string) => (named === name ? value : whole));
}
