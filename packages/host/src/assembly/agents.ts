/** What agents run on: the sandbox runtime, the broker, the engines, and each group's settings. */
import { createClaudeEngine } from "../engines/claude/claude.ts";
import { openBroker } from "../broker/broker.ts";
import { type Config, groupConfig } from "../config.ts";
import type { GroupFolder } from "../core/ids.ts";
import { createBubblewrap } from "../sandbox/bubblewrap.ts";
import { chooseRuntime } from "../sandbox/detect.ts";
import { withKillSwitch } from "../sandbox/kill-switch.ts";
import { openGroupSettings } from "../store/group-settings.ts";
import { createUsage } from "../store/usage.ts";
import type { Ground } from "./ground.ts";
import type { Trust } from "./trust.ts";

export type Agents = Awaited<ReturnType<typeof openAgents>>;

/** @param reload reads the configuration again, for a credential that was renewed */
export async function openAgents(ground: Ground, trust: Trust, reload: (() => Config) | undefined) {
  const { config, paths, clock, log, db, secrets, stopSwitch, opened } = ground;
  const { runtime: chosen, probe } = await chooseRuntime(config.sandbox.runtime, [
    createBubblewrap({ home: config.home, clock, log }),
  ]);
  const usage = createUsage(db, clock, log);
  opened.defer(usage.settled);

  function renew(): Config["credentials"] | undefined {
    try {
      const fresh = reload?.();
      secrets.add(fresh?.secrets ?? []);
      return fresh?.credentials;
    } catch (error) {
      log.warn({ err: error }, "the configuration does not hold together; going on with the one in use");
      return undefined;
    }
  }

  const broker = await openBroker({
    credentials: config.credentials,
    renew,
    runDirectory: paths.run,
    record: usage.record,
    policy: trust.policy,
    taint: trust.taint,
    audit: ground.audit,
    clock,
    log,
  });
  opened.defer(broker.close);

  /** What people chose by chat commands goes over the configuration. */
  const choices = await openGroupSettings(db);
  const settings = (group: GroupFolder) => ({ ...groupConfig(config, group), ...choices.of(group) });
  const engines = {
    claude: createClaudeEngine({ clock, log, background: true }),
    acp: config.acp && (await acpEngine(config.acp, ground)),
  };
  const engineOf = (group: GroupFolder) => engines[settings(group).engine] ?? engines.claude;

  return {
    ...withKillSwitch(chosen, stopSwitch.hold),
    probe,
    usage,
    broker,
    choices,
    settings,
    engineOf,
    /** What a group's conversations are held with now. */
    speaks: (group: GroupFolder) => ({ engine: engineOf(group).name, provider: broker.provider }),
  };
}

/** Loaded only where it is wanted: its library is 8 MB of a host that should be small when it idles. */
async function acpEngine({ command, mounts }: NonNullable<Config["acp"]>, { clock, log }: Ground) {
  const { createAcpEngine } = await import("../engines/acp/acp.ts");
  return createAcpEngine({
    command,
    mounts: mounts.map((mount) => ({ ...mount, mode: "ro" as const })),
    clock,
    log,
  });
}
