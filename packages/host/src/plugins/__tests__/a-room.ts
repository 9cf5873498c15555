/** A room of plugins, with a home of its own and real processes. */
import { type Json, Manifest } from "@bellhop/sdk";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { homePaths } from "../../config.ts";
import { systemClock } from "../../core/clock.ts";
import type { Secret } from "../../core/known-secrets.ts";
import type { Installed, KnownPlugin, PluginStatus } from "../../core/plugin.ts";
import { type Log, silentLog } from "../../log.ts";
import { asksOf } from "../asks.ts";
import { createRuns } from "../asked.ts";
import { createHousing, type Limiter } from "../housing.ts";
import { editInstalled } from "../installed.ts";
import { createOpener } from "../opener.ts";
import { createPlugins } from "../plugins.ts";
import { pluginPrograms } from "../programs.ts";

export interface Written {
  readonly name: string;
  /** Of the function that makes the plugin: `({ hooks: { … } })`. */
  readonly code?: string;
  readonly before?: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly installed?: Partial<Installed>;
  /** Found and never approved. */
  readonly unknown?: boolean;
}

export interface RoomOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly plain?: boolean;
  readonly limiter?: () => Promise<Limiter | undefined>;
  readonly serve?: (plugin: KnownPlugin, method: string, params: Json) => Promise<Json | undefined>;
}

export async function givenRoom(plugins: readonly Written[] = [], options: RoomOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-plugins-"));
  const paths = homePaths(join(folder, "home"));
  for (const path of [paths.plugins, paths.pluginsData, paths.run])
    await mkdir(path, { recursive: true, mode: 0o700 });
  const told: string[] = [];
  const lines: string[] = [];
  const secrets: Secret[] = [];
  const log: Log = {
    ...silentLog,
    info: (fields: unknown, message?: string) => {
      if (typeof fields === "object" && fields !== null && "line" in fields) lines.push(String(fields.line));
      else lines.push(message ?? String(fields));
    },
  };
  const runs = createRuns((kept) =>
    secrets.push(...Object.entries(kept).map(([name, value]) => ({ name, value }))),
  );
  const { environment = {} } = options;
  const housing = createHousing({
    programs: pluginPrograms(),
    limiter: options.limiter ?? (async () => undefined),
    hidden: [paths.home, join(folder, "policies")],
    home: paths.home,
    timezone: "UTC",
    plain: options.plain,
  });
  const open = createOpener({
    housing,
    pluginsData: paths.pluginsData,
    dotEnv: paths.env,
    environment,
    serve: options.serve ?? (async () => undefined),
    runs,
    learn: (more) => secrets.push(...more),
    clock: systemClock,
    log,
  });
  const room = createPlugins({
    paths,
    places: { home: paths.plugins, shipped: join(folder, "shipped"), modules: [] },
    environment,
    open,
    runs,
    tell: (_key, text) => told.push(text),
    clock: systemClock,
    random: () => 0.01,
    log,
  });
  onTestFinished(async () => {
    await room.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function write(plugin: Written): Promise<void> {
    await writePlugin(join(paths.plugins, plugin.name), plugin);
    if (plugin.unknown) return;
    await editInstalled(paths, (all) => ({ ...all, [plugin.name]: installedOf(plugin) }));
  }

  /** Resolves once the plugin is so. */
  function until(
    name: string,
    fits: (status: PluginStatus | undefined) => boolean,
  ): Promise<PluginStatus | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const found = room.list().find((one) => one.name === name);
        if (!fits(found)) return;
        end();
        resolve(found);
      };
      const end = room.onChange(look);
      look();
    });
  }

  for (const plugin of plugins) await write(plugin);
  return {
    folder,
    paths,
    room,
    housing,
    told,
    lines,
    secrets,
    write,
    until,
    running: (name: string) => until(name, (status) => status?.state === "running"),
    status: (name: string) => room.list().find((one) => one.name === name),
    /** The plugin, as the rest of the host uses it. */
    plugin(name: string) {
      const found = room.active().find((one) => one.name === name);
      if (!found) throw new Error(`${name} is not active`);
      return found;
    },
  };
}

function manifestOf({ name, code, manifest = {} }: Written): Manifest {
  return Manifest.parse({
    name,
    version: "1.0.0",
    ...(code !== undefined && { entry: "main.mjs" }),
    ...manifest,
  });
}

export async function writePlugin(folder: string, plugin: Written): Promise<void> {
  const { code, before = "" } = plugin;
  const manifest = manifestOf(plugin);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "plugin.json"), JSON.stringify(manifest));
  if (code === undefined || manifest.entry === undefined) return;
  await mkdir(dirname(join(folder, manifest.entry)), { recursive: true });
  const imports = `import * as sdk from "@bellhop/sdk";\n`;
  await writeFile(
    join(folder, manifest.entry),
    `${imports}${before}\nexport default sdk.definePlugin((context) => (${code}));\n`,
  );
}

export function installedOf(plugin: Written): Installed {
  return {
    version: "1.0.0",
    source: { from: "folder", path: "/somewhere" },
    enabled: true,
    scope: { channels: "all", groups: "all" },
    approved: [...asksOf(manifestOf(plugin))],
    settings: {},
    variables: {},
    revealed: [],
    ...plugin.installed,
  };
}
