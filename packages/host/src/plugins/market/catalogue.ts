/**
 * Catalogues: files that list plugins, by path or address. Two forms are read: ours, and the marketplace files of
 * Claude Code. Reading one changes nothing, and what it says of a plugin is its author's word: what counts is
 * what the plugin itself asks for when it is added.
 */
import { RejectedError } from "@bellhop/sdk";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { hasCode } from "../../core/error-code.ts";
import { jsonText } from "../../core/json-text.ts";
import { type Origin, originOf } from "./origin.ts";

const Words = z.array(z.string().max(100)).max(50).default([]);

/** An entry of an index file of ours. */
export const IndexEntry = z.object({
  name: z.string().min(1).max(64),
  version: z.string().max(64).optional(),
  description: z.string().max(500).default(""),
  keywords: Words,
  /** What `bellhop plugins add` takes; a path is relative to the index file. */
  add: z.string().min(1).max(1_000),
  /** What it asks for, as its manifest says. */
  asks: z.array(z.string().max(4_000)).max(200).default([]),
});
export type IndexEntry = z.infer<typeof IndexEntry>;

export const IndexFile = z.object({ bellhopPlugins: z.literal(1), plugins: z.array(IndexEntry).max(10_000) });

const Git = { ref: z.string().optional(), sha: z.string().optional() };
const MarketplaceSource = z.union([
  z.string(),
  z.object({ source: z.literal("github"), repo: z.string(), ...Git }),
  z.object({ source: z.literal("url"), url: z.string(), ...Git }),
  z.object({ source: z.literal("git-subdir"), url: z.string(), path: z.string(), ...Git }),
  z.object({ source: z.literal("npm"), package: z.string(), version: z.string().optional() }),
]);
const Marketplace = z.object({
  name: z.string(),
  metadata: z.object({ pluginRoot: z.string().optional() }).optional(),
  plugins: z
    .array(
      z.object({
        name: z.string().min(1).max(64),
        version: z.string().optional(),
        description: z.string().default(""),
        keywords: z.array(z.string()).default([]),
        category: z.string().optional(),
        // Sources that came later than this are listed and cannot be added.
        source: MarketplaceSource.catch(""),
      }),
    )
    .max(10_000),
});
const Catalogue = jsonText(z.union([IndexFile, Marketplace]));

export interface Listed {
  readonly name: string;
  readonly version: string | undefined;
  readonly description: string;
  readonly keywords: readonly string[];
  /** What `bellhop plugins add` takes; undefined: it cannot be had from here. */
  readonly add: string | undefined;
  readonly catalogue: string;
}

const MOST_BYTES = 8 * 1024 * 1024;
const DEADLINE_MS = 20_000;

/** @throws RejectedError naming the catalogue and what is wrong with it */
export async function readCatalogue(
  place: string,
  { fetch, signal }: { readonly fetch: typeof globalThis.fetch; readonly signal?: AbortSignal | undefined },
): Promise<readonly Listed[]> {
  const text = URL.canParse(place) ? await textAt(place, fetch, signal) : await textOf(place);
  const read = Catalogue.safeParse(text);
  if (!read.success) {
    throw new RejectedError(
      `The catalogue ${place} cannot be read: it is neither an index of plugins nor a marketplace.`,
      { cause: read.error },
    );
  }
  const file = read.data;
  if ("bellhopPlugins" in file) {
    return file.plugins.map(({ name, version, description, keywords, add }) => ({
      name,
      version,
      description,
      keywords,
      add: /^\.{1,2}\//.test(add) ? relativeTo(place, ".", add) : add,
      catalogue: place,
    }));
  }
  return file.plugins.map(({ name, version, description, keywords, category, source }) => ({
    name,
    version,
    description,
    keywords: category === undefined ? keywords : [...keywords, category],
    add: addressOf(place, source, file.metadata?.pluginRoot),
    catalogue: place,
  }));
}

/** Those that hold each of the words, in their name before the others. */
export function matching(listed: readonly Listed[], words: readonly string[]): readonly Listed[] {
  const wanted = words.map((word) => word.toLowerCase());
  const rank = ({ name }: Listed) => (wanted.some((word) => name.toLowerCase().includes(word)) ? 0 : 1);
  return listed
    .filter(({ name, description, keywords }) => {
      const text = [name, description, ...keywords].join(" ").toLowerCase();
      return wanted.every((word) => text.includes(word));
    })
    .toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

/**
 * What a catalogue says of where a plugin is. It may name packages and repositories, and folders beside itself;
 * what else is on this machine is not for it to say.
 * @throws RejectedError where it cannot be had
 */
export function listedOrigin({ name, add, catalogue }: Listed): Origin {
  if (add === undefined) {
    throw new RejectedError(
      `${name} is listed in ${catalogue}, which does not say how to fetch it from there. Fetch it yourself, and add its folder.`,
    );
  }
  if (URL.canParse(catalogue) && /^(\/|\.|(git\+)?file:)/.test(add)) {
    throw new RejectedError(
      `${catalogue} says that ${name} is at ${add} of this machine, which is not for it to say.`,
    );
  }
  return originOf(add, "/");
}

function addressOf(place: string, source: z.infer<typeof MarketplaceSource>, root = "."): string | undefined {
  if (typeof source === "string")
    return source === "" ? undefined : relativeTo(place, join("..", root), source);
  switch (source.source) {
    case "github":
      return `https://github.com/${source.repo}.git${suffix(source)}`;
    case "url":
      return `${source.url}${suffix(source)}`;
    case "git-subdir":
      return `${source.url}${suffix(source, source.path)}`;
    case "npm":
      return source.version === undefined ? source.package : `${source.package}@${source.version}`;
    default:
      return source satisfies never;
  }
}

function suffix({ ref, sha }: { ref?: string | undefined; sha?: string | undefined }, path?: string): string {
  const at = sha ?? ref ?? "";
  const rest = path === undefined ? at : `${at}:${path}`;
  return rest === "" ? "" : `#${rest}`;
}

/** A folder beside a file of this machine, and not above what the file speaks for. */
function relativeTo(place: string, up: string, path: string): string | undefined {
  if (URL.canParse(place)) return undefined;
  const root = resolve(dirname(place), up);
  const target = resolve(root, path);
  return target === root || target.startsWith(`${root}/`) ? target : undefined;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) throw new RejectedError(`There is no catalogue ${file}.`, { cause });
    throw cause;
  }
}

async function textAt(
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:" && !["127.0.0.1", "localhost", "[::1]"].includes(hostname)) {
    throw new RejectedError(`The catalogue ${url} is no https address.`);
  }
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, late]) : late });
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body) {
      bytes += chunk.byteLength;
      if (bytes > MOST_BYTES) throw new Error(`more than ${MOST_BYTES / 1024 / 1024} MB`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RejectedError(`The catalogue ${url} cannot be had: ${why}.`, { cause });
  }
}
