/**
 * `secrets.yaml` of the home: which secrets there are, where their values come from, where they may go.
 * It names them and holds none. Read whole before any of it counts (G33).
 *
 * - A name is also that of a variable in the sandboxes, so it is none that a sandbox or its programs live by.
 * - What the model's API is paid with is no secret for agents: it can be neither named nor read here, under
 *   any name, so that no group puts its own in the place of the install's.
 */
import { isAbsolute, normalize } from "node:path";
import { ConfigError } from "@bellhop/sdk";
import { z } from "zod";
import { readYaml } from "../../config/read-yaml.ts";
import { GroupFolder } from "../../core/ids.ts";
import { isOfTheModel, isOfTheRoom } from "../../core/variable-name.ts";
import { Binding } from "./binding.ts";

export const SecretName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,63}$/, "a secret's name is capital letters, digits and _, such as GITHUB_TOKEN")
  .refine((name) => !isOfTheModel(name), {
    error:
      "is the model's: Bellhop alone uses that, from .env or the environment, and no group can override it",
  })
  .refine((name) => !isOfTheRoom(name), {
    error: "is a variable that the sandbox itself needs; choose another name",
  })
  .brand<"SecretName">();
export type SecretName = z.infer<typeof SecretName>;

/** Where a value comes from. */
export type Source =
  | { readonly kind: ".env" | "env"; readonly variable: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "command"; readonly argv: readonly string[]; readonly seconds: number };

const FROM_VARIABLE = /^(\.env|env)(?::([A-Za-z_][A-Za-z0-9_]*))?$/;

const From = z.union(
  [
    z
      .string()
      .regex(FROM_VARIABLE)
      .refine((from) => !isOfTheModel(FROM_VARIABLE.exec(from)?.[2] ?? ""), {
        error: "is the model's credential, which is bound to nothing else",
      }),
    z.string().refine((from) => from.startsWith("file:") && isAbsolute(from.slice(5))),
    z.strictObject({
      command: z.array(z.string()).min(1),
      seconds: z.number().positive().max(120).default(10),
    }),
  ],
  { error: badSource },
);

const Bindings = z.array(Binding).max(100);

const Secret = z.strictObject({
  from: From.optional().describe("Without it, only the groups below have it"),
  bind: Bindings.default([]),
  groups: z
    .record(
      GroupFolder,
      z.union([z.literal("off"), z.strictObject({ from: From.optional(), bind: Bindings.optional() })], {
        error: "must be off, or say from: and bind: of its own",
      }),
    )
    .default({}),
});

const SecretsFile = z.record(SecretName, Secret);
type SecretsFile = z.infer<typeof SecretsFile>;

export interface Declared {
  readonly name: SecretName;
  /** undefined: this group does not have it. */
  of(
    group: GroupFolder | undefined,
  ): { readonly source: Source; readonly bind: readonly Binding[] } | undefined;
  /** Groups that have something of their own, or nothing. */
  readonly groups: readonly GroupFolder[];
}

/**
 * A word that is not known is an error here: a limit that is misspelt would be no limit.
 * @throws ConfigError naming file and line of everything that is wrong
 */
export function readSecretsFile(text: string, file: string): Declared[] {
  const { value, warnings } = readYaml<SecretsFile>({ text, file, schema: SecretsFile });
  if (warnings.length > 0) throw new ConfigError(`${warnings.join("\n")}\nMend it; nothing was applied.`);
  return Object.entries(value).map(([key, { from, bind, groups }]) => {
    const name = SecretName.parse(key);
    return {
      name,
      of(group: GroupFolder | undefined) {
        const own = group === undefined ? undefined : groups[group];
        if (own === "off") return undefined;
        const chosen = own?.from ?? from;
        if (chosen === undefined) return undefined;
        return { source: sourceOf(chosen, name), bind: own?.bind ?? bind };
      },
      groups: Object.keys(groups).map((group) => GroupFolder.parse(group)),
    };
  });
}

function sourceOf(from: z.infer<typeof From>, name: SecretName): Source {
  if (typeof from !== "string") return { kind: "command", argv: from.command, seconds: from.seconds };
  if (from.startsWith("file:")) return { kind: "file", path: normalize(from.slice(5)) };
  const [, kind, variable = name] = FROM_VARIABLE.exec(from) ?? [];
  return { kind: kind === "env" ? "env" : ".env", variable };
}

/** For people; never a value. */
export function sourceWords(source: Source): string {
  switch (source.kind) {
    case ".env":
    case "env":
      return `${source.variable} in ${source.kind === "env" ? "the environment" : ".env"}`;
    case "file":
      return `the file ${source.path}`;
    case "command":
      return `the command ${source.argv[0] ?? ""}`;
    default:
      return source satisfies never;
  }
}

function badSource({ input }: { input?: unknown }): string {
  return typeof input === "string" && isOfTheModel(FROM_VARIABLE.exec(input)?.[2] ?? "")
    ? "names the model's credential, which is bound to nothing else"
    : "must be .env, .env:VARIABLE, env, env:VARIABLE, file:/absolute/path or { command: [program, …] }";
}
