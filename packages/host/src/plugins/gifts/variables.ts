/**
 * The variables that a plugin's skills and MCP servers have in a group's sandbox. Pure.
 *
 * - Of several values the group's own counts, then that of all groups, then the default of the manifest.
 * - A secret is a placeholder, which the broker swaps where it is bound; as it is, only where the owner
 *   revealed it to this very group.
 * - `${NAME}` and `${NAME:-otherwise}` in what a plugin says of its MCP servers stand for them. What has no value
 *   is no empty text: whatever wants it is left out, and told of.
 */
import type { GroupFolder } from "../../core/ids.ts";
import type { ActivePlugin } from "../../core/plugin.ts";
import { isOfTheModel, isOfTheRoom } from "../../core/variable-name.ts";

/** A secret as a group has it. */
export interface GroupSecret {
  readonly placeholder: string;
  /** Undefined where it could not be had. */
  readonly value: string | undefined;
}
/** Undefined: this group has none of that name. */
export type SecretOf = (group: GroupFolder, name: string) => GroupSecret | undefined;

export interface Variables {
  /** No secrets. */
  readonly plain: Readonly<Record<string, string>>;
  readonly placeholders: Readonly<Record<string, string>>;
  /** Secrets as they are, of the few that the owner revealed. */
  readonly revealed: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

type Plugin = Pick<ActivePlugin, "name" | "manifest" | "installed">;

export function variablesOf(
  { manifest, installed }: Plugin,
  group: GroupFolder,
  secretOf: SecretOf,
): Variables {
  const problems: string[] = [];
  const plain: Record<string, string> = {};
  const placeholders: Record<string, string> = {};
  const revealed: Record<string, string> = {};
  const secrets = new Set([
    ...manifest.variables.flatMap(({ name, secret }) => (secret ? name : [])),
    ...manifest.credentials.map(({ secret }) => secret),
  ]);

  for (const { name, default: usual } of manifest.variables) {
    if (secrets.has(name)) continue;
    const value = installed.variables[group]?.[name] ?? installed.variables["*"]?.[name] ?? usual;
    if (isOfTheModel(name) || isOfTheRoom(name)) {
      problems.push(`its variable ${name} is left out: the sandbox itself needs one of that name`);
    } else if (value?.includes("\0")) {
      problems.push(
        `its variable ${name} is left out: its value holds a character that no variable can have`,
      );
    } else if (value !== undefined) plain[name] = value;
  }
  for (const name of secrets) {
    const secret = secretOf(group, name);
    if (!secret) continue; // of a name that cannot be used, or kept from this group: told of by who keeps secrets
    placeholders[name] = secret.placeholder;
    if (!isRevealed(installed.revealed, name, group)) continue;
    if (secret.value === undefined)
      problems.push(`the secret ${name}, which is revealed, has no value just now`);
    else revealed[name] = secret.value;
  }
  return { plain, placeholders, revealed, problems };
}

function isRevealed(
  revealed: ActivePlugin["installed"]["revealed"],
  name: string,
  group: GroupFolder,
): boolean {
  return revealed.some(({ variable, groups }) => variable === name && groups.includes(group));
}

export type Filled = { readonly text: string } | { readonly missing: string };

/** With values in the place of their names, or the first name that has none. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): Filled {
  let missing: string | undefined;
  const filled = text.replaceAll(
    /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_whole, name: string, otherwise: string | undefined) => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined && otherwise === undefined) missing ??= name;
      return value ?? otherwise ?? "";
    },
  );
  return missing === undefined ? { text: filled } : { missing };
}
