/**
 * Headers that may cross a door. Inwards and outwards, what belongs to one connection stays with it
 * (RFC 9110, 7.6.1); outwards, whatever credential the sandbox made up is dropped and the real one put
 * in; inwards, nothing comes back that holds it.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { Provider } from "./provider.ts";
import { scrubText } from "./scrub.ts";

export const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];
const NOT_OUT = new Set([
  ...HOP_BY_HOP,
  "authorization",
  "x-api-key",
  "cookie",
  "expect",
  "host",
  "content-length",
  // Asked for anew: what is compressed can be neither metered nor scrubbed.
  "accept-encoding",
]);
const NOT_IN = new Set([...HOP_BY_HOP, "set-cookie", "alt-svc"]);

export function outwards(
  headers: IncomingHttpHeaders,
  provider: Provider,
  length: number,
): OutgoingHttpHeaders {
  const kept = without(headers, NOT_OUT);
  const betas = [kept["anthropic-beta"], ...provider.betas].filter((beta) => beta !== undefined);
  return {
    ...kept,
    ...(betas.length > 0 ? { "anthropic-beta": betas.join(",") } : {}),
    ...(provider.credential ? { [provider.credential.header]: provider.credential.value } : {}),
    "accept-encoding": "identity",
    ...(length > 0 ? { "content-length": length } : {}),
  };
}

/** @param dropped what does not come back, beside what `Connection` names */
export function inwards(
  headers: IncomingHttpHeaders,
  secrets: readonly string[],
  dropped: ReadonlySet<string> = NOT_IN,
): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(without(headers, dropped)).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((one) => scrubText(one, secrets)) : scrubText(value ?? "", secrets),
    ]),
  );
}

export function without(headers: IncomingHttpHeaders, dropped: ReadonlySet<string>): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? "").toLowerCase().split(/\s*,\s*/));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !dropped.has(name) && !named.has(name)),
  );
}
