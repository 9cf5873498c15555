/** `bellhop plugins list|info|search|audit`: what only reads. */
import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { resolve } from "node:path";
import { homeDirectory, loadConfig } from "../config.ts";
import { asksOf, unapproved } from "../plugins/asks.ts";
import { auditFolder } from "../plugins/market/audit.ts";
import { type Listed, matching, readCatalogue } from "../plugins/market/catalogue.ts";
import { differences, type Section } from "../plugins/market/differences.ts";
import { answersOf } from "../plugins/market/foreign.ts";
import { type Market, updateOrigin } from "../plugins/market/market.ts";
import { needsOf } from "../plugins/market/needs.ts";
import { type Origin, originOf } from "../plugins/market/origin.ts";
import { type Present, sourceWords } from "../plugins/market/present.ts";
import { readManifest } from "../plugins/manifest-file.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { placeWords } from "./plugins-decide.ts";
import { at, type HomeOptions } from "./plugins-at.ts";

export function lookCommands(io: Io): Command[] {
  const list = new Command("list")
    .summary("list the plugins that are here")
    .description(
      "Lists what was added and what comes with Bellhop. How one that runs is doing: bellhop status.",
    )
    .option("--json", "one JSON array")
    .action(async (options: HomeOptions & { json?: true }) => {
      const { market } = await at(io, options);
      const all = await market.present();
      if (options.json) {
        const shown = all.map((one) => ({
          name: one.name,
          version: versionOf(one),
          state: stateOf(one),
          installed: one.installed ?? null,
        }));
        io.stdout.write(`${JSON.stringify(shown)}\n`);
        return;
      }
      io.stdout.write(all.length === 0 ? "No plugins yet.\n" : table(all.map(row)));
    });

  const info = new Command("info")
    .summary("say all about one that is here")
    .description(
      "What it is, what it asks for, what of that you approved, whom it is for, and what it still needs.",
    )
    .argument("<name>")
    .action(async (name: string, options: HomeOptions) => {
      const { market, how } = await at(io, options);
      io.stdout.write(infoOf(await market.named(name), how.variables));
    });

  const search = new Command("search")
    .summary("look for plugins in catalogues")
    .description(
      "Looks in what comes with Bellhop and in the catalogues of plugins.indexes in config.yaml: index files and marketplaces of Claude Code.",
    )
    .argument("<words...>")
    .option("--index <place>", "one more catalogue: an address or a path")
    .action(async (words: readonly string[], options: HomeOptions & { index?: string }) => {
      const { market } = await at(io, options);
      const { listed, problems } = await catalogueOf(io, options);
      const shipped = (await market.present()).flatMap(({ name, manifest, place }): Listed[] =>
        place === "shipped" && manifest
          ? [
              {
                name,
                version: manifest.version,
                description: manifest.description ?? "",
                keywords: manifest.channel ? ["channel"] : [],
                add: name,
                catalogue: "Bellhop",
              },
            ]
          : [],
      );
      for (const problem of problems) io.stderr.write(`${plain(problem)}\n`);
      const found = matching([...shipped, ...listed], words);
      if (found.length === 0) throw new RejectedError("No catalogue has one with these words.");
      io.stdout.write(found.map(listedWords).join(""));
    });

  const audit = new Command("audit")
    .summary("read what a plugin says of itself")
    .description(
      "Shows what it asks for, install scripts, the texts of its skills, MCP servers, image layer, dependencies, hooks and files; against the one that is here, as a diff.",
    )
    .argument("<what>", "the name of one that is here, or whatever add takes")
    .option("--newest", "of one that is here: its newest version, against it")
    .option("--whole", "all of it, not only what differs")
    .action(async (what: string, options: HomeOptions & { newest?: true; whole?: true }) => {
      const { market } = await at(io, options);
      const here = (await market.present()).find(({ name }) => name === what);
      const { sections, name } =
        here && !options.newest
          ? await auditHere(here)
          : await auditElsewhere(market, here ? updateOrigin(here) : originOf(what, process.cwd()));
      const old = (await market.present()).find((one) => one.name === name && one !== here);
      const before =
        old?.installed && old.manifest && (!here || options.newest)
          ? await auditFolder(old.folder, old.manifest)
          : undefined;
      const shown = before && !options.whole ? differences(before, sections) : sections;
      if (before && !options.whole) io.stdout.write(`${name}, against the one that is here:\n`);
      io.stdout.write(shown.map(sectionText).join(""));
      if (shown.length === 0) io.stdout.write("Nothing differs.\n");
      io.stdout.write(AUDIT);
    });

  return [list, info, search, audit];
}

/** What the catalogues list. One that cannot be read hides no other. */
export async function catalogueOf(
  io: Io,
  { home, index }: HomeOptions & { readonly index?: string },
): Promise<{ listed: readonly Listed[]; problems: readonly string[] }> {
  const directory = homeDirectory({ home, env: io.env });
  const { plugins } = loadConfig({ home, env: io.env });
  const places = [
    ...plugins.indexes.map((place) => (URL.canParse(place) ? place : resolve(directory, place))),
    ...(index === undefined ? [] : [URL.canParse(index) ? index : resolve(index)]),
  ];
  const read = await Promise.allSettled(
    places.map((place) => readCatalogue(place, { fetch: globalThis.fetch })),
  );
  return {
    listed: read.flatMap((one) => (one.status === "fulfilled" ? one.value : [])),
    problems: read.flatMap((one) => {
      if (one.status === "fulfilled") return [];
      if (one.reason instanceof RejectedError) return [one.reason.message];
      throw one.reason;
    }),
  };
}

