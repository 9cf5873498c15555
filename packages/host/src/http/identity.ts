/**
 * Who asks, and what that opens.
 *
 * - Whoever can connect to the control socket is the owner: the socket is 0600 in the 0700 home.
 * - A bearer token opens what its scope says. A wrong one opens nothing, whatever cookie came along.
 * - A cookie is a web login. It is sent by the browser, not by the person, so a change made by it
 *   must also come from our own page: see guard.ts.
 */
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../core/clock.ts";
import type { Grant, Scope, Tokens } from "../store/tokens.ts";
import { ProblemError } from "./problem.ts";

type Identity =
  | { readonly via: "socket"; readonly scope: "admin" }
  | { readonly via: "token" | "cookie"; readonly scope: Scope; readonly grant: Grant };

/** Hono's environment of every route here. */
export interface HttpEnv {
  Bindings: {
    /** Which of the two listeners took the request. */
    readonly listener: "tcp" | "socket";
    /** Address of the other end, for limits; absent where there is no connection. */
    readonly remote?: string | undefined;
  };
  Variables: { identity: Identity | undefined };
}

const DAY = 24 * 60 * 60 * 1000;
export const LOGIN_TTL = 30 * DAY;
/** A login that is used is prolonged, but a write per request would be a waste: once a day. */
const RENEW_BELOW = LOGIN_TTL - DAY;

const POWER = { read: 0, chat: 1, admin: 2 } as const satisfies Record<Scope, number>;

export function createIdentify(tokens: Tokens, clock: Clock): MiddlewareHandler<HttpEnv> {
  async function identityOf(c: Context<HttpEnv>): Promise<Identity | undefined> {
    if (c.env.listener === "socket") return { via: "socket", scope: "admin" };

    const authorization = c.req.header("authorization");
    if (authorization !== undefined) {
      const secret = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
      const grant = secret === undefined ? undefined : await tokens.check(secret, "api");
      return grant && { via: "token", scope: grant.scope, grant };
    }

    const login = getCookie(c, cookieName(c));
    const grant = login === undefined ? undefined : await tokens.check(login, "web");
    if (login === undefined || grant === undefined) return undefined;
    if (grant.expiresAt !== undefined && grant.expiresAt - clock.now() < RENEW_BELOW) {
      await tokens.renew(grant, LOGIN_TTL);
      setLogin(c, login);
    }
    return { via: "cookie", scope: grant.scope, grant };
  }

  return async (c, next) => {
    c.set("identity", await identityOf(c));
    await next();
  };
}

/** The hash of the token or login that vouches for this request; none over the control socket. */
export function vouchedBy(c: Context<HttpEnv>): string | undefined {
  const identity = c.get("identity");
  return identity?.via === "socket" ? undefined : identity?.grant.hash;
}

/**
 * Lets those pass whose scope reaches far enough.
 * @throws ProblemError `unauthorized` for nobody, `forbidden` for too small a scope
 */
export function requireScope(scope: Scope): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const identity = c.get("identity");
    if (!identity) {
      throw new ProblemError(
        "unauthorized",
        "This needs a valid token: send `Authorization: Bearer TOKEN`, or log in by the link that `bellhop login` prints.",
      );
    }
    if (POWER[identity.scope] < POWER[scope]) {
      throw new ProblemError(
        "forbidden",
        `This needs the scope "${scope}", and yours is "${identity.scope}": ask the owner for another token.`,
      );
    }
    await next();
  };
}

/**
 * The owner in person: on this machine, logged in to the web chat, or with a token for everything. A token for
 * chats alone answers no question that is the owner's.
 */
export const requireOwner: MiddlewareHandler<HttpEnv> = async (c, next) => {
  if (c.get("identity")?.via === "cookie") return await next();
  return await requireScope("admin")(c, next);
};

/** Only the owner on this very machine, over the control socket. */
export const requireSocket: MiddlewareHandler<HttpEnv> = async (c, next) => {
  if (c.get("identity")?.via !== "socket") {
    throw new ProblemError(
      "forbidden",
      "Login codes are made on the machine itself, over the control socket: run `bellhop login` there.",
    );
  }
  await next();
};

/**
 * Browsers keep cookies by name and host, not by port: with the port in the name, two Bellhops of one
 * machine do not log each other out.
 */
export function cookieName(c: Context<HttpEnv>): string {
  const port = /:(\d+)$/.exec(c.req.header("host") ?? "")?.[1];
  return port === undefined ? "bellhop" : `bellhop-${port}`;
}

export function setLogin(c: Context<HttpEnv>, secret: string): void {
  setCookie(c, cookieName(c), secret, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    maxAge: LOGIN_TTL / 1000,
    // Plain http is for loopback. Where a proxy adds TLS, the browser's own Origin tells.
    secure: c.req.header("origin")?.startsWith("https:") ?? false,
  });
}
