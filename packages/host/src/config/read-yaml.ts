/**
 * Reads a YAML file that a person wrote, against a strict schema.
 *
 * - What is wrong is said with file and line, all of it at once, and nothing of the file is used.
 * - A key that the schema does not know is a warning with the nearest name that it does know, because
 *   a file of a newer version must not stop an older one.
 */
import { ConfigError } from "@bellhop/sdk";
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { z } from "zod";

export interface YamlFile<T> {
  readonly text: string;
  /** As people know it, for messages. */
  readonly file: string;
  readonly schema: z.ZodType<T>;
}

/**
 * @param schema strict objects all the way down; what it answers holds no unknown key
 * @throws ConfigError with a line for each thing that is wrong
 */
export function readYaml<T>({ text, file, schema }: YamlFile<T>): { value: T; warnings: string[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new ConfigError(`${file}, line ${line}: ${broken.message}. Mend that line; nothing was applied.`, {
      cause: broken,
    });
  }
  const content = withoutEmpty(valueOf(document, file)) ?? {};
  const at = (path: readonly PropertyKey[]) => `${file}, line ${lineOf(document, lines, path)}`;

  const warnings: string[] = [];
  const first = schema.safeParse(content);
  if (first.success) return { value: first.data, warnings };
  for (const issue of first.error.issues) {
    if (issue.code !== "unrecognized_keys") continue;
    for (const key of issue.keys) {
      const path = [...issue.path, key];
      const near = nearest(key, namesAt(schema, issue.path));
      warnings.push(
        `${at(path)}: ${path.join(".")} is not a setting${near ? `; did you mean ${near}?` : "."}`,
      );
      remove(content, path);
    }
  }
  const second = schema.safeParse(content);
  if (second.success) return { value: second.data, warnings };
  const problems = second.error.issues
    .toSorted((a, b) => lineOf(document, lines, a.path) - lineOf(document, lines, b.path))
    .map((issue) => {
      const message =
        issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      return [at(issue.path), ...(issue.path.length > 0 ? [issue.path.join(".")] : []), message].join(": ");
    });
  throw new ConfigError(
    `${problems.join("\n")}\nMend it, or remove the line to have the default. Nothing was applied.`,
    {
      cause: second.error,
    },
  );
}

/** @throws ConfigError for what the parser takes and cannot turn into values, such as an alias bomb */
function valueOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${file}: ${problem}. Write it without aliases; nothing was applied.`, { cause });
  }
}

/** A key without a value, such as a section whose lines are all commented out, is not there. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isRecord(value)) return value ?? undefined;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, withoutEmpty(inner)] as const)
      .filter(([, inner]) => inner !== undefined),
  );
}

function isRecord(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function remove(content: unknown, path: readonly PropertyKey[]): void {
  const owner = path
    .slice(0, -1)
    .reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), content);
  const key = path.at(-1);
  if (isRecord(owner) && key !== undefined) delete owner[key];
}

/** The line of the key at `path`, or of the nearest thing around it that is in the file. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (isScalar(pair?.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair?.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    }
  }
  return lines.linePos(offset).line;
}

const SchemaNode = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  additionalProperties: z.unknown().optional(),
});

/** The settings that exist below `path`. */
function namesAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let node = SchemaNode.parse(z.toJSONSchema(schema, { io: "input" }));
  for (const step of path) {
    node = SchemaNode.catch({}).parse(node.properties?.[String(step)] ?? node.additionalProperties);
  }
  return Object.keys(node.properties ?? {});
}

/** The name that is at most a third of its letters away. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const near = names
    .map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, distance }) => distance <= Math.max(1, Math.floor(other.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.other;
}

/** Levenshtein's: letters to insert, drop or change. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, a] of from.split("").entries()) {
    const next = [i + 1];
    for (const [j, b] of to.split("").entries()) {
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (a === b ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
