/**
 * Runs a command of a plugin in a process of its own, beside whichever a host may have running: with the same
 * variables, settings and data folder, in the same housing, and with no power of the host.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Config, Environment, HomePaths } from "../../config.ts";
import type { Clock } from "../../core/clock.ts";
import type { CommandIo } from "../../core/plugin.ts";
import { silentLog } from "../../log.ts";
import { createRuns } from "../asked.ts";
import { unapproved } from "../asks.ts";
import { createHousing } from "../housing.ts";
import { createOpener, noPowers } from "../opener.ts";
import { pluginPrograms } from "../programs.ts";
import { nothingHanded } from "../remote-channel.ts";
import type { Present } from "./present.ts";

export interface HowToRunIt {
  readonly config: Pick<Config, "home" | "policies" | "userHome" | "timezone">;
  readonly paths: HomePaths;
  readonly environment: Environment;
  readonly clock: Clock;
}

/**
 * Resolves with the exit code.
 * @throws RejectedError where it has no such command, or its code was never approved
 */
export async function runCommand(
  { name, folder, manifest, installed, problem }: Present,
  command: string,
  { args, io, how }: { readonly args: readonly string[]; readonly io: CommandIo; readonly how: HowToRunIt },
): Promise<number> {
  if (!manifest) throw new RejectedError(`${name} cannot be used: ${problem ?? "it has no manifest"}`);
  if (!installed || unapproved(manifest, installed.approved).length > 0) {
    throw new RejectedError(
      `You have not approved all that ${name} asks for, so none of it is run: bellhop plugins enable ${name}.`,
    );
  }
  if (!manifest.commands.some((one) => one.name === command)) {
    const names = manifest.commands.map((one) => `  ${one.name}: ${one.description}`);
    throw new RejectedError(
      names.length === 0
        ? `${name} has no commands.`
        : `${name} has no command ${JSON.stringify(command)}; it has\n${names.join("\n")}`,
    );
  }
  const { config, paths, environment, clock } = how;
  const runs = createRuns(() => undefined);
  const open = createOpener({
    housing: createHousing({
      programs: pluginPrograms(),
      // It ends when whoever waits for it has had enough.
      limiter: async () => undefined,
      hidden: [config.home, config.policies, config.userHome],
      home: config.home,
      timezone: config.timezone,
    }),
    pluginsData: paths.pluginsData,
    dotEnv: paths.env,
    environment,
    serve: noPowers,
    runs,
    // Nothing of it is written down here.
    learn: () => undefined,
    clock,
    log: silentLog,
  });
  const process = await open(
    { name, folder, manifest, installed },
    { handed: nothingHanded(), onHealth: () => undefined },
  );
  try {
    await process.start();
    return await runs.command(process, command, args, io);
  } finally {
    await process.end();
  }
}
