/** Whether a provider takes our key, asked at no cost: by its list of models (docs.anthropic.com/en/api/models-list). */
import type { Agent, IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { failureOf, MAX_ERROR_BODY } from "./failure.ts";
import { outwards } from "./headers.ts";
import { bearing, type Provider } from "./provider.ts";
import { requestTo } from "./upstream.ts";

const PATIENCE_MS = 15_000;

/**
 * False only if it says that it does not. A server that has no such list has not refused the key.
 * @throws TemporaryError when it cannot be asked
 */
export async function takesOurKey(given: Provider, agent: Agent, now: number): Promise<boolean> {
  const provider = await withToken(given);
  if (!provider) return false;
  const upstream = requestTo(provider, "/v1/models?limit=1", {
    agent,
    headers: outwards({ "anthropic-version": "2023-06-01" }, provider, 0),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const asked = Promise.withResolvers<IncomingMessage>();
  upstream.once("response", asked.resolve);
  upstream.once("error", asked.reject);
  upstream.end();
  try {
    const answer = await asked.promise;
    const status = answer.statusCode ?? 0;
    const body = (await text(answer)).slice(0, MAX_ERROR_BODY);
    if (status < 400) return true;
    const failure = failureOf({ status, retryAfter: undefined, body, now });
    if (failure.class === "transient" || failure.class === "rate_limited") throw new Error(failure.detail);
    return failure.class !== "auth";
  } catch (cause) {
    throw new TemporaryError(`${provider.name} cannot be asked whether it takes our key`, { cause });
  }
}

/** undefined: somebody has to log in first. */
async function withToken(provider: Provider): Promise<Provider | undefined> {
  if (!provider.login) return provider;
  try {
    return bearing(provider, await provider.login.token());
  } catch (error) {
    if (error instanceof RejectedError) return undefined;
    throw error;
  }
}
