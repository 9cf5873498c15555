/** Variables that plugins declare to be no secrets, so that their values may be said. Pure. */
import type { ActivePlugin } from "../../core/plugin.ts";

/** One that any of them calls a secret is one. */
export function publicVariables(plugins: readonly Pick<ActivePlugin, "manifest">[]): ReadonlySet<string> {
  const open = new Set<string>();
  const secret = new Set<string>();
  for (const { manifest } of plugins) {
    for (const one of [...manifest.environment, ...manifest.variables])
      (one.secret ? secret : open).add(one.name);
    for (const credential of manifest.credentials) secret.add(credential.secret);
  }
  return open.difference(secret);
}
