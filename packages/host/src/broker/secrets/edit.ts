/**
 * Changes to `.env` and `secrets.yaml` by command, with and without a host: one that runs sees the files change.
 *
 * - Each file is replaced as a whole, durably, 0600 (F24). What else is in it, comments included, stays.
 * - The value is written before anything refers to it, and referred to by nothing before it is removed: a
 *   crash in between leaves a value that nobody uses.
 * - Nothing is written that could not be read back: what would not hold together is refused beforehand.
 */
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { ConfigError, RejectedError } from "@bellhop/sdk";
import { isMap, isSeq, parseDocument } from "yaml";
import type { HomePaths } from "../../config.ts";
import { hasCode } from "../../core/error-code.ts";
import type { GroupFolder } from "../../core/ids.ts";
import { writeDurably } from "../../home.ts";
import { type Declared, readSecretsFile, type SecretName } from "./file.ts";

export interface NewSecret {
  readonly name: SecretName;
  /** Only for this group. */
  readonly group?: GroupFolder | undefined;
  /** Goes to `.env`; without it, `from` says where the value is. */
  readonly value?: string | undefined;
  readonly from?: string | { readonly command: readonly string[] } | undefined;
  /** As it is to stand in the file; undefined leaves what stands there. */
  readonly bind?: NewBinding | undefined;
}

interface NewBinding {
  readonly host: string;
  readonly port?: number;
  readonly methods?: readonly string[];
  readonly path?: string;
  readonly as: string;
  readonly name?: string;
  readonly user?: string;
  readonly always?: boolean;
}

const HEADER = `# Secrets that agents may use without seeing them: bellhop secrets, or docs/secrets.md. This file names them
# and says where they may go; the values are elsewhere.
#
# GITHUB_TOKEN:
#   from: .env                        # or env, file:/run/secrets/github, { command: [pass, show, github] }
#   bind:
#     - { host: api.github.com, methods: [GET, POST], path: /, as: bearer }
#   groups:
#     family: { from: ".env:FAMILY_GITHUB_TOKEN" }
#     kids: off
`;

/** Makes a `secrets.yaml` that says how it is written and names none, unless there is one. */
export async function writeFirstSecrets({ secrets }: HomePaths): Promise<void> {
  if ((await textOf(secrets)) === undefined) await writeDurably(secrets, HEADER);
}

/** @throws ConfigError when `secrets.yaml` does not hold together */
export async function declaredSecrets({ secrets }: HomePaths): Promise<readonly Declared[]> {
  return readSecretsFile((await textOf(secrets)) ?? "", secrets);
}

/**
 * Into `.env` alone, all of them or none: what a host reads at its next start.
 * @throws RejectedError for a value that cannot stand there
 */
export async function setVariables(
  { env }: Pick<HomePaths, "env">,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const before = (await textOf(env)) ?? "";
  const after = Object.entries(values).reduce(
    (text, [name, value]) => withVariable(text, name, value),
    before,
  );
  await writeDurably(env, after);
}

/**
 * Takes them out of `.env`, all of those that are there or none.
 * @returns which were there
 * @throws RejectedError where one stands there over several lines
 */
export async function unsetVariables(
  { env }: Pick<HomePaths, "env">,
  names: readonly string[],
): Promise<readonly string[]> {
  const there = await keptVariables({ env }, names);
  if (there.length === 0) return there;
  const before = (await textOf(env)) ?? "";
  const after = there.reduce((text, name) => withVariable(text, name, undefined), before);
  await writeDurably(env, after);
  return there;
}

/** Those of them that `.env` has. */
export async function keptVariables(
  { env }: Pick<HomePaths, "env">,
  names: readonly string[],
): Promise<readonly string[]> {
  const there = parseEnv((await textOf(env)) ?? "");
  return names.filter((name) => there[name] !== undefined);
}

/**
 * @throws ConfigError when a file does not hold together as it is
 * @throws RejectedError when it would not afterwards
 */
export async function setSecret(
  paths: HomePaths,
  { name, group, value, from, bind }: NewSecret,
): Promise<void> {
  const variable = group === undefined ? name : `${name}__${group.toUpperCase().replaceAll("-", "_")}`;
  const source = value === undefined ? from : group === undefined ? ".env" : `.env:${variable}`;
  const at = group === undefined ? [name] : [name, "groups", group];
  const yaml = await edited(paths.secrets, (document) => {
    if (document.getIn(at) === "off") document.deleteIn(at);
    if (source !== undefined) document.setIn([...at, "from"], document.createNode(source, { flow: true }));
    if (bind !== undefined) addBinding(document, [...at, "bind"], bind);
  });
  if (value !== undefined) {
    const env = (await textOf(paths.env)) ?? "";
    await writeDurably(paths.env, withVariable(env, variable, value));
  }
  await writeDurably(paths.secrets, yaml);
}

