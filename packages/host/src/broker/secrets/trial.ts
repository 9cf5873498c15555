/**
 * `bellhop secrets test`: gets a secret's value as an agent's request would, and on request sends it to a host that
 * it is bound to, once. Says what came of it; never the value, nor what the host answered beyond its status.
 */
import { BellhopError, RejectedError } from "@bellhop/sdk";
import type { GroupFolder } from "../../core/ids.ts";
import type { SecretTrial } from "../../core/secret-trial.ts";
import { createInjection, type InjectionParts } from "../injection.ts";
import { type Binding, bindingWords } from "./binding.ts";
import type { SecretName } from "./file.ts";
import { placeholder } from "./placeholder.ts";
import type { Secrets } from "./secrets.ts";

export interface TrialParts {
  readonly secrets: Secrets;
  readonly onUse: InjectionParts["onUse"];
  readonly fetch: typeof globalThis.fetch;
}

const PATIENCE_MS = 20_000;

/**
 * @throws RejectedError where the group has no such secret, or it is not bound to the address
 * @throws RejectedError when the address gives no answer
 */
export async function trySecret(
  {
    name,
    group,
    url,
  }: { readonly name: string; readonly group: GroupFolder; readonly url?: string | undefined },
  { secrets, onUse, fetch }: TrialParts,
): Promise<SecretTrial> {
  const { from, why } = await secrets.renew(name, group);
  const own = secrets.of(group).filter((one) => one.name === name);
  const bind = own.flatMap((one) => one.bind);
  const trial = { name, group, from, bound: bind.map(bindingWords), problem: why ?? null };
  if (url === undefined || why !== undefined) return { ...trial, status: null };

  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address?.protocol !== "https:")
    throw new RejectedError(`${JSON.stringify(url)} is no https:// address.`);
  const injection = createInjection({ secretsOf: () => own, onMissing: () => undefined, onUse });
  const [secret] = own;
  const injected = bind.flatMap((binding) => {
    return secret ? (attempt(injection, secret.name, group, address, binding) ?? []) : [];
  })[0];
  if (!injected) throw new RejectedError(`${name} is not bound to GET ${address.host}${address.pathname}.`);
  const headers = Object.entries(injected.headers).map(([header, value]): [string, string] => [
    header,
    String(value),
  ]);
  try {
    const response = await fetch(new URL(injected.path, address.origin), {
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await response.body?.cancel();
    return { ...trial, status: response.status };
  } catch {
    // Without the cause, which may quote the address and with it the secret.
    throw new RejectedError(`${address.host} gave no answer.`);
  }
}

/** As an agent would: with the placeholder in the place that this binding names. */
function attempt(
  injection: ReturnType<typeof createInjection>,
  name: SecretName,
  group: GroupFolder,
  { hostname, port, pathname, search }: URL,
  binding: Binding,
) {
  const word = placeholder(name);
  const query =
    binding.as === "query" ? `${search === "" ? "?" : `${search}&`}${binding.name}=${word}` : search;
  try {
    const injected = injection.apply({
      group,
      host: hostname,
      port: port === "" ? 443 : Number(port),
      method: "GET",
      path: `${pathname}${query}`,
      headers: headersWith(binding, word),
    });
    return injected.used.length > 0 ? injected : undefined;
  } catch (error) {
    if (error instanceof BellhopError) return undefined; // not by this binding
    throw error;
  }
}

function headersWith(binding: Binding, word: string): Record<string, string> {
  switch (binding.as) {
    case "bearer":
      return { authorization: `Bearer ${word}` };
    case "basic":
      return { authorization: `Basic ${Buffer.from(`:${word}`).toString("base64")}` };
    case "header":
      return { [binding.name]: word };
    case "query":
      return {};
    default:
      return binding satisfies never;
  }
}
