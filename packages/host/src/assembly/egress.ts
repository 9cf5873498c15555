/** What sandboxes may reach on the network: the configuration's rules and the owners', in one place. */
import { RejectedError } from "@bellhop/sdk";
import type { EgressDeps } from "../broker/egress/egress.ts";
import { createReach, systemNetwork, type Network } from "../broker/egress/network.ts";
import type { Config } from "../config.ts";
import { type EgressRule, type PlacedRule, targetText } from "../core/egress-rule.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { NewEgressRule } from "../http/schemas.ts";
import { createEgressRecord } from "../store/egress-record.ts";
import { openEgressRules } from "../store/egress-rules.ts";
import type { Ground } from "./ground.ts";

const MiB = 1024 * 1024;
const MINUTE = 60_000;

export interface EgressParts {
  /** Who judges, and who is told of what came in. */
  readonly trust: Pick<EgressDeps, "policy" | "taint">;
  /** What stands between a sandbox and a host. */
  readonly vault: Pick<EgressDeps, "certificates" | "injection">;
  readonly network?: Network | undefined;
  /** What plugins may reach. */
  readonly rulesOfPlugins: (group: GroupFolder) => readonly PlacedRule[];
}

export async function openEgress(
  { config, clock, db, audit }: Ground,
  {
    trust: { policy, taint },
    vault: { certificates, injection },
    network = systemNetwork,
    rulesOfPlugins,
  }: EgressParts,
) {
  const rules = await openEgressRules(db, clock, audit);
  const ownPorts = new Set<number>();
  const reach = createReach({ network, ownPorts: () => [...ownPorts], clock });
  const { limits, ...configured } = readConfig(config);

  const deps: EgressDeps = {
    policy,
    taint,
    certificates,
    injection,
    rulesOf: (group) => [...configured.rulesOf(group), ...rules.of(group), ...rulesOfPlugins(group)],
    modeOf: configured.modeOf,
    async keep(group, { host, port }, action) {
      await rules.add({ group, rule: { host, port, action, write: false }, pin: null }, "the owner, asked");
    },
    record: createEgressRecord(db, audit),
    reach,
    limits,
  };

  /** @throws RejectedError when nobody may allow that */
  async function pinOf(rule: EgressRule, address: string | undefined): Promise<string> {
    const { host, port, action } = rule;
    if (port === undefined || host.includes("*") || action !== "allow") {
      throw new RejectedError(
        "What is not public is allowed by its name and port, exactly: bellhop allow nas.home:5000 --private",
      );
    }
    return await reach.pinFor({ host, port }, address);
  }

  return {
    deps,
    /** Bellhop listens there: no sandbox gets there. */
    listensOn: (port: number): void => void ownPorts.add(port),
    /** What is reached though it is not public. */
    pins: () =>
      rules
        .list()
        .flatMap(({ group, rule: { host, port = 0 }, pin }) =>
          pin === null ? [] : { group, target: targetText({ host, port }), address: pin },
        ),
    list: rules.list,
    async add({ group, rule, private: notPublic, address }: NewEgressRule) {
      const pin = notPublic || address !== undefined ? await pinOf(rule, address) : null;
      return await rules.add({ group, rule, pin }, "the owner");
    },
    remove: (id: number) => rules.remove(id, "the owner"),
  };
}

function readConfig({ egress, groups }: Config) {
  const placed = (rules: Config["egress"]["rules"], origin: PlacedRule["origin"]): PlacedRule[] =>
    rules.map((rule) => ({ rule: thawed(rule), origin, source: "config.yaml" }));
  const install = placed(egress.rules, "install");
  const own = new Map(
    Object.entries(groups).map(([folder, group]) => [folder, placed(group.egress?.rules ?? [], "group")]),
  );
  return {
    rulesOf: (group: GroupFolder) => [...(own.get(group) ?? []), ...install],
    modeOf: (group: GroupFolder) => groups[group]?.egress?.mode ?? egress.mode,
    limits: {
      connections: egress.connections,
      requestsPerMinute: egress.requestsPerMinute,
      requestBytes: egress.requestMb * MiB,
      responseBytes: egress.responseMb * MiB,
      ms: egress.minutes * MINUTE,
    },
  };
}

/** The configuration is frozen, its lists too. */
function thawed({ methods, ...rule }: Config["egress"]["rules"][number]): EgressRule {
  return { ...rule, ...(methods && { methods: [...methods] }) };
}
