/** What agents run on: the sandbox runtime, the broker, the engines, and each group's settings. */
import { createClaudeEngine } from "../engines/claude/claude.ts";
import { openBroker } from "../broker/broker.ts";
import { createClaudeLogin, TOKEN_ENDPOINT } from "../broker/claude-login.ts";
import { ordersOf, type RouteSources } from "../broker/routes.ts";
import { type Config, type Environment, groupConfig } from "../config.ts";
import { given } from "../core/given.ts";
import { type GroupFolder, MAIN } from "../core/ids.ts";
import type { Plugins } from "../core/plugin.ts";
import { chooseRuntime } from "../sandbox/detect.ts";
import { withKillSwitch } from "../sandbox/kill-switch.ts";
import { withPlaceholders } from "../sandbox/placeholders.ts";
import { allRuntimes } from "../sandbox/runtimes.ts";
import { watchRuntime } from "../sandbox/watch.ts";
import { openGroupSettings } from "../store/group-settings.ts";
import type { Scope as SessionScope } from "../store/sessions.ts";
import { createUsage } from "../store/usage.ts";
import { createRoutes } from "../turns/routes.ts";
import type { Network } from "../broker/egress/network.ts";
import { openEgress } from "./egress.ts";
import { openGifts } from "./gifts.ts";
import type { Ground } from "./ground.ts";
import type { Trust } from "./trust.ts";
import { openVault } from "./vault.ts";

export type Agents = Awaited<ReturnType<typeof openAgents>>;

/**
 * @param reload reads the configuration again, for a credential that was renewed
 * @param environment that of the host, in which secrets of agents may be
 * @param plugins they may come later than this
 * @param network what sandboxes reach; this machine's where it is not said
 */
export async function openAgents(
  ground: Ground,
  trust: Trust,
  reload: (() => Config) | undefined,
  environment: Environment,
  plugins: Plugins,
  network?: Network,
) {
  const { config, paths, clock, log, db, secrets, stopSwitch, opened } = ground;
  const candidates = allRuntimes({ config, clock, log });
  const watch = watchRuntime(await chooseRuntime(config.sandbox.runtime, candidates), log);
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

  const vault = await openVault(ground, environment, plugins);
  const gifts = await openGifts(ground, plugins, vault.secrets);
  const egress = await openEgress(ground, { trust, vault, network, rulesOfPlugins: gifts.rules });
  const broker = await openBroker({
    ca: vault.certificates.ca,
    egress: egress.deps,
    credentials: config.credentials,
    routes: config.routes,
    login,
    renew,
    runDirectory: paths.run,
    record: usage.record,
    taint: trust.taint,
    clock,
    log,
  });
  opened.defer(broker.close);
  const orderOf = ordersOf(config, broker.routes);
  const routes = createRoutes({ orderOf, clock });

  /** What was chosen while we run goes over the configuration. */
  const choices = await openGroupSettings(db);
  const settings = (group: GroupFolder) => ({ ...groupConfig(config, group), ...given(choices.of(group)) });
  const engines = {
    claude: createClaudeEngine({ clock, log, background: true }),
    acp: config.acp && (await acpEngine(config.acp, ground)),
  };
  const engineOf = (group: GroupFolder) => engines[settings(group).engine] ?? engines.claude;

  return {
    ...withKillSwitch(
      withPlaceholders(watch.runtime, (group) => ({
        ...vault.secrets.placeholders(group),
        ...gifts.environment(group),
      })),
      stopSwitch.hold,
    ),
    gifts,
    /** What is known of the runtime now. */
    probe: watch.seen,
    onRuntimeDown: watch.onDown,
    usage,
    broker,
    vault,
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
