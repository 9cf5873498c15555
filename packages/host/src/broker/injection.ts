/**
 * Injected credentials (design 5.2): a sandbox sends a placeholder, the request that leaves has the secret.
 *
 * - A value goes to the hosts, methods and paths that its binding names, and only into the place that it
 *   names: nowhere else of a request can the agent have it put.
 * - A placeholder anywhere else is refused, so that whoever meant to use it learns why it does not work.
 * - What was put in must not come back: `scrub` lists it in the forms in which servers repeat what they got.
 * - Nothing here follows a redirect: the next request is judged like the first.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { RejectedError } from "@bellhop/sdk";
import type { GroupFolder } from "../core/ids.ts";
import { type Binding, bindingWords, bindsHost, bindsRequest, plainHost } from "./secrets/binding.ts";
import type { SecretName } from "./secrets/file.ts";
import { placeholdersIn } from "./secrets/placeholder.ts";
import { inject, type Draft } from "./secrets/places.ts";
import { formsOf } from "./secrets/forms.ts";

export interface InjectionRequest {
  readonly group: GroupFolder;
  readonly host: string;
  readonly port: number;
  readonly method: string;
  /** As it stands in the request, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Injected {
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  /** What must not come back, in no header and no body. */
  readonly scrub: readonly string[];
  /** Names of the secrets that it carries now. */
  readonly used: readonly string[];
}

export interface Injection {
  /** A secret is bound to this host for this group, so its TLS has to end here. */
  binds(group: GroupFolder, host: string, port: number): boolean;
  /**
   * What to send instead, over TLS to a host that proved its name, and what must not come back.
   * @throws RejectedError, a sentence for the agent, where a placeholder stands in a request that its secret
   *   is not bound to, or where the secret has no value just now
   */
  apply(request: InjectionRequest): Injected;
}

/** A secret as it holds for one group. */
export interface HeldSecret {
  readonly name: SecretName;
  readonly bind: readonly Binding[];
  /** Undefined where it could not be had; `why` says so. */
  readonly value: string | undefined;
  readonly why?: string | undefined;
}

export interface InjectionParts {
  readonly secretsOf: (group: GroupFolder) => readonly HeldSecret[];
  /** One was wanted and had no value: whoever keeps them may try again. */
  readonly onMissing: (name: SecretName, group: GroupFolder) => void;
  /** One leaves with a request. */
  readonly onUse: (use: { name: SecretName; group: GroupFolder; host: string; method: string }) => void;
}

export function createInjection({ secretsOf, onMissing, onUse }: InjectionParts): Injection {
  return {
    binds: (group, host, port) =>
      secretsOf(group).some(({ bind }) => bind.some((binding) => bindsHost(binding, { host, port }))),
    apply(request) {
      const { group, host, method } = request;
      const secrets = secretsOf(group);
      const draft: Draft = { path: request.path, headers: { ...request.headers } };
      const used = new Set<SecretName>();
      for (const { name, bind, value } of secrets) {
        if (value === undefined) continue;
        for (const binding of bind) {
          if (bindsRequest(binding, request) && inject(draft, binding, name, value)) used.add(name);
        }
      }
      refuseLeft(request, draft, { secrets, onMissing });
      for (const name of used) onUse({ name, group, host: plainHost(host), method });
      const here = secrets.filter(({ name, bind }) => {
        return used.has(name) || bind.some((binding) => bindsHost(binding, request));
      });
      return {
        ...draft,
        scrub: [
          ...new Set(here.flatMap(({ bind, value }) => (value === undefined ? [] : formsOf(value, bind)))),
        ],
        used: [...used],
      };
    },
  };
}

/** @throws RejectedError for the first placeholder that was not replaced */
function refuseLeft(
  request: InjectionRequest,
  { path, headers }: Draft,
  { secrets, onMissing }: Pick<InjectionParts, "onMissing"> & { secrets: readonly HeldSecret[] },
): void {
  const { host, group, method } = request;
  const texts = [path, decoded(path), ...Object.entries(headers).flatMap(textsOf)];
  const left = texts.flatMap(placeholdersIn)[0];
  if (left === undefined) return;
  const known = secrets.find(({ name }) => name === left);
  if (!known) throw new RejectedError(`There is no secret ${left} in this group.`);
  const bound = known.bind.filter((binding) => bindsRequest(binding, request));
  if (bound.length === 0) {
    const where = known.bind.map(bindingWords).join("; ") || "nothing yet";
    throw new RejectedError(
      `The secret ${left} is not bound to ${method} ${host}${path.split("?", 1)[0]}. It is bound to: ${where}. ` +
        `A person can change that: bellhop secrets set ${left} --bind HOST --as HOW.`,
    );
  }
  if (known.value === undefined) {
    onMissing(known.name, group);
    throw new RejectedError(
      `The secret ${left} has no value just now: ${known.why ?? "it could not be had"}. A person can look with: bellhop secrets test ${left}.`,
    );
  }
  throw new RejectedError(
    `The secret ${left} goes to ${host} as ${bound.map(bindingWords).join("; or ")}, and nowhere else of a request.`,
  );
}

/** A header's name and values; of `Basic`, what it means too. */
function textsOf([name, value]: [string, unknown]): string[] {
  const values = (Array.isArray(value) ? value : [value]).map(String);
  const pairs = values.flatMap((one) => {
    const [, pair] = /^basic\s+(\S+)$/i.exec(one) ?? [];
    return pair === undefined ? [] : [Buffer.from(pair, "base64").toString("utf8")];
  });
  return [name, ...values, ...values.map(decoded), ...pairs];
}

function decoded(text: string): string {
  return text.replaceAll(/%([0-7][0-9a-f])/gi, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)));
}
