/** Connecting accounts: the flows of plugins, joined to the home and the record. */
import { setVariables } from "../broker/secrets/edit.ts";
import { type Connectable, createConnecting } from "../channels/connect.ts";
import type { Ground } from "./ground.ts";

/** Where no plugin connects anything. */
const NONE: Connectable = {
  names: () => [],
  variables: () => [],
  start: () => Promise.reject(new Error("no plugin connects accounts")),
};

export function openConnecting(
  { paths, secrets, audit, clock, log, opened }: Ground,
  connectable: Connectable = NONE,
) {
  const connecting = createConnecting({
    connectable,
    keep: (values) => setVariables(paths, values),
    secrets,
    audit,
    clock,
    log,
  });
  opened.defer(connecting.close);
  return connecting;
}
