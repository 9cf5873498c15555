/**
 * What an owner is shown and asked before a plugin is added or updated, and what a command line says in their
 * place. They are asked once whether they want it; nothing has changed until then.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Installed, PluginScope } from "../core/plugin.ts";
import { GroupFolder } from "../core/ids.ts";
import {
  type Need,
  needsOf,
  reachesAgents,
  reachWarnings,
  settingsOf,
  settingValue,
} from "../plugins/market/needs.ts";
import type { Decided, Prepared } from "../plugins/market/prepare.ts";
import { sourceWords } from "../plugins/market/present.ts";
import { settingsProblem } from "../plugins/registry.ts";
import { plain } from "./plain.ts";
import type { Questions } from "./questions.ts";

/** What the command line says. */
export interface Given {
  readonly yes?: true;
  readonly scopeGroups?: string;
  readonly scopeChannels?: string;
  readonly set?: Readonly<Record<string, string>>;
  /** Of a plugin for another assistant: what it may reach, and where its secrets may go. */
  readonly host?: readonly string[];
  readonly bind?: Readonly<Record<string, readonly string[]>>;
}

export interface HowToDecide {
  readonly given: Given;
  /** Undefined where nobody can be asked, or everything was answered beforehand. */
  readonly questions: Questions | undefined;
  /** Names of variables that have a value. */
  readonly variables: ReadonlySet<string>;
  show(line: string): void;
}

/**
 * Shows what the plugin asks for, asks what is open, and then whether they want it.
 * @returns undefined: they do not
 * @throws RejectedError where nobody can be asked and something is missing
 */
export async function decide(prepared: Prepared, how: HowToDecide): Promise<Decided | undefined> {
  const { manifest, installed, added } = prepared;
  const { given, questions, show } = how;
  describe(prepared, show);
  const scope = await scopeOf(prepared, how);
  for (const warning of reachWarnings(manifest, scope)) show(`Warning: ${warning}`);
  const needs = needsOf(manifest, installed, how.variables);
  const values = await valuesOf(prepared, needs, how);
  const quiet = installed !== undefined && added.length === 0 && samePlaces(installed.scope, scope);
  if (given.yes || quiet) return { ...values, scope };
  if (!questions) {
    throw new RejectedError(
      "Nobody can be asked here. Read what it asks for, and say --yes. Nothing was changed.",
    );
  }
  const sure = await questions.confirm(
    installed
      ? `Update ${manifest.name} and let it have that?`
      : `Add ${manifest.name} and let it have that?`,
  );
  return sure ? { ...values, scope } : undefined;
}

function describe(
  { manifest, source, installed, asks, added, gone }: Prepared,
  show: HowToDecide["show"],
): void {
  const { name, version, description } = manifest;
  show(`${name} ${version}, from ${sourceWords(source)}${installed ? ` (here: ${installed.version})` : ""}`);
  if (description !== undefined) show(`  ${plain(description)}`);
  if (!installed) {
    show(asks.length === 0 ? "It asks for nothing." : "It asks for:");
    for (const line of asks) show(`  ${plain(line)}`);
    return;
  }
  if (added.length === 0 && gone.length === 0) return show("It asks for nothing else than before.");
  show("What it asks for has changed:");
  for (const line of added) show(`  + ${plain(line)}`);
  for (const line of gone) show(`  - ${plain(line)}`);
}

async function scopeOf(
  { manifest, installed }: Prepared,
  { given, questions }: HowToDecide,
): Promise<PluginScope> {
  const before = installed?.scope;
  const wished = manifest.scope.groups;
  const groups =
    before?.groups ??
    (wished === "all" && manifest.personalData ? [GroupFolder.parse("main")] : groupsOf(wished));
  const channels = before?.channels ?? manifest.scope.channels;
  const chosen = {
    groups: given.scopeGroups === undefined ? groups : groupsOf(namesOf(given.scopeGroups)),
    channels: given.scopeChannels === undefined ? channels : namesOf(given.scopeChannels),
  };
  const open = questions && !before && (reachesAgents(manifest) || manifest.hooks.length > 0);
  if (!open) return chosen;
  return {
    groups:
      given.scopeGroups === undefined
        ? groupsOf(
            namesOf(
              await questions.ask(
                "Which groups is it for? (all, or their folders with commas)",
                placeWords(groups),
              ),
            ),
          )
        : chosen.groups,
    channels:
      given.scopeChannels === undefined
        ? namesOf(
            await questions.ask("On which channels? (all, or their names with commas)", placeWords(channels)),
          )
        : chosen.channels,
  };
}

