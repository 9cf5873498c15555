/**
 * What a browser could be talked into doing, and what stops it. All of it is for the TCP listener:
 * no browser reaches the control socket.
 *
 * - **Another name for our address** (DNS rebinding): only requests for a known Host are served.
 * - **A foreign page that posts here**: a change that a page asks for must come from our own Origin,
 *   port included, since to SameSite every port of this machine is the same site. A change by
 *   cookie must carry a header of ours besides, which no form can send.
 * - **A foreign page that frames, sniffs or runs script here**: the headers below.
 */
import type { MiddlewareHandler } from "hono";
import type { HttpEnv } from "./identity.ts";
import { ProblemError } from "./problem.ts";

/** Sent by our own pages with each change. */
const PAGE_HEADER = "x-bellhop";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const WILDCARD = ["0.0.0.0", "::", "[::]", ""];
const READS = new Set(["GET", "HEAD"]);

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const securityHeaders: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next();
  // What is no page of ours may say that it is to be allowed less.
  if (!c.res.headers.has("Content-Security-Policy"))
    c.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
  c.header("X-Content-Type-Options", "nosniff");
  c.header("X-Frame-Options", "DENY");
  c.header("Referrer-Policy", "no-referrer");
  c.header("Cross-Origin-Opener-Policy", "same-origin");
  c.header("Cross-Origin-Resource-Policy", "same-origin");
  c.header("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
  if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
};

/**
 * @param listens the address that the listener is bound to, itself an allowed name unless it means "any"
 * @param extra names that the operator added, for instance that of a reverse proxy
 */
export function createHostCheck(listens: string, extra: readonly string[]): MiddlewareHandler<HttpEnv> {
  const bound = WILDCARD.includes(listens) ? [] : [listens.includes(":") ? `[${listens}]` : listens];
  const names = new Set([...LOOPBACK, ...bound, ...extra].map((name) => name.toLowerCase()));
  return async (c, next) => {
    const host = (c.req.header("host") ?? "").toLowerCase();
    const name = host.replace(/:\d+$/, "");
    if (c.env.listener === "tcp" && !names.has(name)) {
      throw new ProblemError(
        "forbidden",
        `Bellhop does not answer for the host name "${name}": open it as ${LOOPBACK.slice(0, 2).join(" or ")}.`,
      );
    }
    await next();
  };
}

/** Before authentication: no page but our own gets as far as trying. */
export const originCheck: MiddlewareHandler<HttpEnv> = async (c, next) => {
  if (c.env.listener === "tcp" && !READS.has(c.req.method)) {
    const origin = c.req.header("origin");
    const site = c.req.header("sec-fetch-site");
    const foreign =
      (origin !== undefined && hostOf(origin) !== c.req.header("host")?.toLowerCase()) ||
      (site !== undefined && site !== "same-origin" && site !== "none");
    if (foreign)
      throw new ProblemError("forbidden", "Another web site asked for this, and that is not allowed.");
  }
  await next();
};

/** After authentication: what only a cookie vouches for must have been sent by our own script. */
export const csrfCheck: MiddlewareHandler<HttpEnv> = async (c, next) => {
  const byCookie = c.get("identity")?.via === "cookie";
  if (byCookie && !READS.has(c.req.method)) {
    const proven = c.req.header("origin") !== undefined || c.req.header("sec-fetch-site") === "same-origin";
    if (!proven || c.req.header(PAGE_HEADER) === undefined) {
      throw new ProblemError(
        "forbidden",
        `A change by cookie needs an Origin and the header "${PAGE_HEADER}"; programs use a bearer token instead.`,
      );
    }
  }
  await next();
};

/** Host and port of an origin; undefined for `null` and whatever else is none. */
function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
