/**
 * The places in a request that a binding names, and putting a value there: where the placeholder stands,
 * or, where the binding has `always`, where nothing stands yet.
 */
import type { OutgoingHttpHeaders } from "node:http";
import type { Binding } from "./binding.ts";
import type { SecretName } from "./file.ts";
import { filled, placeholder } from "./placeholder.ts";

/** A request in the making. */
export interface Draft {
  path: string;
  headers: OutgoingHttpHeaders;
}

/** Whether the value is in it now. */
export function inject(draft: Draft, binding: Binding, name: SecretName, value: string): boolean {
  switch (binding.as) {
    case "bearer":
      return inHeader(draft, "authorization", (header) => {
        if (header === undefined) return binding.always ? `Bearer ${value}` : undefined;
        const [, scheme = "", word] = /^(bearer|token)\s+(\S+)$/i.exec(header) ?? [];
        return word === placeholder(name) ? `${scheme} ${value}` : undefined;
      });
    case "basic":
      return inHeader(draft, "authorization", (header) => {
        const whole = `Basic ${Buffer.from(pairOf(binding, value)).toString("base64")}`;
        if (header === undefined) return binding.always ? whole : undefined;
        return meansPair(header, name) ? whole : undefined;
      });
    case "header":
      return inHeader(draft, binding.name, (header) => {
        if (header === undefined) return binding.always ? value : undefined;
        const changed = filled(header, name, value);
        return changed === header ? undefined : changed;
      });
    case "query":
      return inQuery(draft, binding, name, value);
    default:
      return binding satisfies never;
  }
}

/** What a secret is as `user:password`. */
export function pairOf({ user }: Extract<Binding, { as: "basic" }>, value: string): string {
  return user === undefined ? value : `${user}:${value}`;
}

/** The placeholder as the password, with whatever user, or alone as either of them. */
function meansPair(header: string, name: SecretName): boolean {
  const [, encoded] = /^basic\s+(\S+)$/i.exec(header) ?? [];
  if (encoded === undefined) return false;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const [user, password] = colon < 0 ? [pair, ""] : [pair.slice(0, colon), pair.slice(colon + 1)];
  return password === placeholder(name) || (user === placeholder(name) && password === "");
}

function inHeader(
  { headers }: Draft,
  header: string,
  change: (value: string | undefined) => string | undefined,
): boolean {
  const now = headers[header];
  if (now !== undefined && typeof now !== "string") return false; // several lines of it: no place of a secret
  const changed = change(now);
  if (changed === undefined) return false;
  headers[header] = changed;
  return true;
}

/** Piece by piece, so that the rest of the query stays as it was written. */
function inQuery(
  draft: Draft,
  { name: parameter, always }: Extract<Binding, { as: "query" }>,
  name: SecretName,
  value: string,
): boolean {
  const at = draft.path.indexOf("?");
  const [path, query] = at < 0 ? [draft.path, ""] : [draft.path.slice(0, at), draft.path.slice(at + 1)];
  const pieces = query === "" ? [] : query.split("&");
  const own = (piece: string) => piece === parameter || piece.startsWith(`${parameter}=`);
  const wanted = `${parameter}=${placeholder(name)}`;
  const filledIn = `${parameter}=${encodeURIComponent(value)}`;
  const changed =
    pieces.some(own) || !always
      ? pieces.map((piece) => (piece === wanted ? filledIn : piece))
      : [...pieces, filledIn];
  if (!changed.includes(filledIn)) return false;
  draft.path = `${path}?${changed.join("&")}`;
  return true;
}
