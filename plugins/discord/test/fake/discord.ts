/**
 * A strict fake of Discord: its HTTP API and its gateway. What Discord refuses is refused here, in its own words.
 * What goes wrong on the way is the kit's (`openFakeServer`).
 */
import {
  type FakeAnswer,
  type FakeFailure,
  type FakeRequest,
  type FakeServer,
  openFakeServer,
  type PeerCall,
} from "@bellhop/sdk/testing";
import { createFakeGateway, type FakeGateway } from "./gateway.ts";
import { messageJson } from "./json.ts";
import { Refusal, unauthorised } from "./refusal.ts";
import { ROUTES } from "./routes.ts";
import { createWorld, type FakeBot, type FakeChannel, type FakeMessage, type World } from "./world.ts";

export interface FakeDiscordOptions {
  readonly bot: FakeBot;
  /** Answers 429 to what comes faster than Discord allows. */
  readonly rates?: boolean;
  readonly beatMs?: number;
  readonly identifyEveryMs?: number;
  /** Sessions that may begin still today. */
  readonly starts?: number;
}

export interface FakeDiscord {
  readonly server: FakeServer;
  /** Where its API is: `apiRoot`. */
  readonly apiRoot: string;
  readonly world: World;
  readonly gateway: FakeGateway;
  /** The bot is told of a message. */
  tell(t: "MESSAGE_CREATE" | "MESSAGE_UPDATE", channel: FakeChannel, message: FakeMessage): void;
  close(): Promise<void>;
}

const API = "/api/v10";
const BEAT_MS = 400;
const RESET_AFTER_MS = 3_600_000;

export async function openFakeDiscord(options: FakeDiscordOptions): Promise<FakeDiscord> {
  const world = createWorld(options.bot, Date.now);

  async function handle(request: FakeRequest): Promise<FakeAnswer> {
    try {
      return await answered(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, message, beside } = error;
      return refused(status, code, message, beside);
    }
  }

  async function answered(request: FakeRequest): Promise<FakeAnswer> {
    const file = world.files.get(request.path);
    if (file) return { body: file.content, headers: { "content-type": file.type } };
    if (!request.path.startsWith(API)) throw new Refusal(404, 0, "404: Not Found");
    const path = request.path.slice(API.length);
    // Who knows the token of an interaction needs no other.
    if (!path.startsWith("/interactions/") && request.headers.authorization !== `Bot ${world.bot.token}`)
      throw unauthorised();
    if (!/^DiscordBot \(https?:\S+, [\d.]+\)/.test(request.headers["user-agent"] ?? ""))
      throw new Refusal(403, 40333, "internal network error");
    if (path === "/gateway/bot") return gatewayBot();
    for (const [method, form, answer] of ROUTES) {
      const [whole, ...ids] = request.method === method ? (form.exec(path) ?? []) : [];
      if (whole === undefined) continue;
      if (options.rates === true && method === "POST") limit(path);
      const given = await bodyOf(request);
      return answer({ world, request, ids, ...given, url: server.url });
    }
    throw new Refusal(404, 0, "404: Not Found");
  }

  function gatewayBot(): FakeAnswer {
    const session_start_limit = {
      total: 1_000,
      remaining: gateway.rules.starts,
      reset_after: RESET_AFTER_MS,
      max_concurrency: 1,
    };
    return { body: { url: gatewayUrl, shards: 1, session_start_limit } };
  }

  /** Fifty calls a second, and five messages in five to a channel. */
  function limit(path: string): void {
    const waitMs = server.rates.take({
      all: { calls: 50, perMs: 1_000 },
      [path]: { calls: 5, perMs: 5_000 },
    });
    if (waitMs === undefined) return;
    throw new Refusal(429, 0, "You are being rate limited.", { retry_after: waitMs / 1_000, global: false });
  }

  const server = await openFakeServer({
    callOf,
    handle,
    failure,
    upgrade: (request, socket, head) => gateway.upgrade(request, socket, head),
  });
  const { beatMs = BEAT_MS, identifyEveryMs = 0, starts = 1_000 } = options;
  const gateway = createFakeGateway(world, { beatMs, identifyEveryMs, starts }, server.changes);
  const gatewayUrl = server.url.replace("http", "ws");
  gateway.at(`${gatewayUrl}/resume`);

  return {
    server,
    apiRoot: `${server.url}/api`,
    world,
    gateway,
    tell(t, channel, message) {
      const { guild } = channel;
      const where = guild === undefined ? {} : { guild_id: guild, member: { nick: null, roles: [] } };
      gateway.tell(t, { ...messageJson(world, channel, message), ...where });
    },
    async close() {
      gateway.end();
      await server.close();
    },
  };
}

/** `listen`: what an adapter asks for first when it connects. */
function callOf({ method, path, headers }: FakeRequest): PeerCall | undefined {
  const below = path.slice(API.length);
  if (method === "GET") return below === "/users/@me" ? "listen" : undefined;
  if (below.endsWith("/typing")) return "typing";
  if (/\/reactions\//.test(below)) return "react";
  if (method === "PATCH") return "edit";
  if (!/^\/channels\/\d+\/messages$/.test(below)) return undefined;
  return (headers["content-type"] ?? "").startsWith("multipart/") ? "file" : "send";
}

function refused(status: number, code: number, message: string, beside: object = {}): FakeAnswer {
  return { status, body: { message, code, ...beside } };
}

function failure(fault: FakeFailure): FakeAnswer {
  switch (fault.how) {
    case "refuse":
      return refused(400, 50035, "The test says no");
    case "unauthorised":
      return refused(401, 0, "401: Unauthorized");
    case "slow down": {
      const seconds = fault.retryAfterMs / 1_000;
      const answer = refused(429, 0, "You are being rate limited.", { retry_after: seconds, global: true });
      return {
        ...answer,
        headers: { "retry-after": String(Math.ceil(seconds)), "x-ratelimit-global": "true" },
      };
    }
    case "server error":
      return fault.status === 500
        ? refused(500, 0, "500: Internal Server Error")
        : { status: fault.status, body: "<html><body>cloudflare</body></html>" };
    default:
      return fault satisfies never;
  }
}

/** As JSON, or as a form with a file. */
async function bodyOf(request: FakeRequest) {
  if (request.body.length === 0) return { body: undefined, file: undefined };
  if (!(request.headers["content-type"] ?? "").startsWith("multipart/"))
    return { body: request.json(), file: undefined };
  const form = await request.form();
  const [given, ...more] = form.getAll("files[0]");
  if (more.length > 0 || !(given instanceof File) || [...form.keys()].length !== 2)
    throw new Refusal(400, 50035, "Invalid Form Body");
  const file = { name: given.name, type: given.type, content: new Uint8Array(await given.arrayBuffer()) };
  const message = form.get("payload_json");
  const body: unknown = typeof message === "string" ? JSON.parse(message) : undefined;
  return { body, file };
}
