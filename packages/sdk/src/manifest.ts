/**
 * The manifest of a plugin: what it is, what it brings and what it asks for. It stands under the key `bellhop`
 * of its package.json (name, version and description are the package's then), or in a `plugin.json`.
 *
 * Everything that a plugin can do stands in it, so that an owner can read all of it before any of its code has
 * run; what is not declared is refused. Paths are relative to the plugin's folder and stay in it.
 */
import { z } from "zod";

export const PluginName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "is lower-case letters, digits and dashes, at most 64");

const Semver = z
  .string()
  .regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/, "is no version such as 1.2.3");
/** Inside the plugin's folder. */
const Inside = z
  .string()
  .min(1)
  .regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\\]+$/, "is a path inside the plugin's folder, without ..");
const VariableName = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "is a name such as API_TOKEN");
const ToolName = z.string().regex(/^[a-z][a-z0-9_]{0,47}$/, "is a name such as read_mail");
const Words = z.string().trim().min(1).max(500);
const JsonSchema = z.record(z.string(), z.json());

export const HookName = z.enum([
  "onStartup",
  "onShutdown",
  "onInbound",
  "onOutbound",
  "onTurnStart",
  "onTurnEnd",
]);
export type HookName = z.infer<typeof HookName>;

/** What of the host its process may use. Each is refused where it is not declared. */
export const Capability = z.enum([
  /** bring a message into a chat as an event from outside */
  "events",
  /** send to a chat in scope, through the outbox */
  "send",
  /** how the host, its channels and plugins stand */
  "status",
  /** recent messages of the chats in scope */
  "messages",
  /** list chats and groups in scope */
  "chats",
  "tasks:read",
  "tasks:write",
  /** a key-value store of its own */
  "state",
  /** HTTP below `/plugins/<name>/` */
  "routes",
]);
export type Capability = z.infer<typeof Capability>;

/**
 * A tool that runs in the plugin's process, offered to the agents in scope as `mcp__bellhop__<plugin>_<tool>`
 * (dashes of the plugin's name become underscores).
 */
const Tool = z.strictObject({
  name: ToolName,
  description: z.string().min(1).max(2_000),
  /** JSON Schema of its input, an object. */
  input: JsonSchema,
  /** `read`: changes nothing. `act`: changes something of its account's own. `send`: reaches other people. */
  effect: z.enum(["read", "act", "send"]),
  /** Its answer holds words of others (mail, web, feeds): whoever reads it is tainted. */
  taints: z.boolean().default(true),
  timeoutMs: z.int().min(100).max(600_000).default(60_000),
});

/** A variable of the plugin's own process; it sees no other. */
const ProcessVariable = z.strictObject({
  name: VariableName,
  description: Words,
  required: z.boolean().default(false),
  secret: z.boolean().default(true),
});

/** A variable that its skills and MCP servers see in the sandbox. */
const SandboxVariable = z.strictObject({
  name: VariableName,
  description: Words,
  /** Its value where nobody sets one. Not for secrets. */
  default: z.string().max(4_096).optional(),
  /** A secret is seen as a placeholder, and put in by the broker where `credentials` say. */
  secret: z.boolean().default(false),
});

/** What the broker puts a secret into; the fields of a binding of secrets.yaml (docs/secrets.md). */
const Credential = z.strictObject({
  secret: VariableName,
  description: Words,
  bindings: z.array(z.record(z.string(), z.json())).min(1),
});

const McpServer = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("stdio"),
    command: z.string().min(1),
    args: z.array(z.string()).default([]),
    env: z.record(z.string(), z.string()).default({}),
  }),
  z.strictObject({
    type: z.enum(["http", "sse"]),
    url: z.string().min(1),
    headers: z.record(z.string(), z.string()).default({}),
  }),
]);

const Scope = z.strictObject({
  channels: z.union([z.literal("all"), z.array(z.string().min(1))]).default("all"),
  groups: z.union([z.literal("all"), z.array(z.string().min(1))]).default("all"),
});

export const Manifest = z
  .strictObject({
    name: PluginName,
    version: Semver,
    description: Words.optional(),
    /** The oldest Bellhop that it works with. */
    minCoreVersion: Semver.default("0.1.0"),
    /** Its module; without one it has no process. */
    entry: Inside.optional(),
    /** It connects a platform: its module makes channels, each named as the plugin is. */
    channel: z.boolean().default(false),
    hooks: z.array(HookName).default([]),
    capabilities: z.array(Capability).default([]),
    tools: z.array(Tool).default([]),
    environment: z.array(ProcessVariable).default([]),
    variables: z.array(SandboxVariable).default([]),
    credentials: z.array(Credential).default([]),
    /** Rules of what its skills reach from a sandbox (docs/egress.md); only allows. */
    egress: z.array(z.record(z.string(), z.json())).default([]),
    mounts: z
      .array(
        z.strictObject({
          source: z.string().min(1),
          target: z.string().min(1).optional(),
          allowAbsoluteContainerPath: z.boolean().default(false),
        }),
      )
      .default([]),
    /** Folders with a SKILL.md each. */
    skills: z.array(Inside).default([]),
    mcpServers: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/), McpServer).default({}),
    /** Hooks of the agent's engine, in the form of its settings; they run in the sandbox. */
    engineHooks: JsonSchema.default({}),
    /** Lines of a Dockerfile that the agent image gets (docs/image.md). */
    imageLayer: Inside.optional(),
    /** Programs that are unpacked once and seen read-only at `/workspace/plugins/<name>/tools/<as>`. */
    archives: z
      .array(
        z.strictObject({
          from: z.union([Inside, z.url({ protocol: /^https$/ })]),
          sha256: z.string().regex(/^[0-9a-f]{64}$/),
          as: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
          arch: z.enum(["x64", "arm64"]).optional(),
        }),
      )
      .default([]),
    /** JSON Schema of its settings, an object. */
    settings: JsonSchema.optional(),
    /** What a person may run: `bellhop plugins run NAME COMMAND`. */
    commands: z
      .array(z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,47}$/), description: Words }))
      .default([]),
    scope: Scope.prefault({}),
    /** It holds somebody's private data (mail, calendar, photos): it is warned of before it reaches all groups. */
    personalData: z.boolean().default(false),
    /** Memory of its process, MiB. */
    memoryMb: z.int().min(64).max(2_048).default(192),
    /** What a hook may take, ms. */
    hookTimeoutsMs: z.partialRecord(HookName, z.int().min(10).max(120_000)).default({}),
  })
  .superRefine((manifest, context) => {
    const needsEntry =
      manifest.channel ||
      manifest.hooks.length > 0 ||
      manifest.tools.length > 0 ||
      manifest.commands.length > 0 ||
      manifest.capabilities.length > 0;
    if (needsEntry && manifest.entry === undefined) {
      context.addIssue({
        code: "custom",
        path: ["entry"],
        message: "is missing: a channel, hooks, tools, commands and capabilities need a module",
      });
    }
  });
export type Manifest = Readonly<z.infer<typeof Manifest>>;
