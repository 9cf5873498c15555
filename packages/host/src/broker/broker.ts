/**
 * The broker: the only way out of a sandbox (design 5.2). Doors open below `runDirectory/doors/`; the
 * one who holds the home owns that folder, so what an earlier host left there is cleared first.
 */
import { ConfigError } from "@bellhop/sdk";
import { chmod, mkdir, rm } from "node:fs/promises";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { Taint } from "../policy/policy.ts";
import type { RecordUsage } from "../store/usage.ts";
import type { Broker, Door } from "../turns/broker.ts";
import { takesOurKey } from "./check.ts";
import { openDoor } from "./door.ts";
import type { EgressDeps } from "./egress/egress.ts";
import type { Provider } from "./provider.ts";
import { providersFrom, type RouteSources } from "./routes.ts";
import { startRehearsal } from "./rehearsal/provider.ts";
import { openTrust } from "./trust.ts";

/** The routes as they stand now; undefined: they have not changed. */
export type Renew = () => RouteSources | undefined;

export interface BrokerDeps {
  /** Absolute; `run/` of the home. */
  readonly runDirectory: string;
  /** What sandboxes are to trust beside the roots of this machine: the install's authority, as PEM. */
  readonly ca?: string | undefined;
  /** What of the network sandboxes reach beside the model; without it, nothing. */
  readonly egress?: EgressDeps | undefined;
  readonly record: RecordUsage;
  /** Is told of what comes in from outside. */
  readonly taint: Pick<Taint, "mark">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenBroker extends Broker {
  /** Names of all routes, the usual one first. */
  readonly routes: readonly string[];
}

export async function createBroker({
  providers,
  renew = () => undefined,
  ...deps
}: BrokerDeps & { providers: readonly Provider[]; renew?: Renew | undefined }): Promise<OpenBroker> {
  const doors = join(deps.runDirectory, "doors");
  await rm(doors, { recursive: true, force: true });
  await mkdir(doors, { recursive: true });
  await chmod(doors, 0o711); // whatever the umask: the sandboxes' users walk through it
  const furnish = deps.ca === undefined ? undefined : await openTrust(deps.runDirectory, deps.ca);
  const routes = new Map(providers.map((provider) => [provider.name, createRoute(provider)]));
  const [usual] = routes.keys();
  if (usual === undefined) throw new ConfigError("No model route is configured.");
  const open = new Set<Door>();

  function routeOf(name: string): Route {
    const route = routes.get(name);
    if (!route) throw new ConfigError(`The model route ${name} is not configured any more.`);
    return route;
  }

  /** Another provider's sessions are not ours to go on with: that takes a restart. */
  function renewAll(): void {
    const fresh = renew();
    for (const provider of fresh ? providersFrom(fresh) : []) routes.get(provider.name)?.renew(provider);
  }

  return {
    provider: usual,
    routes: [...routes.keys()],
    async keyWorks(name) {
      renewAll();
      const { upstream } = routeOf(name);
      return await takesOurKey(upstream.provider, upstream.agent, deps.clock.now());
    },
    async openDoor(spec) {
      const door = await openDoor(spec, {
        ...deps,
        directory: join(doors, spec.sandbox),
        furnish,
        upstream: routeOf(spec.provider).upstream,
      });
      const close = async () => {
        open.delete(tracked);
        await door.close();
      };
      const tracked: Door = { ...door, close };
      open.add(tracked);
      return tracked;
    },
    async close() {
      await Promise.all([...open].map((door) => door.close()));
      for (const { upstream } of routes.values()) upstream.agent.destroy();
    },
  };
}

type Route = ReturnType<typeof createRoute>;

/** One provider, as it is now, and the connections that are kept to it. */
function createRoute(first: Provider) {
  let provider = first;
  const secure = "baseUrl" in provider.target && provider.target.baseUrl.protocol === "https:";
  const agent = new (secure ? TlsAgent : Agent)({ keepAlive: true });
  return {
    upstream: {
      agent,
      get provider() {
        return provider;
      },
    },
    renew(fresh: Provider): void {
      provider = fresh;
    },
  };
}

/** The broker for these routes; without any, the rehearsal model answers behind the same doors. */
export async function openBroker({
  credentials,
  routes,
  login,
  renew,
  ...deps
}: BrokerDeps & RouteSources & { renew?: Renew | undefined }): Promise<OpenBroker> {
  const providers = providersFrom({ credentials, routes, login });
  if (providers.length > 0) return createBroker({ ...deps, providers, renew });
  const rehearsal = await startRehearsal(deps);
  const broker = await createBroker({ ...deps, providers: [rehearsal.provider] });
  return {
    ...broker,
    async close() {
      await broker.close();
      await rehearsal.close();
    },
  };
}
