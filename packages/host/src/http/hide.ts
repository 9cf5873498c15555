/**
 * What the API and the pages answer is freed of secrets, whichever route it comes from: the words of a
 * failing platform, a status, what somebody wrote long before it was known that it was one. Files are
 * what they are, and streams of events do it for themselves.
 */
import type { MiddlewareHandler } from "hono";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { HttpEnv } from "./identity.ts";

const WRITTEN = /^(?:application\/json|text\/html)\b/;

export function hideSecrets({ hide }: KnownSecrets): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    const { headers, body, status } = c.res;
    if (body === null || headers.has("Content-Disposition")) return;
    if (!WRITTEN.test(headers.get("Content-Type") ?? "")) return;
    const text = await c.res.text();
    const shown = hide(text);
    const rest = new Headers(headers);
    rest.delete("Content-Length");
    c.res = undefined; // Hono adds the old headers to a new response else
    c.res = new Response(shown, { status, headers: rest });
  };
}
