/**
 * A binding: where a secret may go, and how it is put in. Pure.
 *
 * - A host by its name, or with `*` for one label each, of which the last two are never one: `*.com`
 *   would be everybody's.
 * - Port 443 unless it says otherwise; the methods it names (GET has HEAD with it), else all but TRACE,
 *   which would only send the secret back.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { z } from "zod";
import { liesBelow, PLAIN_PREFIX } from "./path.ts";

const LABEL = /^(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)$/;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** Of one connection, or of the message's own shape: a secret in one would break the request. */
const NO_SECRETS =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|proxy-.*|keep-alive|:.*)$/i;

const Host = z
  .string()
  .transform(plainHost)
  .refine(isHost, "is no host; write api.example.com, or *.example.com for the names one label below it");
const Method = z
  .string()
  .transform((method) => method.toUpperCase())
  .refine((method) => TOKEN.test(method), "is no method")
  .refine((method) => !["TRACE", "CONNECT"].includes(method), "carries no secrets");

const where = {
  host: Host,
  port: z.int().min(1).max(65_535).default(443),
  methods: z.array(Method).min(1).optional(),
  path: z
    .string()
    .regex(PLAIN_PREFIX, "must be a plain path such as /api/v1, without %, .. or //")
    .default("/"),
  always: z.boolean().default(false).describe("Also where the request brings no credential at all"),
};

export const Binding = z.discriminatedUnion("as", [
  z.strictObject({ ...where, as: z.literal("bearer") }),
  z.strictObject({
    ...where,
    as: z.literal("header"),
    name: z
      .string()
      .regex(TOKEN, "is no header's name")
      .refine((name) => !NO_SECRETS.test(name), "is a header that carries no secrets")
      .transform((name) => name.toLowerCase()),
  }),
  z.strictObject({
    ...where,
    as: z.literal("query"),
    name: z.string().regex(/^[A-Za-z0-9_.~-]+$/, "is no plain name of a parameter"),
  }),
  z.strictObject({
    ...where,
    as: z.literal("basic"),
    user: z
      .string()
      .regex(/^[\x20-\x39\x3b-\x7e]+$/, "must be printable and without a colon")
      .optional()
      .describe("Without it the secret itself is user:password"),
  }),
]);
export type Binding = Readonly<z.infer<typeof Binding>>;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Lower case, without the dot of the root or the brackets of an address. */
export function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^\[(.*)\]$/, "$1");
}

export function bindsHost(binding: Binding, { host, port }: Place): boolean {
  if (port !== binding.port) return false;
  const [wanted, given] = [binding.host.split("."), plainHost(host).split(".")];
  if (wanted.length !== given.length) return false;
  return wanted.every((label, index) => (label === "*" ? given[index] !== "" : label === given[index]));
}

/** Headers by which some servers take a request for one of another method, or of another path. */
const OTHER_METHOD = ["x-http-method-override", "x-http-method", "x-method-override"];
const OTHER_PATH = ["x-original-url", "x-rewrite-url", "x-original-uri"];

/** By every method and path that the request may be taken to have. */
export function bindsRequest(
  binding: Binding,
  request: Place & { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders },
): boolean {
  const { headers } = request;
  const given = (names: readonly string[]) => names.flatMap((name) => headers[name] ?? []);
  return (
    bindsHost(binding, request) &&
    [request.method, ...given(OTHER_METHOD).map((method) => method.toUpperCase())].every((method) =>
      takesMethod(binding, method),
    ) &&
    [request.path, ...given(OTHER_PATH)].every((path) => liesBelow(path, binding.path))
  );
}

function takesMethod({ methods }: Binding, method: string): boolean {
  if (!methods) return method !== "TRACE" && method !== "CONNECT";
  return methods.includes(method) || (method === "HEAD" && methods.includes("GET"));
}

/** For people: `api.github.com, GET POST, below /repos, as bearer`. */
export function bindingWords(binding: Binding): string {
  const { host, port, methods, path, as } = binding;
  return [
    port === 443 ? host : `${host}:${port}`,
    ...(methods ? [methods.join(" ")] : []),
    ...(path === "/" ? [] : [`below ${path}`]),
    `as ${as}${"name" in binding ? ` ${binding.name}` : ""}`,
  ].join(", ");
}

function isHost(host: string): boolean {
  if (isIP(host)) return true;
  const labels = host.split(".");
  const wild = labels.includes("*");
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  return !wild || (labels.length > 2 && !labels.slice(-2).includes("*"));
}
