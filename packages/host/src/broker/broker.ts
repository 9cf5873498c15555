/**
 * The broker: the only way out of a sandbox (design 5.2). Doors open below `runDirectory/doors/`; the
 * one who holds the home owns that folder, so what an earlier host left there is cleared first.
 */
import { chmod, mkdir, rm } from "node:fs/promises";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { Policy, Taint } from "../policy/policy.ts";
import type { Audit } from "../store/audit.ts";
import type { RecordUsage } from "../store/usage.ts";
import type { Broker, Door } from "../turns/broker.ts";
import { takesOurKey } from "./check.ts";
import { openDoor } from "./door.ts";
import { providerFromCredentials, type Credentials, type Provider } from "./provider.ts";
import { startRehearsal } from "./rehearsal/provider.ts";

/** The credentials as they stand now; undefined: they have not changed. */
export type Renew = () => Credentials | undefined;

export interface BrokerDeps {
  /** Absolute; `run/` of the home. */
  readonly runDirectory: string;
  readonly record: RecordUsage;
  /** Who decides what else may go out, who is told of what came in, and where it is written down. */
  readonly policy: Policy;
  readonly taint: Taint;
  readonly audit: Pick<Audit, "write" | "note" | "begin">;
  readonly clock: Clock;
  readonly log: Log;
}

export async function createBroker({
  provider: first,
  renew = () => undefined,
  ...deps
}: BrokerDeps & { provider: Provider; renew?: Renew | undefined }): Promise<Broker> {
  const doors = join(deps.runDirectory, "doors");
  await rm(doors, { recursive: true, force: true });
  await mkdir(doors, { recursive: true });
  await chmod(doors, 0o711); // whatever the umask: the sandboxes' users walk through it
  let provider = first;
  const secure = "baseUrl" in provider.target && provider.target.baseUrl.protocol === "https:";
  const agent = new (secure ? TlsAgent : Agent)({ keepAlive: true });
  const open = new Set<Door>();
  const upstream = {
    agent,
    get provider() {
      return provider;
    },
  };

  /** Another provider's sessions are not ours to go on with: that takes a restart. */
  function renewed(): Provider {
    const fresh = providerFromCredentials(renew() ?? {});
    return fresh?.name === provider.name ? fresh : provider;
  }

  return {
    provider: provider.name,
    async keyWorks() {
      provider = renewed();
      return await takesOurKey(provider, agent, deps.clock.now());
    },
    async openDoor(spec) {
      const door = await openDoor(spec, {
        ...deps,
        directory: join(doors, spec.sandbox),
        upstream,
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
      agent.destroy();
    },
  };
}

/** The broker for these credentials; without any, the rehearsal model answers behind the same doors. */
export async function openBroker({
  credentials,
  renew,
  ...deps
}: BrokerDeps & { credentials: Credentials; renew?: Renew | undefined }): Promise<Broker> {
  const provider = providerFromCredentials(credentials);
  if (provider) return createBroker({ ...deps, provider, renew });
  const rehearsal = await startRehearsal(deps);
  const broker = await createBroker({ ...deps, provider: rehearsal.provider });
  return {
    ...broker,
    async close() {
      await broker.close();
      await rehearsal.close();
    },
  };
}
