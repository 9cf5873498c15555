/**
 * `bellhop plugins`: finding, adding, updating and removing what is not Bellhop's own. All of it works on the files
 * of the home, with and without a host; one that runs sees them change. Results are on stdout, questions and
 * what leads to them on stderr.
 */
import { RejectedError } from "@bellhop/sdk";
import { Command, InvalidArgumentError } from "commander";
import { listedOrigin } from "../plugins/market/catalogue.ts";
import { type Fetched, type Market, updateOrigin } from "../plugins/market/market.ts";
import { type Origin, originOf } from "../plugins/market/origin.ts";
import type { Prepared } from "../plugins/market/prepare.ts";
import type { Present } from "../plugins/market/present.ts";
import { homeOption } from "./home-option.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";
import { at, type HomeOptions } from "./plugins-at.ts";
import { authorCommands } from "./plugins-author.ts";
import { catalogueOf, lookCommands } from "./plugins-look.ts";
import { decide, type Given, type HowToDecide } from "./plugins-decide.ts";
import { decideForeign } from "./plugins-foreign.ts";
import { pairs, setCommand } from "./plugins-set.ts";

type AddOptions = HomeOptions & Given & { readonly link?: true };

export function pluginsCommand(io: Io): Command {
  const add = asking(new Command("add"))
    .summary("add a plugin")
    .description(
      "Fetches it, shows what it asks for, asks whom it is for and what it needs, and then once whether you want it. None of its code is run before, and no script of its installation at all.",
    )
    .argument(
      "<what>",
      "a package (weather, weather@1.2.0), a file (./weather.tgz), a folder, or a git address",
    )
    .option("--link", "use a folder where it lies, while you work on it")
    .option("--host <hosts...>", "of a plugin for another assistant: hosts that agents may reach for it")
    .option(
      "--bind <variable=host>",
      "of such a plugin: it is a secret that may go to this host (repeatable)",
      bindings,
    )
    .action(async (what: string, options: AddOptions) => {
      const { market, how } = await at(io, options);
      const found = await whatIsMeant(io, options, market, what);
      const added =
        "kind" in found
          ? await fetchAndAdd(market, found, how, options)
          : await addPrepared(await market.reconsider(found), how);
      said(io, added);
    });

  const update = asking(new Command("update"))
    .summary("update one plugin, or all")
    .description(
      "Fetches the newest version from where each came from. Whom it is for and what was set stays. What it asks for beyond what you approved is shown and asked; if you refuse, the old one stays. A version never goes down.",
    )
    .argument("[name]", "default: all that can be updated")
    .action(async (name: string | undefined, options: AddOptions) => {
      const { market, how } = await at(io, options);
      const all = name === undefined ? await updatable(market) : [await market.named(name)];
      if (all.length === 0) io.stdout.write("There is nothing to update.\n");
      const failed: string[] = [];
      for (const one of all) {
        try {
          said(io, await fetchAndAdd(market, updateOrigin(one), how, {}));
        } catch (error) {
          if (name !== undefined || !(error instanceof RejectedError)) throw error;
          failed.push(`${one.name}: ${error.message}`);
        }
      }
      if (failed.length > 0) throw new RejectedError(failed.join("\n"));
    });

  const remove = new Command("remove")
    .summary("remove a plugin")
    .description(
      "Takes away its code, what you decided about it, and secrets in .env that nothing else uses. What it keeps for itself stays, unless you say --purge.",
    )
    .argument("<name>")
    .option("--purge", "also what it keeps for itself")
    .option("--yes", "do not ask")
    .action(async (name: string, options: HomeOptions & { purge?: true; yes?: true }) => {
      const { market, how } = await at(io, options);
      const { variables, plugin, remove: go } = await market.considerRemoval(name);
      const goes = [
        plugin.place !== "home" ? "what you decided about it" : "its code and what you decided about it",
        ...variables.map((variable) => `${variable} in .env`),
        ...(options.purge ? ["what it keeps for itself"] : []),
      ];
      how.show(`This removes ${name}: ${goes.join(", ")}.`);
      if (!options.yes) {
        if (!how.questions)
          throw new RejectedError("Nobody can be asked here: say --yes. Nothing was changed.");
        if (!(await how.questions.confirm(`Remove ${name}?`))) throw new ExitCode(1);
      }
      await go({ purge: options.purge ?? false });
      io.stdout.write(`${name} is removed.\n`);
    });

  const enable = asking(new Command("enable"))
    .summary("turn a plugin on")
    .description("Turns it on again. If it asks for more than you approved, that is shown and asked.")
    .argument("<name>")
    .action(async (name: string, options: AddOptions) => {
      const { market, how } = await at(io, options);
      const prepared = await market.reconsider(await market.named(name));
      if (prepared.installed && prepared.added.length === 0) await market.enable(name, true);
      else if (!(await addPrepared({ ...prepared, same: false }, how))) throw new ExitCode(1);
      io.stdout.write(`${name} is on.\n`);
    });

  const disable = new Command("disable")
    .summary("turn a plugin off, and keep it")
    .description("Turns it off. Its code, its settings and what it keeps stay.")
    .argument("<name>")
    .action(async (name: string, options: HomeOptions) => {
      const { market } = await at(io, options);
      await market.enable(name, false);
      io.stdout.write(`${plain(name)} is off.\n`);
    });

  const plugins = new Command("plugins")
    // What follows the command of a plugin is for that command.
    .enablePositionalOptions()
    .summary("find, add, update and remove plugins")
    .description("Channels, skills, hooks and tools that are not Bellhop's own: docs/plugins.md.")
    .addHelpText("after", HELP);
  const commands = [
    add,
    update,
    remove,
    enable,
    disable,
    setCommand(io),
    ...lookCommands(io),
    ...authorCommands(io),
  ];
  for (const command of commands)
    plugins.addCommand(command.addOption(homeOption()).copyInheritedSettings(plugins));
  return plugins;
}

