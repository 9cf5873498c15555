/** The install's secrets, what puts them into requests, and what vouches for hosts inside the sandboxes. */
import { randomBytes } from "node:crypto";
import { openCertificates } from "../broker/certificates.ts";
import { createInjection, type InjectionParts } from "../broker/injection.ts";
import { providersFrom } from "../broker/routes.ts";
import { writeFirstSecrets } from "../broker/secrets/edit.ts";
import { openSecrets } from "../broker/secrets/secrets.ts";
import { trySecret } from "../broker/secrets/trial.ts";
import type { Environment } from "../config.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { Plugins } from "../core/plugin.ts";
import { declaredByPlugins } from "../broker/secrets/of-plugins.ts";
import type { Ground } from "./ground.ts";

type Use = Parameters<InjectionParts["onUse"]>[0];

/**
 * @param environment that of the host, in which secrets may be
 * @throws ConfigError where `secrets.yaml` or the authority cannot be used
 */
export async function openVault(ground: Ground, environment: Environment, plugins: Pick<Plugins, "active">) {
  const { config, paths, clock, log, opened } = ground;
  await writeFirstSecrets(paths);
  const secrets = await openSecrets({
    paths,
    environment,
    more: (variables) => declaredByPlugins(plugins.active, variables),
    forbidden: providersFrom(config).flatMap((provider) => provider.secrets),
    known: (name, values) => ground.secrets.add(values.map((value) => ({ name, value }))),
    clock,
    log,
  });
  opened.defer(secrets.close);
  const certificates = await openCertificates({ directory: paths.authority, clock, random: randomBytes });

  /** Uses come faster than rows are wanted one by one, and the last are to be kept too. */
  let recorded = Promise.resolve();
  opened.defer(() => recorded);
  const recording =
    (actor: string) =>
    ({ name, group, host, method }: Use): void => {
      const row = {
        actor,
        groupId: null,
        action: "secret.use",
        subject: `secret:${name}`,
        allowed: true,
        detail: `${method} ${host} for the group ${group}`,
      };
      recorded = recorded
        .then(() => ground.audit.note(row))
        .catch((error: unknown) => log.error({ err: error, ...row }, "the use of a secret was not recorded"));
    };

  return {
    secrets,
    certificates,
    injection: createInjection({
      secretsOf: secrets.of,
      onMissing: secrets.wanted,
      onUse: recording("an agent"),
    }),
    trySecret: (wanted: { name: string; group: GroupFolder; url?: string | undefined }) =>
      trySecret(wanted, { secrets, onUse: recording("the owner"), fetch: globalThis.fetch }),
  };
}
