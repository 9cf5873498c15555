/**
 * What a sandbox may reach on the network: rules, what they fit, and which one wins. Pure.
 *
 * - `*` stands for one label of a name, `**` at the front for one or more: `*.example.com` fits
 *   `api.example.com`, not `example.com` and not `a.b.example.com`.
 * - A rule without a port is for 80 and 443. A path fits whole segments.
 * - A deny wins over every allow. Among equals the group's goes before the install's, that before a plugin's,
 *   and the narrower one first; so which rule decided can always be said.
 * - A path that two programs may read differently (`%2f`, `//`, …) fits no allow with a path, and every deny
 *   that could be meant.
 */
import { isIP } from "node:net";
import { z } from "zod";

/** A name or an address, as a URL would have it: lower case, no brackets. */
export type Host = string;

const LABEL = "(?:\\*|[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)";
const NAME = new RegExp(`^(?:\\*\\*|${LABEL})(?:\\.${LABEL})*$`);

export const HostPattern = z
  .string()
  .trim()
  .max(253)
  .transform((text) => hostOf(text) ?? text.toLowerCase().replace(/\.$/, ""))
  .refine(
    (text) => NAME.test(text) || isIP(text) === 6,
    "is no host; write example.com, *.example.com or an address",
  );

export const EgressRule = z
  .strictObject({
    host: HostPattern.describe("A name; * stands for one label, ** at the front for one or more"),
    port: z.int().min(1).max(65_535).optional().describe("Without one: 80 and 443"),
    methods: z
      .array(
        z
          .string()
          .trim()
          .toUpperCase()
          .regex(/^[A-Z]{3,20}$/, "is no method"),
      )
      .min(1)
      .optional()
      .describe("Without any: all of them"),
    path: z
      .string()
      .startsWith("/", "a path begins with a slash")
      .max(1_000)
      .optional()
      .describe("What the path begins with, in whole segments"),
    action: z.enum(["allow", "deny"]).default("allow"),
    write: z
      .boolean()
      .default(false)
      .describe("Also answers that have seen strangers' words may write there without asking"),
  })
  .refine(({ action, host }) => action === "deny" || /[^*.]/.test(host), {
    path: ["host"],
    error: "allows every host there is; name a part of it, or use the mode open-get",
  });
export type EgressRule = z.infer<typeof EgressRule>;

/** What happens to a host that no rule names. */
export const EgressMode = z.enum(["deny", "ask", "open-get"]);
export type EgressMode = z.infer<typeof EgressMode>;

const ORIGINS = ["group", "install", "plugin"] as const;
export type RuleOrigin = (typeof ORIGINS)[number];

export interface PlacedRule {
  readonly rule: EgressRule;
  readonly origin: RuleOrigin;
  /** Where a person finds it: `config.yaml`, `bellhop allow` with its number, a plugin's name. */
  readonly source: string;
  /** The address that an owner allowed for this host and port, though it is not public. */
  readonly pin?: string | undefined;
}

export interface Target {
  readonly host: Host;
  readonly port: number;
}

/** One request as it is judged. */
export interface Asked extends Target {
  readonly method: string;
  /** Without the query; see `readPath`. */
  readonly path: string;
}

