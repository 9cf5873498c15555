/**
 * The configuration: `config.yaml` and `.env` of the home, the process environment and the flags of
 * the command, read once into one frozen value. Beside the command line's own entry, nothing else
 * reads the environment.
 *
 * - Flags win over the file, the environment over `.env`. A variable that is set but empty means
 *   "none" and hides the one in `.env`.
 * - A key that we do not know is a warning with the nearest name. Anything else that is wrong is one
 *   ConfigError that names every line, and nothing is applied (G33).
 * - Credentials come from `.env` and the environment only, and no message ever shows their values.
 */
import { ConfigError } from "@bellhop/sdk";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { z } from "zod";
import { readYaml } from "./config/read-yaml.ts";
import { ConfigFile, type Sections } from "./config/sections.ts";
import { claudeLoginFile, keysOf, type ModelRouteWithKey, routesOf, secret } from "./config/model-routes.ts";
import { DEFAULT_CONFIG } from "./config/template.ts";
import type { Secret } from "./core/known-secrets.ts";
import type { GroupFolder } from "./core/ids.ts";
import { hasCode } from "./core/error-code.ts";
import { given } from "./core/given.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface Flags {
  readonly port?: number | undefined;
}

/** The variables, in the order in which the broker prefers them. */
const Credentials = z.object({
  apiKey: secret.optional(),
  oauthToken: secret.optional(),
  authToken: secret.optional(),
  baseUrl: z.url({ protocol: /^https?$/, error: "is not an http(s) address" }).optional(),
});
const CREDENTIAL_VARIABLES = {
  apiKey: "ANTHROPIC_API_KEY",
  oauthToken: "CLAUDE_CODE_OAUTH_TOKEN",
  authToken: "ANTHROPIC_AUTH_TOKEN",
  baseUrl: "ANTHROPIC_BASE_URL",
} as const satisfies Record<keyof Credentials, string>;

/** For the command line clients of Docker, Podman and their like. */
const CLIENT_VARIABLES = [
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "TMPDIR",
  "XDG_RUNTIME_DIR",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_TLS_VERIFY",
  "DOCKER_CERT_PATH",
  "CONTAINER_HOST",
  "CONTAINER_SSHKEY",
  "CONTAINERS_CONF",
  "CONTAINERS_STORAGE_CONF",
];

type Credentials = Readonly<z.infer<typeof Credentials>>;

export type Config = DeepReadonly<
  Omit<Sections, "timezone" | "acp"> & {
    home: string;
    /** Policies that guard the host, apart from the home. */
    policies: string;
    /** What `~` means in a path. */
    userHome: string;
    /** For the operator, one plain sentence each. */
    warnings: string[];
    timezone: string;
    acp: Sections["acp"] | undefined;
    credentials: Credentials;
    /** Those of `models.routes`, with their credentials. */
    routes: ModelRouteWithKey[];
    /** The Claude program's file, where the owner lets us use it. */
    claudeLogin: string | undefined;
    /** All that must never leave: what stands in `.env`, and the credentials wherever they are from. */
    secrets: Secret[];
    /** What clients of container engines are found and configured by; nothing secret. */
    clientEnvironment: Record<string, string>;
  }
>;
/** A branded string is a string. */
type DeepReadonly<T> = T extends string
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** What holds for one group: its own settings over the install's. */
export type GroupConfig = Pick<Config, "assistant" | "timezone" | "engine" | "model"> &
  Config["defaults"] & { readonly pattern: string | undefined };

export interface HomePaths {
  readonly home: string;
  readonly config: string;
  readonly env: string;
  /** Names and bindings of what agents may use without seeing it; the values are elsewhere. */
  readonly secrets: string;
  /** What vouches for hosts inside the sandboxes. */
  readonly authority: string;
  readonly database: string;
  readonly groups: string;
  readonly sessions: string;
  readonly media: string;
  /** A folder for each plugin that was added, and `installed.json`: what owners decided about them. */
  readonly plugins: string;
  /** What plugins keep for themselves, a folder each. */
  readonly pluginsData: string;
  /** Global memory and persona, which `main` edits. */
  readonly global: string;
  readonly backups: string;
  readonly logs: string;
  readonly log: string;
  /** What only a running host has: sockets, lock, composed files. */
  readonly run: string;
  readonly socket: string;
  /** While this file is there, everything stands still (see stop-switch.ts). */
  readonly paused: string;
}

export function homePaths(home: string): HomePaths {
  const below = (...parts: string[]) => join(home, ...parts);
  return {
    home,
    config: below("config.yaml"),
    env: below(".env"),
    secrets: below("secrets.yaml"),
    authority: below("ca"),
    database: below("bellhop.db"),
    groups: below("groups"),
    sessions: below("sessions"),
    media: below("media"),
    plugins: below("plugins"),
    pluginsData: below("plugins-data"),
    global: below("global"),
    backups: below("backups"),
    logs: below("logs"),
    log: below("logs", "bellhop.log"),
    run: below("run"),
    socket: below("run", "control.sock"),
    paused: below("run", "paused"),
  };
}

/** Where the home is: what was asked for, else `BELLHOP_HOME`, else `~/.bellhop`. Absolute. */
export function homeDirectory({ home, env }: { home?: string | undefined; env: Environment }): string {
  return resolve(home || env["BELLHOP_HOME"] || join(homedir(), ".bellhop"));
}

