/**
 * Opens a process of a plugin, and answers what it asks. Its variables and its settings are read anew each time,
 * and its secrets are known to the host before it can say any of them.
 */
import { type Json, RejectedError } from "@bellhop/sdk";
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Environment } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import type { Secret } from "../core/known-secrets.ts";
import type { KnownPlugin, ServePlugin } from "../core/plugin.ts";
import type { Log } from "../log.ts";
import type { Runs } from "./asked.ts";
import type { Housing } from "./housing.ts";
import { launch, type PluginProcess } from "./process.ts";
import { settingsOf } from "./registry.ts";
import { acceptFrom, type Handed, openOutbound } from "./remote-channel.ts";
import { allVariables, variablesOf } from "./variables.ts";
import { PowerAsked } from "./wire.ts";

export interface OpenerParts {
  readonly housing: Housing;
  /** Where plugins keep what is theirs. */
  readonly pluginsData: string;
  readonly dotEnv: string;
  /** Of the host. */
  readonly environment: Environment;
  /** The powers of the host. */
  readonly serve: ServePlugin;
  readonly runs: Runs;
  readonly learn: (secrets: readonly Secret[]) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one plugin's processes share. */
export interface Shared {
  readonly handed: Handed;
  onHealth(params: unknown): void;
}

export type Opener = ReturnType<typeof createOpener>;

export function createOpener(parts: OpenerParts) {
  const { housing, pluginsData, dotEnv, environment, runs, learn, clock, log } = parts;

  /** Its module is not loaded yet: `start` does that. */
  return async function open(plugin: KnownPlugin, { handed, onHealth }: Shared): Promise<PluginProcess> {
    const { name, manifest, installed, folder } = plugin;
    const variables = variablesOf(manifest, await allVariables(dotEnv, environment));
    learn(variables.secrets);
    const given = join(pluginsData, name);
    await mkdir(given, { recursive: true, mode: 0o700 });
    const data = await realpath(given);
    const { memoryMb, channel: waits } = manifest;
    const housed = await housing.house({ folder, data, memoryMb, waits });

    async function serve(process: PluginProcess, method: string, params: unknown): Promise<unknown> {
      switch (method) {
        case "accept":
          return await acceptFrom(process, handed, params);
        case "open":
          return openOutbound(process, handed, params);
        case "host": {
          const { method: power, params: asked } = PowerAsked.parse(params);
          const answer = await parts.serve(plugin, power, asked);
          return answer instanceof Readable
            ? {
                stream: process.link.offer(
                  () => answer,
                  () => answer.destroy(),
                ),
              }
            : answer;
        }
        case "ask":
        case "step":
          return await runs.serve(process, method, params);
        default:
          throw new RejectedError(`Bellhop knows nothing called ${method}`);
      }
    }

    return launch({
      plugin,
      housed,
      settings: settingsOf(plugin, installed ?? { settings: {} }),
      environment: variables.values,
      entry: join(folder, manifest.entry ?? ""),
      data,
      serve,
      hear(process, method, params) {
        if (method === "health") onHealth(params);
        else if (method === "print") runs.hear(process, params);
      },
      clock,
      log,
    });
  };
}

/** A plugin that runs without a host behind it has no powers. */
export const noPowers: ServePlugin = async (_plugin, method, _params: Json) => {
  throw new RejectedError(`${method} needs a Bellhop that runs, and this command runs without one`);
};