async function valuesOf(
  { manifest, installed }: Prepared,
  needs: readonly Need[],
  { given, questions }: HowToDecide,
): Promise<Pick<Decided, "settings" | "variables" | "values">> {
  const settings: Installed["settings"] = { ...installed?.settings };
  const variables: Record<string, string> = {};
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(given.set ?? {})) {
    const kind = kindOf(manifest, name);
    if (kind === "setting") settings[name] = settingValue(manifest, name, value);
    else if (kind === "sandbox") variables[name] = value;
    else values[name] = value;
  }
  const missing: Need[] = [];
  for (const one of needs) {
    if (given.set?.[one.name] !== undefined) continue;
    const value = questions ? await answerTo(one, questions) : "";
    if (value === "" && one.required) missing.push(one);
    if (value === "") continue;
    if (one.kind === "setting") settings[one.name] = settingValue(manifest, one.name, value);
    else if (one.kind === "sandbox") variables[one.name] = value;
    else values[one.name] = value;
  }
  const wrong = settingsProblem({ name: manifest.name, manifest }, { settings });
  if (missing.length === 0 && wrong !== undefined) {
    throw new RejectedError(`${wrong.replace(/; mend them.*$/, "")}. Nothing was changed.`);
  }
  if (missing.length === 0) return { settings, variables, values };
  const words = missing.map(({ name, description, secret }) =>
    secret
      ? `${name} (${description}): put it into .env of the home`
      : `${name} (${description}): --set ${name}=…`,
  );
  throw new RejectedError(`It cannot work without these; nothing was changed.\n  ${words.join("\n  ")}`);
}

async function answerTo(
  { name, description, required, secret }: Need,
  questions: Questions,
): Promise<string> {
  const what = `${name}, ${plain(description)}`;
  if (!secret) return await questions.ask(`${what}${required ? "" : " (empty: later)"}:`);
  if (!required && !(await questions.confirm(`Give ${what}, now?`))) return "";
  return await questions.secret(`${what} (not shown):`);
}

/** @throws RejectedError for what the plugin does not know, and for secrets, which others can read off a command line */
export function kindOf(manifest: Prepared["manifest"], name: string): Need["kind"] {
  const secret = [
    ...manifest.environment.filter((one) => one.secret).map((one) => one.name),
    ...manifest.variables.filter((one) => one.secret).map((one) => one.name),
    ...manifest.credentials.map((one) => one.secret),
  ];
  if (secret.includes(name)) {
    throw new RejectedError(
      `${name} is a secret, and others on this machine can read a command line: put it into .env, or answer when you are asked.`,
    );
  }
  if (manifest.variables.some((one) => one.name === name)) return "sandbox";
  if (manifest.environment.some((one) => one.name === name)) return "variable";
  const known = Object.keys(settingsOf(manifest).properties);
  if (known.includes(name)) return "setting";
  const names = [...known, ...[...manifest.variables, ...manifest.environment].map((one) => one.name)];
  throw new RejectedError(
    `${manifest.name} has no setting ${JSON.stringify(name)}${names.length === 0 ? "" : `; it has ${names.join(", ")}`}.`,
  );
}

export function namesOf(text: string): "all" | string[] {
  return text.trim() === "all" ? "all" : [...listOf(text)];
}

export function groupsOf(names: "all" | readonly string[]): PluginScope["groups"] {
  if (names === "all") return "all";
  return names.map((name) => {
    const group = GroupFolder.safeParse(name);
    if (group.success) return group.data;
    throw new RejectedError(
      `${plain(name)} is no group: a folder's name is lower-case letters, digits and dashes.`,
    );
  });
}

export function listOf(text: string): readonly string[] {
  if (/^(none|no|-)?$/i.test(text.trim())) return [];
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

export function listWords(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(",");
}

export function placeWords(names: "all" | readonly string[]): string {
  return names === "all" ? "all" : listWords(names);
}

function samePlaces(a: PluginScope, b: PluginScope): boolean {
  return placeWords(a.groups) === placeWords(b.groups) && placeWords(a.channels) === placeWords(b.channels);
}
