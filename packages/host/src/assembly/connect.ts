/** Connecting accounts: the flows of plugins, joined to the home and the record. */
import { z } from "zod";
import { keptVariables, setVariables, unsetVariables } from "../broker/secrets/edit.ts";
import { type Connectable, createConnecting } from "../channels/connect.ts";
import type { Ground } from "./ground.ts";
import type { PluginRoom } from "./plugins.ts";

/** Channels whose accounts can be named have this setting, all of them (docs/channels.md). */
const Named = z.looseObject({ accounts: z.array(z.string()) });

/** Those that bring a channel and are enabled, whether an account of theirs is connected or not. */
function connectableOf({ known, startAuth }: Pick<PluginRoom, "known" | "startAuth">): Connectable {
  const all = () =>
    known().filter(
      ({ installed, manifest }) => installed?.enabled && manifest.channel && manifest.entry !== undefined,
    );
  return {
    names: () => all().map(({ name }) => name),
    variables: (name) =>
      all()
        .filter((one) => one.name === name)
        .flatMap(({ manifest }) => manifest.environment.map((variable) => variable.name)),
    accounts: (name) =>
      all()
        .filter((one) => one.name === name)
        .flatMap(({ installed }) => Named.safeParse(installed?.settings).data?.accounts ?? []),
    start: startAuth,
  };
}

export function openConnecting(
  { paths, secrets, audit, clock, log, opened }: Ground,
  plugins: Pick<PluginRoom, "known" | "startAuth">,
  connectable: Connectable = connectableOf(plugins),
) {
  const connecting = createConnecting({
    connectable,
    keep: (values) => setVariables(paths, values),
    forget: (variables) => unsetVariables(paths, variables),
    kept: (variables) => keptVariables(paths, variables),
    secrets,
    audit,
    clock,
    log,
  });
  opened.defer(connecting.close);
  return connecting;
}
