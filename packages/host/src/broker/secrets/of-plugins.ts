/**
 * Secrets that plugins use, as if they stood in `secrets.yaml`: their values are in the environment or in `.env`
 * under their own names, and they go where the plugins' manifests bind them, for the groups in scope. Pure.
 *
 * - What `secrets.yaml` says of such a name goes before: where the value comes from, and which group has it.
 *   A plugin only adds places where it may go, which its owner approved.
 * - A name or a binding that nobody could write into `secrets.yaml` is left out, and told of.
 */
import { z } from "zod";
import type { Environment } from "../../config.ts";
import type { GroupFolder } from "../../core/ids.ts";
import { type ActivePlugin, inScope } from "../../core/plugin.ts";
import { Binding } from "./binding.ts";
import { type Declared, SecretName } from "./file.ts";

type Plugin = Pick<ActivePlugin, "name" | "manifest" | "installed">;

interface Wanted {
  readonly name: SecretName;
  readonly bind: readonly Binding[];
  readonly problems: readonly string[];
}

/** What is wrong with the secrets that a plugin declares, a sentence each. */
export function problemsOfSecrets(plugin: Pick<Plugin, "manifest">): readonly string[] {
  const { wanted, problems } = wantedBy(plugin);
  return [...problems, ...wanted.flatMap((one) => one.problems)];
}

/** @param active asked at each use, so that a plugin that was turned off has no secret from that moment on */
export function declaredByPlugins(
  active: () => readonly Plugin[],
  environment: Environment,
): readonly Declared[] {
  const all = active().flatMap(({ name: plugin, manifest }) => {
    const scopeNow = () => active().find(({ name }) => name === plugin)?.installed.scope;
    return wantedBy({ manifest }).wanted.map(({ name, bind }): Declared => {
      const kind = environment[name] === undefined || environment[name] === "" ? ".env" : "env";
      const held = { source: { kind, variable: name }, bind } as const;
      return {
        name,
        of(group) {
          const scope = scopeNow();
          return scope && (group === undefined || inScope(scope, group)) ? held : undefined;
        },
        groups: [],
      };
    });
  });
  return all.reduce<readonly Declared[]>((known, one) => {
    const other = known.find(({ name }) => name === one.name);
    return other ? known.map((each) => (each === other ? either(other, one) : each)) : [...known, one];
  }, []);
}

/** @param own of `secrets.yaml` */
export function joined(own: readonly Declared[], more: readonly Declared[]): readonly Declared[] {
  return [
    ...own.map((one) => {
      const also = more.find(({ name }) => name === one.name);
      return also ? withPlaces(one, also) : one;
    }),
    ...more.filter(({ name }) => own.every((one) => one.name !== name)),
  ];
}

function withPlaces(own: Declared, also: Declared): Declared {
  return {
    ...own,
    of(group) {
      const held = own.of(group);
      return held && { ...held, bind: [...held.bind, ...(also.of(group)?.bind ?? [])] };
    },
  };
}

/** Two plugins use one name: each group has what those in its scope say. */
function either(one: Declared, other: Declared): Declared {
  return {
    name: one.name,
    of(group: GroupFolder | undefined) {
      const [a, b] = [one.of(group), other.of(group)];
      return a && b ? { ...a, bind: [...a.bind, ...b.bind] } : (a ?? b);
    },
    groups: [],
  };
}

function wantedBy({ manifest: { credentials, variables } }: Pick<Plugin, "manifest">) {
  const named = new Map<string, readonly Record<string, unknown>[]>();
  for (const { name, secret } of variables) if (secret) named.set(name, []);
  for (const { secret, bindings } of credentials) {
    named.set(secret, [...(named.get(secret) ?? []), ...bindings]);
  }
  const wanted: Wanted[] = [];
  const problems: string[] = [];
  for (const [text, bindings] of named) {
    const name = SecretName.safeParse(text);
    if (!name.success) {
      problems.push(
        `its secret ${text} is left out: ${name.error.issues[0]?.message ?? "no name of a secret"}`,
      );
      continue;
    }
    const read = bindings.map((binding) => Binding.safeParse(binding));
    wanted.push({
      name: name.data,
      bind: read.flatMap(({ data }) => data ?? []),
      problems: read.flatMap(({ error }) =>
        error
          ? `a place for its secret ${text} is left out: ${z.prettifyError(error).replace(/\s+/g, " ")}`
          : [],
      ),
    });
  }
  return { wanted, problems };
}
