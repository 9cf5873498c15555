/**
 * `bellhop plugins set`: changes what an owner decided about a plugin that is there: whom it is for, its settings,
 * the values of variables for single groups, and, as the last resort, who sees a secret as it is.
 */
import { type Manifest, RejectedError } from "@bellhop/sdk";
import { Command, InvalidArgumentError } from "commander";
import { GroupFolder } from "../core/ids.ts";
import type { Installed } from "../core/plugin.ts";
import { reachWarnings, settingValue } from "../plugins/market/needs.ts";
import { settingsProblem } from "../plugins/registry.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";
import { at, type HomeOptions } from "./plugins-at.ts";
import { type Given, groupsOf, kindOf, listOf, namesOf } from "./plugins-decide.ts";

type SetOptions = HomeOptions &
  Given & {
    readonly variable?: readonly GroupValue[];
    readonly reveal?: Readonly<Record<string, string>>;
  };

interface GroupValue {
  readonly group: GroupFolder;
  readonly name: string;
  /** Undefined: as for all groups again. */
  readonly value: string | undefined;
}

export function setCommand(io: Io): Command {
  return new Command("set")
    .summary("change whom a plugin is for, and its settings")
    .description(
      "Changes what you decided about a plugin that is here; a Bellhop that runs sees it at once. What is not named stays as it is.",
    )
    .argument("<name>")
    .option("--scope-groups <groups>", "whom it is for: all, or folders of groups with commas")
    .option("--scope-channels <channels>", "on which channels: all, or their names with commas")
    .option("--set <name=value>", "a setting or a variable that is no secret (repeatable)", pairs)
    .option(
      "--variable <group/name=value>",
      "a variable's value for one group, over that of all; empty takes it away (repeatable)",
      groupValues,
    )
    .option(
      "--reveal <variable=groups>",
      "let these groups' agents see this secret AS IT IS, where nothing else works; empty takes it back (repeatable)",
      pairs,
    )
    .option("--yes", "do not ask before a secret is revealed")
    .action(async (name: string, options: SetOptions) => {
      const { market, how } = await at(io, options);
      const { manifest, installed } = await market.named(name);
      if (!manifest || !installed)
        throw new RejectedError(`${plain(name)} was never added: bellhop plugins add ${plain(name)}.`);
      const changed = change(manifest, installed, options);
      for (const warning of reachWarnings(manifest, changed.scope)) how.show(`Warning: ${warning}`);
      const shown = Object.entries(options.reveal ?? {}).filter(([, groups]) => listOf(groups).length > 0);
      for (const [variable, groups] of shown) {
        const who = listOf(groups).join(", ");
        how.show(
          `Warning: agents of ${who} will see ${variable} as it is, and whoever they talk to may get it.`,
        );
      }
      if (shown.length > 0 && !options.yes) {
        if (!how.questions)
          throw new RejectedError("Nobody can be asked here: say --yes. Nothing was changed.");
        if (!(await how.questions.confirm("Reveal it?"))) throw new ExitCode(1);
      }
      await market.change(name, (now) => change(manifest, now, options));
      io.stdout.write(`${name} is changed.\n`);
    });
}

/** @throws RejectedError for what the plugin does not know, or does not take */
export function change(manifest: Manifest, installed: Installed, given: SetOptions): Installed {
  const { scopeGroups, scopeChannels, set = {}, variable = [], reveal = {} } = given;
  const settings = { ...installed.settings };
  const variables = { ...installed.variables };
  for (const [name, value] of Object.entries(set)) {
    const kind = kindOf(manifest, name);
    if (kind === "variable")
      throw new RejectedError(`${name} is a variable of its own program: put it into .env of the home.`);
    if (kind === "setting") settings[name] = settingValue(manifest, name, value);
    else variables["*"] = { ...variables["*"], [name]: value };
  }
  for (const { group, name, value } of variable) {
    if (kindOf(manifest, name) !== "sandbox")
      throw new RejectedError(
        `${name} is no variable that agents see, so groups have no values of their own.`,
      );
    const { [name]: _before, ...others } = variables[group] ?? {};
    variables[group] = value === undefined ? others : { ...others, [name]: value };
  }
  const wrong = settingsProblem({ name: manifest.name, manifest }, { settings });
  if (wrong !== undefined)
    throw new RejectedError(`${wrong.replace(/; mend them.*$/, "")}. Nothing was changed.`);
  return {
    ...installed,
    scope: {
      groups: scopeGroups === undefined ? installed.scope.groups : groupsOf(namesOf(scopeGroups)),
      channels: scopeChannels === undefined ? installed.scope.channels : namesOf(scopeChannels),
    },
    settings,
    variables,
    revealed: revealedBy(manifest, installed, reveal),
  };
}

function revealedBy(
  { name, variables }: Manifest,
  installed: Installed,
  reveal: Readonly<Record<string, string>>,
): Installed["revealed"] {
  const kept = installed.revealed.filter(({ variable }) => reveal[variable] === undefined);
  const more = Object.entries(reveal).flatMap(([variable, text]) => {
    if (!variables.some((one) => one.name === variable && one.secret))
      throw new RejectedError(`${name} has no secret ${plain(variable)} that agents use.`);
    const groups = groupsOf(listOf(text));
    if (groups === "all" || listOf(text).includes("all"))
      throw new RejectedError("A secret is revealed to groups that you name, not to all.");
    return groups.length === 0 ? [] : { variable, groups };
  });
  return [...kept, ...more];
}

export function pairs(text: string, before: Readonly<Record<string, string>> = {}) {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError("Write it as name=value.");
  return { ...before, [name]: value };
}

function groupValues(text: string, before: readonly GroupValue[] = []): readonly GroupValue[] {
  const [, folder, name, value] = /^([^/=]+)\/([A-Z][A-Z0-9_]*)=(.*)$/s.exec(text) ?? [];
  const group = GroupFolder.safeParse(folder);
  if (!group.success || name === undefined) throw new InvalidArgumentError("Write it as group/NAME=value.");
  return [...before, { group: group.data, name, value: value === "" ? undefined : value }];
}
