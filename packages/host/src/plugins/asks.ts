/**
 * What a manifest asks for, a plain line each: what an owner reads before a plugin is approved, and what is
 * compared when it asks for more. Pure.
 *
 * A line says the whole of what is asked: whatever would give a plugin more changes its line. So these words are
 * part of what is kept in `installed.json`; another wording would make every owner be asked again.
 */
import type { HookName, Manifest, Capability, Json } from "@bellhop/sdk";
import type { Installed } from "../core/plugin.ts";

const HOOKS = {
  onStartup: "runs when it starts",
  onShutdown: "runs when it ends",
  onInbound: "reads what people write; may change it, hold it back or drop it",
  onOutbound: "reads what is answered; may change it or hold it back",
  onTurnStart: "is told when an answer begins",
  onTurnEnd: "is told when an answer ends",
} as const satisfies Record<HookName, string>;

const CAPABILITIES = {
  events: "brings messages of its own into chats",
  send: "sends messages to chats",
  status: "reads how Bellhop, its channels and its plugins stand",
  messages: "reads what was said lately",
  chats: "lists chats and groups",
  "tasks:read": "reads tasks and what became of them",
  "tasks:write": "makes and changes tasks",
  state: "keeps data of its own",
  routes: "answers HTTP requests below its own path",
} as const satisfies Record<Capability, string>;

const EFFECTS = { read: "reads", act: "changes something of its own", send: "reaches other people" } as const;

/** In an order that is the same for the same manifest. */
export function asksOf(manifest: Manifest): readonly string[] {
  const { name } = manifest;
  return [
    ...(manifest.entry === undefined ? [] : ["runs a program of its own on this machine"]),
    ...(manifest.channel ? [`connects ${name}: reads and writes in its chats`] : []),
    ...manifest.hooks.map((hook) => `hook ${hook}: ${HOOKS[hook]}`),
    ...manifest.capabilities.map((capability) => `power ${capability}: ${CAPABILITIES[capability]}`),
    ...manifest.tools.map(
      (tool) =>
        `tool ${tool.name}: ${EFFECTS[tool.effect]}${tool.taints ? "" : ", and is trusted to bring in no words of others"}`,
    ),
    ...manifest.environment.map(
      ({ name: variable, secret }) => `its program sees ${variable}${secret ? ", a secret" : ""}`,
    ),
    ...manifest.variables.map(
      ({ name: variable, secret }) => `agents see ${variable}${secret ? ", a secret, as a placeholder" : ""}`,
    ),
    ...manifest.credentials.flatMap(({ secret, bindings }) =>
      bindings.map((binding) => `agents use ${secret} ${at(binding)}: ${exactly(binding)}`),
    ),
    ...manifest.egress.map((rule) => `agents reach out ${at(rule)}: ${exactly(rule)}`),
    ...manifest.mounts.map(
      ({ source, target, allowAbsoluteContainerPath }) =>
        `agents read ${source} of this machine${target === undefined ? "" : ` at ${target}`}${allowAbsoluteContainerPath ? ", anywhere in the sandbox" : ""}`,
    ),
    ...manifest.skills.map((skill) => `skill ${skill}: agents read and follow it`),
    ...Object.entries(manifest.mcpServers)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([server, how]) => `MCP server ${server}: ${exactly(how)}`),
    ...Object.entries(manifest.engineHooks)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([event, how]) => `hook of the agents' engine ${event}: ${exactly(how)}`),
    ...(manifest.imageLayer === undefined
      ? []
      : [`adds the lines of ${manifest.imageLayer} to the agents' image`]),
    ...manifest.archives.map(
      ({ from, as }) =>
        `brings the programs ${as} for agents, from ${URL.canParse(from) ? new URL(from).host : "its own folder"}`,
    ),
    ...manifest.commands.map((command) => `command ${command.name}`),
  ];
}

/** What a manifest asks for and nobody approved. */
export function unapproved(manifest: Manifest, approved: readonly string[]): readonly string[] {
  const known = new Set(approved);
  return asksOf(manifest).filter((line) => !known.has(line));
}

function at(fields: Readonly<Record<string, Json>>): string {
  return typeof fields["host"] === "string" ? `at ${fields["host"]}` : "somewhere";
}

/** JSON whose keys are in one order, however its author wrote them. */
function exactly(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What is written down of a plugin whose owner approves all that it asks for, on every channel and for every group. */
export function approvedWhole(
  manifest: Manifest,
  { source, settings }: Pick<Installed, "source" | "settings">,
): Installed {
  return {
    version: manifest.version,
    source,
    enabled: true,
    scope: { channels: "all", groups: "all" },
    approved: [...asksOf(manifest)],
    settings,
    variables: {},
    revealed: [],
  };
}
