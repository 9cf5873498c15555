/**
 * Plugins as the host knows them: what an owner decided about each, and what the rest of the host may ask of
 * one that runs. The room `plugins/` does it; here are the words. Pure.
 */
import type {
  AuthStep,
  Capability,
  HookName,
  Json,
  Manifest,
  RouteRequest,
  RouteResponse,
} from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import { chatAddress, type ChatId, GroupFolder } from "./ids.ts";

/** Where its code came from. */
export const PluginSource = z.discriminatedUnion("from", [
  /** It ships with Bellhop. */
  z.strictObject({ from: z.literal("bellhop") }),
  z.strictObject({ from: z.literal("npm"), package: z.string(), version: z.string(), integrity: z.string() }),
  z.strictObject({ from: z.literal("tarball"), place: z.string(), integrity: z.string() }),
  z.strictObject({ from: z.literal("git"), url: z.string(), commit: z.string() }),
  z.strictObject({ from: z.literal("folder"), path: z.string() }),
]);
export type PluginSource = z.infer<typeof PluginSource>;

export const PluginScope = z.strictObject({
  channels: z.union([z.literal("all"), z.array(z.string())]),
  groups: z.union([z.literal("all"), z.array(GroupFolder)]),
});
export type PluginScope = z.infer<typeof PluginScope>;

/** What an owner decided of one plugin: an entry of `plugins/installed.json`, under the plugin's name. */
export const Installed = z.strictObject({
  version: z.string(),
  source: PluginSource,
  enabled: z.boolean(),
  /** Why the host turned it off by itself. */
  disabledBecause: z.string().optional(),
  scope: PluginScope,
  /** What it asked for when it was approved, a line each (plugins/asks.ts). More than this is asked anew. */
  approved: z.array(z.string()),
  settings: z.record(z.string(), z.json()).default({}),
  /** Values of its sandbox variables that are no secrets: of all groups under `*`, and of single ones. */
  variables: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** Secrets that the owner lets groups see as they are, where nothing else works. */
  revealed: z.array(z.strictObject({ variable: z.string(), groups: z.array(GroupFolder) })).default([]),
});
export type Installed = Readonly<z.infer<typeof Installed>>;

export const InstalledFile = z.record(z.string(), Installed);

/** A plugin whose manifest holds and whose code is there. */
export interface KnownPlugin {
  readonly name: string;
  readonly manifest: Manifest;
  /** Absolute; the code is never written to. */
  readonly folder: string;
  /** Undefined: found, and never approved by anybody. */
  readonly installed: Installed | undefined;
}

export const PluginState = z.enum([
  "running",
  /** it has no process, and what it brings is in use */
  "in use",
  /** its process is not up yet, or not up again: `why` */
  "starting",
  "disabled",
  /** found, not approved */
  "new",
  /** what it asks for has grown, what it needs is missing, or its manifest does not hold: `why` */
  "refused",
]);
export type PluginState = z.infer<typeof PluginState>;

export const PluginStatus = z.object({
  name: z.string(),
  version: z.string(),
  state: PluginState,
  why: z.string().optional(),
  channel: z.boolean(),
  /** Those that count now: three within ten minutes turn it off. */
  crashes: z.int(),
  /** Of its process, when it was asked last. */
  rssBytes: z.number().optional(),
});
export type PluginStatus = Readonly<z.infer<typeof PluginStatus>>;

/** A plugin that is enabled, as the rest of the host uses it. */
export interface ActivePlugin extends KnownPlugin {
  readonly installed: Installed;
  /**
   * Runs its hook within the time that its manifest gives it.
   * @throws TemporaryError where it did not answer in time, is not up, or failed
   */
  hook(name: HookName, event: Json): Promise<Json | undefined>;
  /**
   * @throws RejectedError with its own sentence for the agent
   * @throws TemporaryError where it did not answer in time, is not up, or died
   */
  tool(name: string, input: Json, call: { group: string; chat: string; turn: string }): Promise<string>;
}

export interface Plugins {
  /** Enabled ones in the order of their names. */
  active(): readonly ActivePlugin[];
  list(): readonly PluginStatus[];
  /** Called whenever one came, went, or changed. @returns ends that */
  onChange(listener: () => void): () => void;
}

/** An account that is being connected, as somebody watches and answers. */
export interface AuthSession {
  /**
   * What is to be shown or asked, in order; ends after `done`.
   * @throws ConfigError that says why it cannot be connected
   * @throws TemporaryError where its process died
   */
  readonly steps: AsyncIterable<AuthStep>;
  /** To the `ask` that was shown last. */
  answer(value: string): void;
  /** Whoever watched has gone. */
  cancel(): void;
}

/** Who runs a command of a plugin's. */
export interface CommandIo {
  print(line: string): void;
  ask(text: string, options: { readonly secret: boolean }): Promise<string>;
  readonly signal: AbortSignal;
}

/** What is asked of one plugin by its name. RejectedError where there is none, or it does not offer it. */
export interface PluginProcesses {
  /** Also where a required variable is still missing: it is what is being asked for. */
  startAuth(name: string): Promise<AuthSession>;
  /** Resolves with the exit code. The time it takes is its own. */
  command(name: string, command: string, args: readonly string[], io: CommandIo): Promise<number>;
  /** @throws TemporaryError where it did not answer in time, is not up, or died */
  route(name: string, request: RouteRequest): Promise<RouteResponse>;
}

/**
 * What a plugin's process asks of the host; each is answered or refused by what it declared. Bytes of any length
 * are answered as what they are read from.
 */
export type ServePlugin = (
  plugin: KnownPlugin,
  method: string,
  params: Json,
) => Promise<Json | Readable | undefined>;

export function inScope({ channels, groups }: PluginScope, group: GroupFolder, chat?: ChatId): boolean {
  const here = groups === "all" || groups.includes(group);
  const there = chat === undefined || channels === "all" || channels.includes(chatAddress(chat).channel);
  return here && there;
}

export function may({ manifest }: Pick<KnownPlugin, "manifest">, capability: Capability): boolean {
  return manifest.capabilities.includes(capability);
}