/** The host as a URL has it, so that `0x7f.1`, `EXAMPLE.com.` and `[::1]` have one spelling. Undefined: it is none. */
export function hostOf(text: string): Host | undefined {
  if (!/^[^\s/\\?#@*%]+$/.test(text)) return undefined;
  const bare = text.includes(":") && !text.startsWith("[") ? `[${text}]` : text;
  if (!URL.canParse(`http://${bare}:9/`)) return undefined;
  const { hostname, port } = new URL(`http://${bare}:9/`);
  const plain = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  return port === "9" && plain !== "" && (plain.includes(":") || NAME.test(plain)) ? plain : undefined;
}

/** `host:port`, or a host with the port that is usual there. */
export function targetOf(authority: string, usual?: number): Target | undefined {
  const [, text = "", digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(authority) ?? [];
  const host = hostOf(text);
  const port = digits === undefined ? usual : Number(digits);
  if (host === undefined || port === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

export const targetText = ({ host, port }: Target) => `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** A tunnel would do: nothing of what passes has to be looked at. */
export const isHostOnly = ({ methods, path }: EgressRule) => methods === undefined && path === undefined;

/** Whether the rule is about this host and port at all. */
export function covers({ host, port }: EgressRule, target: Target): boolean {
  if (port === undefined ? target.port !== 80 && target.port !== 443 : port !== target.port) return false;
  return hostFits(host, target.host);
}

export function fits(rule: EgressRule, asked: Asked): boolean {
  const { methods, path, action } = rule;
  return (
    covers(rule, asked) &&
    (methods === undefined || methods.includes(asked.method.toUpperCase())) &&
    (path === undefined || pathFits(path, asked.path, action === "deny"))
  );
}

/** The rule that decides, if any is about it. */
export function winner(rules: readonly PlacedRule[], asked: Asked): PlacedRule | undefined {
  return best(rules.filter(({ rule }) => fits(rule, asked)));
}

export type Outlook =
  | { readonly kind: "denied" | "allowed"; readonly by: PlacedRule }
  /** It depends on method and path. */
  | { readonly kind: "depends"; readonly by: PlacedRule }
  | { readonly kind: "unknown" };

/** What is known of a host before anything was asked of it. */
export function outlook(rules: readonly PlacedRule[], target: Target): Outlook {
  const about = rules.filter(({ rule }) => covers(rule, target));
  const whole = best(about.filter(({ rule }) => isHostOnly(rule)));
  if (whole?.rule.action === "deny") return { kind: "denied", by: whole };
  const part = best(about.filter(({ rule }) => !isHostOnly(rule)));
  if (part) return { kind: "depends", by: part };
  return whole ? { kind: "allowed", by: whole } : { kind: "unknown" };
}

/** An owner has said that even tainted answers may write there. */
export function onWriteList(rules: readonly PlacedRule[], asked: Asked): boolean {
  return rules.some(({ rule }) => rule.action === "allow" && rule.write && fits(rule, asked));
}

function best(rules: readonly PlacedRule[]): PlacedRule | undefined {
  return rules.toSorted(
    (a, b) =>
      Number(b.rule.action === "deny") - Number(a.rule.action === "deny") ||
      ORIGINS.indexOf(a.origin) - ORIGINS.indexOf(b.origin) ||
      narrowness(b.rule) - narrowness(a.rule),
  )[0];
}

function narrowness({ host, port, methods, path }: EgressRule): number {
  const labels = host.split(".").filter((label) => !label.startsWith("*")).length;
  const wild = host.startsWith("**") ? 0 : host.includes("*") ? 1 : 2;
  return (
    (path?.length ?? 0) + 10_000 * ((methods ? 1 : 0) + (port === undefined ? 0 : 2) + 4 * wild + 12 * labels)
  );
}

function hostFits(pattern: string, host: Host): boolean {
  if (!pattern.includes("*")) return pattern === host;
  if (host.includes(":") || /^\d+(\.\d+){3}$/.test(host)) return pattern === "**"; // an address has no labels
  const wanted = pattern.split(".");
  const labels = host.split(".");
  const any = wanted[0] === "**";
  if (any ? labels.length < wanted.length : labels.length !== wanted.length) return false;
  const shift = labels.length - wanted.length;
  return wanted.every((label, i) => (any && i === 0) || label === "*" || label === labels[i + shift]);
}

/**
 * The path of a request target without its query, as servers read it: dot segments resolved, backslashes
 * turned. Undefined when it is none.
 */
export function readPath(target: string): { path: string; search: string } | undefined {
  if (!target.startsWith("/") || !URL.canParse(`http://h${target}`)) return undefined;
  const { pathname, search } = new URL(`http://h${target}`);
  return { path: pathname, search };
}

const UNCLEAR = /%(?:2f|5c|25|00|2e)|\/\/|\\|;/i;

function pathFits(prefix: string, path: string, deny: boolean): boolean {
  if (UNCLEAR.test(path) && !UNCLEAR.test(prefix)) return deny;
  const plain = decoded(path);
  if (plain === undefined) return deny;
  const wanted = decoded(prefix) ?? prefix;
  const [a, b] = deny ? [plain.toLowerCase(), wanted.toLowerCase()] : [plain, wanted];
  return a === b || a.startsWith(b.endsWith("/") ? b : `${b}/`);
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined; // not UTF-8: whoever reads it may read something else
  }
}

/** For people: `allow GET example.com:443/docs`. */
export function ruleWords({ action, host, port, methods, path, write }: EgressRule): string {
  const where = `${host}${port === undefined ? "" : `:${port}`}${path ?? ""}`;
  return [action, methods?.join(","), where, write ? "(write)" : undefined].filter(Boolean).join(" ");
}
