/** What plugins give agents, kept as the plugins are: when they change, whoever sees what they gave is told. */
import type { Manifest } from "@bellhop/sdk";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { GroupFolder } from "../core/ids.ts";
import type { Secret } from "../core/known-secrets.ts";
import type { Plugins } from "../core/plugin.ts";
import type { Status } from "../core/status.ts";
import { createArchives } from "../plugins/gifts/archives.ts";
import { createGifts, type Gifts } from "../plugins/gifts/gifts.ts";
import { problemsOfTools, toolName } from "../tools/plugin-tools.ts";
import { OWN_TOOLS } from "../tools/tools.ts";
import { problemsOfSecrets } from "../broker/secrets/of-plugins.ts";
import { placeholder } from "../broker/secrets/placeholder.ts";
import type { Secrets } from "../broker/secrets/secrets.ts";
import type { Ground } from "./ground.ts";

export interface GiftsRoom extends Gifts {
  /** Called once a change of plugins, or of what was fetched for them, is there to be given. */
  onChange(listener: () => void): void;
  /** Resolves when what lies on this machine, of the plugins of now, is ready to be given. */
  settled(): Promise<void>;
}

export async function openGifts(
  { config, paths, clock, log, audit, secrets: known, opened }: Ground,
  plugins: Plugins,
  secrets: Pick<Secrets, "of" | "reload">,
): Promise<GiftsRoom> {
  const folder = join(paths.run, "gifts");
  await rm(folder, { recursive: true, force: true }); // the sandboxes of an earlier start are gone
  const listeners: (() => void)[] = [];
  const archives = createArchives({
    folder: join(paths.run, "tools"),
    arch: process.arch,
    fetch: globalThis.fetch,
    onSettled: () => void changed(),
    clock,
    log,
  });
  opened.defer(archives.close);
  const gifts = createGifts({
    plugins,
    folder,
    archives,
    secretOf(group: GroupFolder, name: string) {
      const held = secrets.of(group).find((one) => one.name === name);
      return held && { placeholder: placeholder(held.name), value: held.value };
    },
    log,
  });
  let running: Promise<void> | undefined;
  let again = false;
  /** What was recorded already, of this start. */
  const shown = new Set<string>();

  /** One at a time; what changes meanwhile is looked at once more. Never rejects. */
  function changed(): Promise<void> {
    if (running) again = true;
    running ??= (async () => {
      do {
        again = false;
        await look().catch((error: unknown) => {
          log.error({ err: error }, "what plugins give could not be made ready; what was ready before stays");
        });
      } while (again);
      running = undefined;
    })();
    return running;
  }

  async function look(): Promise<void> {
    known.add(plugins.active().flatMap(({ manifest }) => declaredIn(manifest, config.secrets)));
    await secrets.reload();
    await gifts.prepare();
    for (const listener of listeners) listener();
  }

  opened.defer(plugins.onChange(() => void changed()));
  return {
    ...gifts,
    onChange: (listener) => void listeners.push(listener),
    settled: async () => await running,
    async mounts(group) {
      for (const { plugin, variable } of gifts.revealedTo(group)) {
        const subject = `secret:${variable}`;
        const detail = `as it is, to agents of the group ${group}, for the plugin ${plugin}`;
        if (shown.has(subject + detail)) continue;
        await audit.note({
          actor: "the host",
          groupId: null,
          action: "secret.reveal",
          subject,
          allowed: true,
          detail,
        });
        shown.add(subject + detail);
      }
      return await gifts.mounts(group);
    },
  };
}

/** What a plugin says of values that lie in `.env`: which are secrets, and which may be said. */
function declaredIn(
  { environment, variables, credentials }: Manifest,
  values: readonly Secret[],
): readonly Secret[] {
  const declared = [
    ...[...environment, ...variables].map(({ name, secret }) => ({ name, public: !secret })),
    ...credentials.map(({ secret }) => ({ name: secret, public: false })),
  ];
  return declared.flatMap((one) =>
    values.flatMap(({ name, value }) => (name === one.name ? { ...one, value } : [])),
  );
}

/** For `status`. */
export function describeGifts(
  plugins: Pick<Plugins, "active">,
  gifts: Pick<Gifts, "describe">,
  groups: readonly GroupFolder[],
): Pick<Status, "gifts" | "revealed"> {
  const active = plugins.active();
  const taken = [...OWN_TOOLS];
  return {
    gifts: active.flatMap((plugin) => {
      const { gives, problems } = gifts.describe(plugin, groups);
      const all = [...problems, ...problemsOfSecrets(plugin), ...problemsOfTools(plugin, taken)];
      taken.push(...plugin.manifest.tools.map(({ name }) => toolName(plugin.name, name)));
      const scope = plugin.installed.scope.groups;
      if (gives.length === 0 && all.length === 0) return [];
      return {
        plugin: plugin.name,
        groups: scope === "all" ? scope : [...scope],
        gives: [...gives],
        problems: all,
      };
    }),
    revealed: active.flatMap(({ name, installed }) =>
      installed.revealed.map(({ variable, groups: to }) => ({ plugin: name, variable, groups: [...to] })),
    ),
  };
}
