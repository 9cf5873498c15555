/** What agents run on: the sandbox runtime, the broker, the engines, and each group's settings. */
import { createClaudeEngine } from "../engines/claude/claude.ts";
import { openBroker } from "../broker/broker.ts";
import { createClaudeLogin, TOKEN_ENDPOINT } from "../broker/claude-login.ts";
import { ordersOf, type RouteSources } from "../broker/routes.ts";
import { type Config, groupConfig } from "../config.ts";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import { createBubblewrap } from "../sandbox/bubblewrap.ts";
import { chooseRuntime } from "../sandbox/detect.ts";
import { withKillSwitch } from "../sandbox/kill-switch.ts";
import { openGroupSettings } from "../store/group-settings.ts";
import type { Scope as SessionScope } from "../store/sessions.ts";
import { createUsage } from "../store/usage.ts";
import { createRoutes } from "../turns/routes.ts";
import { type EgressOptions, openEgress } from "./egress.ts";
import type { Ground } from "./ground.ts";

export type Agents = Awaited<ReturnType<typeof openAgents>>;

/** @param reload reads the configuration again, for a credential that was renewed */
export async function openAgents(
  ground: Ground,
  reload: (() => Config) | undefined,
  egressOptions: EgressOptions = {},
) {
  const { config, paths, clock, log, db, secrets, stopSwitch, opened } = ground;
  const { runtime: chosen, probe } = await chooseRuntime(config.sandbox.runtime, [
    createBubblewrap({ home: config.home, clock, log }),
  ]);
  const usage = createUsage(db, clock, log);
  opened.defer(usage.settled);

  // Tokens that are renewed while we run are secrets too.
  const login =
    config.claudeLogin === undefined
      ? undefined
      : createClaudeLogin({
          file: config.claudeLogin,
          endpoint: TOKEN_ENDPOINT,
          learn: (tokens) => secrets.add(tokens.map((value) => ({ name: "the Claude login", value }))),
          clock,
        });

  function renew(): RouteSources | undefined {
    try {
      const fresh = reload?.();
      secrets.add(fresh?.secrets ?? []);
      return fresh && { credentials: fresh.credentials, routes: fresh.routes, login };
    } catch (error) {
      log.warn({ err: error }, "the configuration does not hold together; going on with the one in use");
      return undefined;
    }
  }

  const egress = await openEgress(ground, egressOptions);
  const broker = await openBroker({
    egress: egress.deps,
    credentials: config.credentials,
    routes: config.routes,
    login,
    renew,
    runDirectory: paths.run,
    record: usage.record,
    clock,
    log,
  });
  opened.defer(broker.close);
  const orderOf = ordersOf(config, broker.routes);
  const routes = createRoutes({ orderOf, clock });

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
    egress,
    choices,
    settings,
    engineOf,
    /** What a group's conversations are held with now. */
    speaks: (group: GroupFolder, scope?: SessionScope["kind"]) => ({
      engine: engineOf(group).name,
      ...routes.choose(group, scope),
    }),
    routes,
    /** The model route that is tried first where nothing else is said. */
    usualRoute: orderOf(MAIN, false)[0] ?? broker.provider,
    /** For `status`: every route, and what is wrong with it. */
    routeStates: () =>
      broker.routes.map((name) => ({ name, state: routes.trouble(name) ?? "nothing is wrong with it" })),
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