async function auditHere({ name, folder, manifest, problem }: Present) {
  if (!manifest) throw new RejectedError(`${name} cannot be read: ${problem ?? "it has no manifest"}`);
  return { name, sections: await auditFolder(folder, manifest) };
}

async function auditElsewhere(
  market: Market,
  origin: Origin,
): Promise<{ name: string; sections: readonly Section[] }> {
  if (origin.kind === "folder") {
    const manifest = await readManifest(origin.path).catch(() => undefined);
    if (manifest) return { name: manifest.name, sections: await auditFolder(origin.path, manifest) };
  }
  await using fetched = await market.fetch(origin);
  const answers = fetched.foreign && answersOf(fetched.foreign, fetched.before);
  const manifest = await fetched.read(answers);
  return { name: manifest.name, sections: await auditFolder(fetched.folder, manifest) };
}

function sectionText({ title, lines }: Section): string {
  const shown = lines.length === 0 ? ["  none"] : lines.map((line) => `  ${plain(line)}`);
  return `${plain(title)}\n${shown.join("\n")}\n\n`;
}

function stateOf({ installed, manifest, problem }: Present): string {
  if (problem !== undefined || !manifest) return "refused";
  if (!installed) return "not added";
  if (!installed.enabled) return "off";
  return unapproved(manifest, installed.approved).length > 0 ? "asks for more" : "on";
}

const versionOf = ({ manifest, installed }: Present) => manifest?.version ?? installed?.version ?? "?";

function row(one: Present): readonly string[] {
  const { name, installed, place, folder, problem } = one;
  const whom = installed
    ? `groups ${placeWords(installed.scope.groups)}, channels ${placeWords(installed.scope.channels)}`
    : "";
  const from = installed
    ? sourceWords(installed.source)
    : place === "shipped"
      ? "Bellhop itself"
      : `the folder ${folder}`;
  return [name, versionOf(one), stateOf(one), whom, problem ?? from];
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((cells) => (cells[column] ?? "").length)),
  );
  return rows
    .map(
      (cells) =>
        `${plain(
          cells
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join("  ")
            .trimEnd(),
        ).replaceAll("\n", " ")}\n`,
    )
    .join("");
}

function listedWords({ name, version, description, add, catalogue }: Listed): string {
  const how = add === undefined ? `cannot be added from ${catalogue}` : `bellhop plugins add ${add}`;
  const about = description === "" ? "" : `  ${description}\n`;
  return plain(`${name}${version === undefined ? "" : ` ${version}`} (${catalogue})\n${about}  ${how}\n`);
}

export function infoOf(one: Present, variables: ReadonlySet<string>): string {
  const { name, installed, manifest, problem, folder, linked } = one;
  const asks = manifest ? asksOf(manifest) : [];
  const more = manifest && installed ? unapproved(manifest, installed.approved) : [];
  const needs = manifest ? needsOf(manifest, installed, variables) : [];
  const lines = [
    `${name} ${versionOf(one)}, ${stateOf(one)}`,
    ...(manifest?.description === undefined ? [] : [manifest.description]),
    ...(problem === undefined ? [] : [problem]),
    ...(installed?.disabledBecause === undefined
      ? []
      : [`Bellhop turned it off: ${installed.disabledBecause}`]),
    `lies in ${folder}${linked && installed?.source.from === "folder" ? `, which leads to ${installed.source.path}` : ""}`,
    ...(installed
      ? [
          `from ${sourceWords(installed.source)}`,
          `for the groups ${placeWords(installed.scope.groups)}, on the channels ${placeWords(installed.scope.channels)}`,
          ...Object.entries(installed.settings).map(
            ([key, value]) => `setting ${key}: ${JSON.stringify(value)}`,
          ),
          ...Object.entries(installed.variables).flatMap(([group, values]) =>
            Object.entries(values).map(
              ([key, value]) => `variable ${key}${group === "*" ? "" : ` of ${group}`}: ${value}`,
            ),
          ),
          ...installed.revealed.map(
            ({ variable, groups }) => `${variable} is revealed to ${groups.join(", ")}`,
          ),
        ]
      : []),
    asks.length === 0 ? "It asks for nothing." : "It asks for:",
    ...asks.map((line) => `  ${more.includes(line) ? "not approved: " : ""}${line}`),
    ...needs.map(
      ({ name: what, description, required }) =>
        `${required ? "It needs" : "It has no"} ${what}: ${description}`,
    ),
  ];
  return lines.map((line) => `${plain(line)}\n`).join("");
}

const AUDIT = `This is what it says of itself, and what lies in it: it was read, and none of it was run. It proves nothing. What its
own program does beyond what is listed, only its source can tell.
`;
