/**
 * What a plugin needs to be told before it works, and what there is to say about whom it would reach. Pure.
 */
import type { Manifest } from "@bellhop/sdk";
import { z } from "zod";
import type { Installed, PluginScope } from "../../core/plugin.ts";

/** A value that nobody has given yet. */
export interface Need {
  /** `variable`: of `.env`. `sandbox`: what agents see. `setting`: as its schema says. */
  readonly kind: "variable" | "sandbox" | "setting";
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Not shown while it is typed, kept in `.env` alone. */
  readonly secret: boolean;
}

const SettingsSchema = z.looseObject({
  properties: z
    .record(
      z.string(),
      z.looseObject({
        type: z.string().optional(),
        description: z.string().optional(),
        default: z.json().optional(),
      }),
    )
    .default({}),
  required: z.array(z.string()).default([]),
});

/** @param given names of variables that have a value, in `.env` or in the environment */
export function needsOf(
  manifest: Manifest,
  installed: Installed | undefined,
  given: ReadonlySet<string>,
): readonly Need[] {
  const { properties, required } = settingsOf(manifest);
  const needs: Need[] = [
    ...manifest.environment
      .filter((one) => one.required)
      .map(({ name, description, secret }) =>
        need("variable", name, description, { required: true, secret }),
      ),
    ...manifest.credentials.map(({ secret, description }) =>
      need("variable", secret, description, { required: false, secret: true }),
    ),
    ...manifest.variables
      .filter((one) => one.default === undefined)
      .map(({ name, description, secret }) =>
        need(secret ? "variable" : "sandbox", name, description, { required: false, secret }),
      ),
    ...required
      .filter((name) => properties[name]?.default === undefined)
      .map((name) =>
        need("setting", name, properties[name]?.description ?? "a setting", {
          required: true,
          secret: false,
        }),
      ),
  ];
  const open = needs.filter(({ kind, name }) => {
    switch (kind) {
      case "variable":
        return !given.has(name);
      case "sandbox":
        return installed?.variables["*"]?.[name] === undefined;
      case "setting":
        return installed?.settings[name] === undefined;
      default:
        return kind satisfies never;
    }
  });
  return open.filter(({ name }, index) => open.findIndex((other) => other.name === name) === index);
}

function need(
  kind: Need["kind"],
  name: string,
  description: string,
  rest: Pick<Need, "required" | "secret">,
): Need {
  return { kind, name, description, ...rest };
}

/** The names of its settings, by the schema that its manifest gives. */
export function settingsOf({ settings }: Manifest): z.infer<typeof SettingsSchema> {
  return SettingsSchema.catch({ properties: {}, required: [] }).parse(settings ?? {});
}

/** A value as it was typed, as the setting's type wants it. */
export function settingValue(manifest: Manifest, name: string, text: string): z.core.util.JSONType {
  const type = settingsOf(manifest).properties[name]?.type;
  if (type === undefined || type === "string") return text;
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    return text; // the schema refuses it, and says what it wants
  }
}

/** Every variable that may hold a secret for it. */
export function variablesOf({ environment, credentials, variables }: Manifest): readonly string[] {
  const names = [
    ...environment.map(({ name }) => name),
    ...credentials.map(({ secret }) => secret),
    ...variables.filter(({ secret }) => secret).map(({ name }) => name),
  ];
  return [...new Set(names)];
}

/** Whether any of it reaches agents, so that it matters which. */
export function reachesAgents(manifest: Manifest): boolean {
  const { skills, tools, mcpServers, engineHooks, variables, credentials, egress, mounts, archives } =
    manifest;
  return [
    skills,
    tools,
    variables,
    credentials,
    egress,
    mounts,
    archives,
    Object.keys(mcpServers),
    Object.keys(engineHooks),
  ].some((gifts) => gifts.length > 0);
}

/** What an owner should know before it reaches every group: whoever writes in one of them can use it. */
export function reachWarnings(manifest: Manifest, { groups }: PluginScope): readonly string[] {
  if (groups !== "all") return [];
  const { personalData, credentials, tools, hooks, capabilities } = manifest;
  const everybody = "whoever writes in any of your groups";
  return [
    ...(personalData
      ? [`It holds somebody's private data (mail, calendar, photos), and ${everybody} could ask for it.`]
      : []),
    ...(credentials.length > 0
      ? [
          `Its agents act with ${credentials.map(({ secret }) => secret).join(", ")}, and ${everybody} could have them do so.`,
        ]
      : []),
    ...(tools.some(({ taints }) => taints)
      ? [
          "Its tools bring in words of strangers, which then count as untrusted in every group that reads them.",
        ]
      : []),
    ...(hooks.includes("onInbound") || capabilities.includes("messages")
      ? ["It reads what is written in all of your groups."]
      : []),
  ];
}