/** A plugin that is here and was not added yet, one that a catalogue lists, or whatever else it names. */
async function whatIsMeant(
  io: Io,
  options: HomeOptions,
  market: Market,
  what: string,
): Promise<Origin | Present> {
  const here = (await market.present()).find(({ name }) => name === what);
  if (here?.installed && !here.problem) {
    throw new RejectedError(
      `${what} is here already: bellhop plugins update ${what}, or bellhop plugins info ${what}.`,
    );
  }
  if (here?.manifest) return here;
  if (/^[a-z0-9][a-z0-9-]*$/.test(what)) {
    const { listed } = await catalogueOf(io, options);
    const one = listed.find(({ name }) => name === what);
    if (one) return listedOrigin(one);
  }
  return originOf(what, process.cwd());
}

async function fetchAndAdd(
  market: Market,
  origin: Origin,
  how: HowToDecide,
  { link }: { readonly link?: true },
): Promise<Prepared | undefined> {
  await using fetched: Fetched = await market.fetch(origin, { link: link ?? false });
  const answers = await decideForeign(fetched, how);
  return await addPrepared(await fetched.check(answers), how);
}

/** @returns undefined where they did not want it */
async function addPrepared(prepared: Prepared, how: HowToDecide): Promise<Prepared | undefined> {
  if (prepared.same && prepared.added.length === 0) return prepared;
  const decided = await decide(prepared, how);
  if (!decided) return undefined;
  await prepared.install(decided);
  return prepared;
}

function said(io: Io, prepared: Prepared | undefined): void {
  if (!prepared) {
    io.stderr.write("Nothing was changed.\n");
    throw new ExitCode(1);
  }
  const { name, version } = prepared.manifest;
  const word = prepared.same ? "is here already" : prepared.installed ? "is updated" : "is added";
  io.stdout.write(`${name} ${version} ${word}.\n`);
}

/** Those that come from somewhere. */
async function updatable(market: Market): Promise<readonly Present[]> {
  const all = await market.present();
  return all.filter(({ installed, linked }) => installed && installed.source.from !== "bellhop" && !linked);
}

function asking(command: Command): Command {
  return command
    .option("--scope-groups <groups>", "whom it is for: all, or folders of groups with commas")
    .option("--scope-channels <channels>", "on which channels: all, or their names with commas")
    .option("--set <name=value>", "a setting or a variable that is no secret (repeatable)", pairs)
    .option("--yes", "approve what it asks for, without being asked");
}

function bindings(text: string, before: Readonly<Record<string, readonly string[]>> = {}) {
  const [, name, host] = /^([A-Z][A-Z0-9_]*)=(\S+)$/.exec(text) ?? [];
  if (name === undefined || host === undefined) throw new InvalidArgumentError("Write it as VARIABLE=host.");
  return { ...before, [name]: [...(before[name] ?? []), host] };
}

const HELP = `
Examples:
  bellhop plugins search weather
  bellhop plugins add bellhop-plugin-weather
  bellhop plugins add ./my-plugin --link
  bellhop plugins add https://git.example.com/plugins.git#main:weather --scope-groups family --yes
  bellhop plugins audit weather --newest
  bellhop plugins new tool dice
  bellhop plugins set weather --scope-groups family --variable family/CITY=Graz
  bellhop plugins run mail login

Exit codes: 0 done; 1 not done, or not wanted; of run: the plugin's own.`;