/** @throws RejectedError where there is no such secret */
export async function removeSecret(
  paths: HomePaths,
  { name, group }: { readonly name: SecretName; readonly group?: GroupFolder | undefined },
): Promise<void> {
  const before = await declaredSecrets(paths);
  const one = before.find((declared) => declared.name === name);
  if (!one || (group !== undefined && !one.groups.includes(group))) {
    throw new RejectedError(
      `There is no secret ${name}${group === undefined ? "" : ` of the group ${group}`}; bellhop secrets list shows them.`,
    );
  }
  const yaml = await edited(paths.secrets, (document) => {
    document.deleteIn(group === undefined ? [name] : [name, "groups", group]);
  });
  await writeDurably(paths.secrets, yaml);
  const used = new Set(variablesOf(readSecretsFile(yaml, paths.secrets)));
  const env = await textOf(paths.env);
  const unused = variablesOf([one]).filter((variable) => !used.has(variable));
  if (env === undefined || unused.length === 0) return;
  const less = unused.reduce((text, variable) => withVariable(text, variable, undefined), env);
  if (less !== env) await writeDurably(paths.env, less);
}

/** Variables of `.env` that secrets have their values from. */
export function variablesOf(declared: readonly Declared[]): string[] {
  return declared.flatMap(({ of, groups }) =>
    [undefined, ...groups].flatMap((group) => {
      const source = of(group)?.source;
      return source?.kind === ".env" ? [source.variable] : [];
    }),
  );
}

/** Beside those that are there; one for the same host in the same way is replaced. */
function addBinding(document: Editable, at: readonly string[], bind: NonNullable<NewSecret["bind"]>): void {
  const there = document.getIn(at);
  const node = document.createNode(bind, { flow: true });
  if (!isSeq(there)) return document.setIn(at, document.createNode([node]));
  there.items = there.items.filter((item) => {
    const same = (key: "host" | "port" | "as" | "path") => isMap(item) && item.get(key) === bind[key];
    return !(same("host") && same("port") && same("as") && same("path"));
  });
  there.add(node);
}

type Editable = ReturnType<typeof parseDocument>;

/** The file's text after a change. */
async function edited(file: string, change: (document: Editable) => void): Promise<string> {
  const text = (await textOf(file)) ?? HEADER;
  readSecretsFile(text, file);
  const document = parseDocument(text);
  if (isMap(document.contents)) document.contents.flow = false; // `{}` is what the last one leaves
  change(document);
  // A document that is all comments has no place that comments could stand before.
  const after = document.contents === null ? text : document.toString({ lineWidth: 0 });
  try {
    readSecretsFile(after, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // The file is not so: the line numbers would mislead.
    const why = error.message.replaceAll(`${file}, line `, "line ").split("\n").slice(0, -1).join("\n");
    throw new RejectedError(`That cannot be: ${why.replaceAll(/^line \d+: /gm, "")}. Nothing was changed.`, {
      cause: error,
    });
  }
  return after;
}

/** `.env` with this variable so, or without it; every other line stays as it is. */
export function withVariable(text: string, variable: string, value: string | undefined): string {
  const line = value === undefined ? undefined : `${variable}=${quoted(variable, value)}`;
  const kept = text.split("\n").filter((one) => !new RegExp(`^\\s*(export\\s+)?${variable}\\s*=`).test(one));
  while (kept.at(-1) === "") kept.pop();
  const after = [...kept, ...(line === undefined ? [] : [line]), ""].join("\n");
  const wanted = { ...parseEnv(text), [variable]: value };
  const found = parseEnv(after);
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  if ([...names].every((name) => wanted[name] === found[name])) return after;
  throw new RejectedError(
    `.env holds ${variable}, or something around it, over several lines: change it by hand. Nothing was changed.`,
  );
}

/** @throws RejectedError for what no quotes can hold */
function quoted(variable: string, value: string): string {
  const ways = ["", "'", '"', "`"].map((quote) => `${quote}${value}${quote}`);
  const good = ways.find((way) => parseEnv(`${variable}=${way}\n`)[variable] === value);
  if (good !== undefined) return good;
  throw new RejectedError(
    "A value with all three kinds of quotes cannot be kept in .env; use a file (--from file:/path).",
  );
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw new ConfigError(
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      {
        cause,
      },
    );
  }
}