/** Where the policies are that guard the host: `$XDG_CONFIG_HOME/bellhop`, else `~/.config/bellhop`. */
export function policyDirectory(env: Environment): string {
  const configured = env["XDG_CONFIG_HOME"];
  // A relative one is to be ignored, says its specification.
  const base = configured?.startsWith("/") ? configured : join(userHome(env), ".config");
  return join(base, "bellhop");
}

function userHome(env: Environment): string {
  return env["HOME"]?.startsWith("/") ? env["HOME"] : homedir();
}

export interface LoadOptions {
  readonly home?: string | undefined;
  readonly env: Environment;
  readonly flags?: Flags;
}

/** @throws ConfigError naming file, line and what to do */
export function loadConfig({ home: asked, env, flags = {} }: LoadOptions): Config {
  const home = homeDirectory({ home: asked, env });
  const paths = homePaths(home);
  const { value: sections, warnings } = readYaml({
    text: readIfThere(paths.config) ?? "",
    file: paths.config,
    schema: ConfigFile,
  });
  const dotEnv = readIfThere(paths.env);
  if (dotEnv !== undefined && (statSync(paths.env).mode & 0o077) !== 0) {
    warnings.push(`${paths.env} holds secrets, and others on this machine may read it: run chmod 600 on it.`);
  }
  const variables = parseEnv(dotEnv ?? "");
  const credentials = credentialsOf({ ...variables, ...env }, paths.env);
  const routes = routesOf(sections.models.routes, { ...variables, ...env }, paths);
  const { acp, timezone = Intl.DateTimeFormat().resolvedOptions().timeZone, http, ...rest } = sections;
  return freeze({
    ...rest,
    home,
    policies: policyDirectory(env),
    userHome: userHome(env),
    warnings,
    timezone,
    http: { ...http, port: portOf(flags) ?? http.port },
    acp,
    credentials,
    routes,
    claudeLogin: rest.models.claudeLogin ? claudeLoginFile(env) : undefined,
    secrets: [...secretsOf(variables, credentials), ...keysOf(routes)],
    clientEnvironment: clientEnvironment(env),
  });
}

export function groupConfig(config: Config, folder: GroupFolder): GroupConfig {
  const { assistant, timezone, engine, model, defaults } = config;
  const {
    chats: _chats,
    admins: _admins,
    mounts: _mounts,
    routes: _routes,
    taskRoutes: _taskRoutes,
    budget: _budget,
    sandbox: _sandbox,
    egress: _egress,
    ...own
  } = config.groups[folder] ?? {};
  return { pattern: undefined, assistant, timezone, engine, model, ...defaults, ...given(own) };
}

const MiB = 1024 * 1024;

/** What a sandbox of the group may use of the machine. */
export function sandboxLimitsOf(config: Config, folder: GroupFolder) {
  const { cpus, memoryMb, pids, tmpMb } = {
    ...config.sandbox,
    ...given(config.groups[folder]?.sandbox ?? {}),
  };
  return { cpus, memoryBytes: memoryMb * MiB, pids, tmpBytes: tmpMb * MiB };
}

function clientEnvironment(env: Environment): Record<string, string> {
  return Object.fromEntries(
    CLIENT_VARIABLES.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The JSON schema of `config.yaml`, for editors. */
export function configJsonSchema(): object {
  return { title: "Bellhop's config.yaml", ...z.toJSONSchema(ConfigFile, { io: "input" }) };
}

function portOf({ port }: Flags): number | undefined {
  if (port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535)) return port;
  throw new ConfigError(`--port ${port} is not a port; give a number from 0 (any free one) to 65535.`);
}

function credentialsOf(env: Environment, file: string): Credentials {
  const given = Object.entries(CREDENTIAL_VARIABLES)
    .map(([name, variable]) => [name, env[variable]?.trim()] as const)
    .filter(([, value]) => value !== undefined && value !== "");
  const parsed = Credentials.safeParse(Object.fromEntries(given));
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: [name], message }) => {
    const variable = Object.entries(CREDENTIAL_VARIABLES).find(([key]) => key === name)?.[1];
    return `${variable} ${message}`;
  });
  // Without the cause, which may quote the value.
  throw new ConfigError(`${problems.join("; ")}. Mend it in ${file} or in the environment.`);
}

function secretsOf(dotEnv: Environment, credentials: Credentials): Secret[] {
  const { baseUrl } = credentials;
  const password = baseUrl === undefined ? "" : unescaped(new URL(baseUrl).password);
  const named = Object.entries(CREDENTIAL_VARIABLES).map(([key, name]) => ({
    name,
    value: Object.entries(credentials).find(([own]) => own === key)?.[1],
  }));
  const all = [
    ...Object.entries(dotEnv).map(([name, value]) => ({ name, value })),
    ...named,
    { name: "the password in ANTHROPIC_BASE_URL", value: password },
  ];
  return all.flatMap(({ name, value = "" }) => (value.trim() === "" ? [] : [{ name, value: value.trim() }]));
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a percent sign that escapes nothing
  }
}

/** @throws ConfigError when it is there and cannot be read */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw new ConfigError(
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
}

function freeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) freeze(inner);
  return Object.freeze(value);
}

/**
 * Writes a `config.yaml` that explains every setting and changes none.
 * @returns whether it was written; a file that is there stays as it is
 */
export function writeDefaultConfig(home: string): boolean {
  const { config } = homePaths(home);
  try {
    writeFileSync(config, DEFAULT_CONFIG, { flag: "wx", mode: 0o600 });
    return true;
  } catch (cause) {
    if (hasCode(cause, "EEXIST")) return false;
    throw new ConfigError(
      `${config} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
}
