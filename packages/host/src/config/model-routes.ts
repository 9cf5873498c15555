/**
 * The section `models` of config.yaml: further ways to a model. It holds names of variables, never a credential;
 * what the variables hold is put beside each route here, and is not in any message.
 */
import { ConfigError } from "@bellhop/sdk";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Secret } from "../core/known-secrets.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export const Model = z.string().trim().min(1).max(128);
export const secret = z.string().regex(/^[\x21-\x7e]+$/, "has spaces or characters that no credential has");

/** Those of the environment's credential, the Claude login and the rehearsal have these names. */
const TAKEN_NAMES = ["anthropic", "claude", "rehearsal"];
const RouteName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, "is no name of a route: small letters, digits and dashes")
  .refine(
    (name) => !TAKEN_NAMES.includes(name),
    `is taken: ${TAKEN_NAMES.join(", ")} name routes of Bellhop's`,
  );
const RouteOrder = z.array(z.string().min(1).max(255)).min(1);
/** What a group chooses among them. */
export const groupRoutes = {
  routes: RouteOrder.optional().describe("Its own order of the model routes"),
  taskRoutes: RouteOrder.optional().describe("The same for tasks that share no conversation"),
};
const ModelRoute = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: "is not an http(s) address" })
      .refine((url) => !hasUser(url), "holds a credential; that belongs into .env, and its name into auth"),
    auth: z
      .string()
      .regex(/^(?:none|(?:env:)?[A-Z][A-Z0-9_]*)$/, "is none, or the name of a variable in .env")
      .default("none")
      .describe("The variable of .env that holds the credential, or none"),
    header: z.enum(["bearer", "x-api-key"]).default("bearer").describe("How the credential is sent"),
    models: z
      .record(z.string().min(1), Model)
      .default({})
      .describe("What the server calls our models; default is for all others"),
  })
  .refine(({ url, auth }) => auth === "none" || new URL(url).protocol === "https:" || isHere(url), {
    path: ["url"],
    message: "would carry a credential in the clear: only https may, or a server on this machine",
  });
export const ModelRoutes = z.strictObject({
  routes: z.record(RouteName, ModelRoute).default({}).describe("Further servers that speak the Messages API"),
  order: RouteOrder.optional().describe("Which are tried, one after another; default: the first alone"),
  claudeLogin: z
    .boolean()
    .default(false)
    .describe("Use and renew the login of the Claude program on this machine, as the route claude"),
});

export interface ModelRouteWithKey {
  readonly name: string;
  readonly url: string;
  readonly key: { readonly header: "bearer" | "x-api-key"; readonly value: string } | undefined;
  readonly models: Readonly<Record<string, string>>;
}
/** @throws ConfigError when a variable that a route names is not there */
export function routesOf(
  routes: z.infer<typeof ModelRoutes>["routes"],
  env: Variables,
  { config, env: file }: { readonly config: string; readonly env: string },
): ModelRouteWithKey[] {
  return Object.entries(routes).map(([name, { url, auth, header, models }]) => {
    if (auth === "none") return { name, url, key: undefined, models };
    const variable = auth.replace(/^env:/, "");
    const value = secret.safeParse(env[variable]?.trim());
    if (value.success) return { name, url, key: { header, value: value.data }, models };
    // Without the cause, which may quote the value.
    throw new ConfigError(
      `models.routes.${name} in ${config} wants its credential from ${variable}, which ${env[variable] ? "has spaces or characters that no credential has" : "is not set"}. Mend it in ${file}, or take the route out.`,
    );
  });
}

export const keysOf = (routes: readonly ModelRouteWithKey[]): Secret[] =>
  routes.flatMap(({ name, key }) => (key ? [{ name: `the model route ${name}`, value: key.value }] : []));

/** Where the Claude program keeps its login. */
export function claudeLoginFile(env: Variables): string {
  return join(env["CLAUDE_CONFIG_DIR"] || join(homedir(), ".claude"), ".credentials.json");
}

function hasUser(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}

function isHere(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname);
}
