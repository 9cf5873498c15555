/**
 * `/plugins/NAME/…`: what programs elsewhere ask of a plugin, webhooks above all.
 *
 * - Open to anybody who reaches the host, without login: whether a request may be made is for the plugin to
 *   find out, from exactly the bytes that came. It must come to a name that the host answers for
 *   (`http.hosts`), and no page of another site can send one (http/guard.ts).
 * - Nothing of ours goes in: no cookie. Little comes out: no cookie, no header that could loosen what holds
 *   for our own pages, and nothing that a browser would run.
 * - A plugin that is slow, dead or busy costs the caller an error that tells it to come again, and nobody else
 *   anything: requests are bounded in size, number and time. While the host drains, everybody is told so.
 */
import { type RouteRequest, type RouteResponse, TemporaryError } from "@bellhop/sdk";
import { Hono, type Context } from "hono";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import type { HttpEnv } from "../identity.ts";
import { ProblemError } from "../problem.ts";
import { createRateLimit } from "../rate-limit.ts";

/** Plugins that declared `routes` and are enabled. */
export interface HttpPlugins {
  /** Undefined where there is no such plugin. */
  routeOf(name: string): ((request: RouteRequest) => Promise<RouteResponse>) | undefined;
  /** The host is shutting down. */
  draining(): boolean;
}

export interface PluginRoutesDeps {
  readonly plugins?: HttpPlugins | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const MOST_BYTES = 1024 * 1024;
const ANSWER_MS = 10_000;
/** From one address, to one plugin, in a minute. Behind a reverse proxy everybody has the proxy's. */
const PER_MINUTE = 1_200;
/** At the same time, to one plugin. */
const AT_ONCE = 32;
const AGAIN_SECONDS = 5;

/** What of ours, or of the connection's own, is none of a plugin's business. */
const NOT_PASSED = new Set(["cookie", "connection", "keep-alive", "transfer-encoding", "upgrade", "expect"]);
/** What a plugin may say of its answer. */
const PASSED_BACK = new Set([
  "allow",
  "cache-control",
  "content-disposition",
  "content-language",
  "content-type",
  "etag",
  "last-modified",
  "location",
  "retry-after",
  "vary",
  "www-authenticate",
]);
const NOTHING_RUNS = "default-src 'none'; sandbox";

const Answer = z.object({
  status: z.int().min(200).max(599),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
});

export function createPluginRoutes({ plugins, clock, log }: PluginRoutesDeps) {
  const rate = createRateLimit({ clock, failures: PER_MINUTE, windowMs: 60_000 });
  const busy = new Map<string, number>();
  const app = new Hono<HttpEnv>();

  app.all("/:name", (c) => answer(c));
  app.all("/:name/*", (c) => answer(c));

  async function answer(c: Context<HttpEnv>): Promise<Response> {
    const name = c.req.param("name") ?? "";
    const route = plugins?.routeOf(name);
    if (!plugins || !route)
      throw new ProblemError("not_found", "There is no plugin here that answers requests.");
    if (plugins.draining())
      throw new ProblemError("unavailable", "Bellhop is shutting down: send it again.", {
        retryAfterSeconds: AGAIN_SECONDS,
      });
    const key = `${name} ${c.env.remote ?? ""}`;
    const waitMs = rate.wait(key);
    if (waitMs > 0)
      return again(c, 429, "That was too many requests in a minute.", Math.ceil(waitMs / 1_000));
    rate.failed(key);
    const under = busy.get(name) ?? 0;
    if (under >= AT_ONCE) return again(c, 503, `The plugin ${name} has its hands full.`, AGAIN_SECONDS);
    busy.set(name, under + 1);
    const late = Promise.withResolvers<"late">();
    const cancel = clock.after(ANSWER_MS, () => late.resolve("late"));
    try {
      const asked = asking(c, name, route);
      asked.catch(() => undefined); // what fails after its time is told to nobody
      const answered = await Promise.race([asked, late.promise]);
      if (answered === "late")
        return again(c, 504, `The plugin ${name} did not answer in time.`, AGAIN_SECONDS);
      return answered;
    } finally {
      cancel();
      busy.set(name, (busy.get(name) ?? 1) - 1);
    }
  }

  async function asking(
    c: Context<HttpEnv>,
    name: string,
    route: (request: RouteRequest) => Promise<RouteResponse>,
  ): Promise<Response> {
    const request = await requestOf(c, name);
    try {
      const { status, headers = {}, body } = Answer.parse(await route(request));
      const kept = Object.entries(headers).filter(([header]) => PASSED_BACK.has(header.toLowerCase()));
      const bare = c.req.method === "HEAD" || [204, 205, 304].includes(status);
      return new Response(bare || body === undefined ? null : Uint8Array.from(bytesOf(body)), {
        status,
        headers: [...kept, ["Content-Security-Policy", NOTHING_RUNS]],
      });
    } catch (error) {
      if (error instanceof TemporaryError) throw error;
      log.warn({ err: error, plugin: name }, "a plugin failed at a request");
      return c.json({ error: { code: "unavailable", message: `The plugin ${name} failed at this.` } }, 502);
    }
  }

  return app;
}

function again(c: Context<HttpEnv>, status: 429 | 503 | 504, message: string, seconds: number): Response {
  return c.json({ error: { code: "unavailable", message } }, status, { "Retry-After": String(seconds) });
}

function bytesOf(body: string | Uint8Array): Uint8Array {
  return typeof body === "string" ? new TextEncoder().encode(body) : body;
}

/** @throws ProblemError `too_large` before its last byte came */
async function requestOf(c: Context<HttpEnv>, name: string): Promise<RouteRequest> {
  const { pathname } = new URL(c.req.url);
  const path = pathname.slice(`/plugins/${name}`.length);
  const headers = Object.entries(c.req.header()).filter(([header]) => !NOT_PASSED.has(header.toLowerCase()));
  return {
    method: c.req.method,
    path: path === "" ? "/" : path,
    query: c.req.query(),
    headers: Object.fromEntries(headers.map(([header, value]) => [header.toLowerCase(), value])),
    body: await bodyOf(c),
    remote: c.env.remote ?? "",
  };
}

async function bodyOf(c: Context<HttpEnv>): Promise<Uint8Array> {
  if (Number(c.req.header("content-length") ?? 0) > MOST_BYTES) tooLarge();
  const { body } = c.req.raw;
  if (!body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): never {
  throw new ProblemError("too_large", "A request to a plugin may have 1 MiB at most.");
}
