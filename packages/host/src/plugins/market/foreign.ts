/**
 * Plugins that were made for other assistants: what they say of themselves, what they leave open, and the
 * manifest that comes of it. Each kind reads its own files (`nanoclaw.ts`, `claude-plugin.ts`); here is what
 * they share. The manifest is written into the copy; nothing of theirs is run.
 */
import { Manifest, RejectedError } from "@bellhop/sdk";
import { cp, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";

/** What its files do not say and an owner has to. */
export interface OpenVariable {
  readonly name: string;
  /** What is likely: its name looks like one, and it was not said to be public. */
  readonly secret: boolean;
}

export interface ForeignPlugin {
  /** For people: `a NanoClaw plugin`. */
  readonly what: string;
  /** The fields of the manifest that are known. */
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly variables: readonly OpenVariable[];
  /** Hosts that its texts name: what it may want to reach. */
  readonly hosts: readonly string[];
  /** One sentence each: what of it does not work here. */
  readonly lost: readonly string[];
  /** Its own files that have to be seen in the sandbox, by what they lie in at the top of its folder. */
  readonly seen: readonly string[];
  /** Files beside those that it does not have. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders that are moved, from and to. */
  readonly moves: Readonly<Record<string, string>>;
}

/**
 * What is seen of a plugin in a sandbox is its skills. Files that its hooks and servers run lie in a folder of
 * that kind, which no agent is told to read.
 */
export const FILES = "skills/bellhop-files";

/** What an owner answered. */
export interface ForeignAnswers {
  /** Hosts that agents may reach for it. */
  readonly hosts: readonly string[];
  /** Of each variable whether it is a secret, and where the secret may go. */
  readonly variables: Readonly<
    Record<string, { readonly secret: boolean; readonly hosts: readonly string[] }>
  >;
}

const SECRET_LOOK = /(TOKEN|KEY|SECRET|PASS(WORD|WD|PHRASE)?|CREDENTIALS?|AUTH)(_|$)/;

export function looksSecret(variable: string): boolean {
  return SECRET_LOOK.test(variable);
}

/** Hosts of the addresses in a text, without those that are examples or this machine. */
export function hostsIn(text: string): readonly string[] {
  const hosts = [...text.matchAll(/https?:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+)/gi)].map(([, host = ""]) =>
    host.toLowerCase(),
  );
  const real = hosts.filter(
    (host) => !/(^|\.)(example\.(com|org|net)|localhost|local|internal)$|^[\d.]+$/.test(host),
  );
  return [...new Set(real)].toSorted();
}

/** The text that makes a folder of files a skill, for the engine alone. */
export function filesSkill(name: string): string {
  return `---
name: bellhop-files
description: Programs that hooks and servers of ${name} run. There is nothing to read.
disable-model-invocation: true
user-invocable: false
---
`;
}

/** What is asked when nobody can be: nothing beyond what its files say, secrets where they look like it. */
export function answersOf(plugin: ForeignPlugin, before: Manifest | undefined): ForeignAnswers {
  const bound = (name: string) =>
    (before?.credentials ?? [])
      .filter(({ secret }) => secret === name)
      .flatMap(({ bindings }) => bindings.flatMap(({ host }) => (typeof host === "string" ? [host] : [])));
  return {
    hosts: (before?.egress ?? []).flatMap(({ host }) => (typeof host === "string" ? [host] : [])),
    variables: Object.fromEntries(
      plugin.variables.map(({ name, secret }) => {
        const old = before?.variables.find((one) => one.name === name);
        return [name, { secret: old?.secret ?? secret, hosts: bound(name) }];
      }),
    ),
  };
}

/**
 * Writes the manifest into the folder, and what else it needs.
 * @throws RejectedError where no manifest comes of it
 */
export async function convert(
  folder: string,
  foreign: ForeignPlugin,
  answers: ForeignAnswers,
): Promise<void> {
  const { what, manifest, variables, seen, files, moves } = foreign;
  const answered = (name: string) => answers.variables[name];
  const made = {
    ...manifest,
    variables: variables.map(({ name, secret }) => ({
      name,
      description: `${name}, as ${what} names it`,
      secret: answered(name)?.secret ?? secret,
    })),
    credentials: variables.flatMap(({ name }) => {
      const { secret = false, hosts = [] } = answered(name) ?? {};
      if (!secret || hosts.length === 0) return [];
      const bindings = hosts.map((host) => ({ host, as: "bearer" }));
      return [{ secret: name, description: `sent to ${hosts.join(", ")}`, bindings }];
    }),
    egress: answers.hosts.map((host) => ({ host })),
  };
  const read = Manifest.safeParse(made);
  if (!read.success) {
    throw new RejectedError(`It is ${what} that cannot be taken over: ${z.prettifyError(read.error)}`, {
      cause: read.error,
    });
  }
  for (const [from, to] of Object.entries(moves)) {
    await mkdir(dirname(join(folder, to)), { recursive: true });
    await rename(join(folder, from), join(folder, to));
  }
  for (const entry of seen) {
    await cp(join(folder, entry), join(folder, FILES, entry), { recursive: true, verbatimSymlinks: true });
  }
  for (const [place, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, FILES, place)), { recursive: true });
    await writeFile(join(folder, FILES, place), text);
  }
  await writeFile(join(folder, "plugin.json"), `${JSON.stringify(made, undefined, 2)}\n`);
}
