/**
 * Model routes: every way to a model that the owner has given us, and in which order a group's turns try them.
 *
 * - The environment's credential is a route, as it ever was; so is the Claude login, where the owner has
 *   consented to its use; the others stand in `models.routes`.
 * - Nothing falls over to a server that stands in no order: without one, turns go one way only.
 * - A group chooses among the owner's routes. It brings none, and no credential.
 */
import { ConfigError } from "@bellhop/sdk";
import type { Login } from "./claude-login.ts";
import {
  type ConfiguredRoute,
  type Credentials,
  type Provider,
  providerFromCredentials,
  providerFromLogin,
  providerFromRoute,
} from "./provider.ts";

export interface RouteSources {
  readonly credentials: Credentials;
  readonly routes?: readonly ConfiguredRoute[] | undefined;
  /** Of the Claude program, where the owner has consented. */
  readonly login?: Login | undefined;
}

/** What config.yaml says of the order. */
export interface Orders {
  readonly models: { readonly order?: readonly string[] | undefined };
  readonly groups: Readonly<
    Record<
      string,
      { readonly routes?: readonly string[] | undefined; readonly taskRoutes?: readonly string[] | undefined }
    >
  >;
}

/** The usual one first; none: there is no model but the rehearsal. */
export function providersFrom({ credentials, routes = [], login }: RouteSources): Provider[] {
  const own = providerFromCredentials(credentials);
  return [
    ...(own ? [own] : []),
    ...(login ? [providerFromLogin(login)] : []),
    ...routes.map(providerFromRoute),
  ];
}

/** In which order the turns of a group, or its tasks in sessions of their own, try the routes. Never empty. */
export type OrderOf = (group: string, ownSession: boolean) => readonly string[];

/**
 * @param names of the routes that there are, the usual one first
 * @throws ConfigError when config.yaml names another one
 */
export function ordersOf({ models, groups }: Orders, names: readonly string[]): OrderOf {
  check("models.order", models.order ?? []);
  for (const [group, { routes = [], taskRoutes = [] }] of Object.entries(groups)) {
    check(`groups.${group}.routes`, routes);
    check(`groups.${group}.taskRoutes`, taskRoutes);
  }
  const usual = models.order ?? names.slice(0, 1);

  function check(where: string, order: readonly string[]): void {
    const missing = order.find((name) => !names.includes(name));
    if (missing === undefined) return;
    throw new ConfigError(
      `${where} in config.yaml names the model route ${missing}, and there is none; there is ${names.join(", ")}. A credential of the environment makes the route anthropic, models.claudeLogin the route claude.`,
    );
  }

  return (group, ownSession) => {
    const { routes = usual, taskRoutes = routes } = groups[group] ?? {};
    return ownSession ? taskRoutes : routes;
  };
}
