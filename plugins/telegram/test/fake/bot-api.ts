/**
 * A strict fake of the Bot API: what Telegram refuses is refused here, in its own words. What goes wrong on
 * the way is the kit's (`openFakeServer`).
 */
import {
  type Changes,
  type FakeAnswer,
  type FakeFailure,
  type FakeRequest,
  type FakeServer,
  openFakeServer,
  type PeerCall,
} from "@bellhop/sdk/testing";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { answerMethod } from "./methods.ts";
import { Refusal } from "./refusal.ts";
import { type BotName, createWorld, FIRST_UPDATE, type World } from "./world.ts";
import { isMethod, type Method, METHODS, type Params } from "./words.ts";

export interface FakeBotApiOptions {
  readonly bots: readonly BotName[];
  /** Answers 429 to what comes faster than Telegram allows. */
  readonly rates?: boolean;
  /** Posts to a webhook; the status that came back. */
  readonly post?: (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<number>;
}

export interface FakeBotApi {
  readonly server: FakeServer;
  readonly worlds: ReadonlyMap<string, World>;
  /** Somebody did something that the bot is told. */
  tell(world: World, update: object): void;
  close(): Promise<void>;
}

/** Before what a webhook did not take is posted again. */
const AGAIN_MS = 20;

const CALLS: Partial<Record<Method, PeerCall>> = {
  getUpdates: "listen",
  sendMessage: "send",
  editMessageText: "edit",
  setMessageReaction: "react",
  sendChatAction: "typing",
  sendPhoto: "file",
  sendVoice: "file",
  sendAudio: "file",
  sendVideo: "file",
  sendDocument: "file",
};

export async function openFakeBotApi(options: FakeBotApiOptions): Promise<FakeBotApi> {
  const worlds = new Map(options.bots.map((bot) => [bot.token, createWorld(bot, Date.now)]));
  const polling = new Map<World, () => void>();
  const webhooks = new Map<World, { readonly url: string; readonly secret: string | undefined }>();
  const pushing = new Map<World, Promise<void>>();

  async function handle(request: FakeRequest): Promise<FakeAnswer> {
    try {
      return await answered(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return refused(error.code, error.message, error.parameters);
    }
  }

  async function answered(request: FakeRequest): Promise<FakeAnswer> {
    const [, token = "", path = ""] = /^\/file\/bot([^/]+)\/(.+)$/.exec(request.path) ?? [];
    if (path !== "") {
      const file = worldOf(token).files.get(path);
      return file ? { body: file.content } : { status: 404, body: "Not Found" };
    }
    const { world, method } = callOf(request);
    const { fields, files } = await paramsOf(request);
    const params = METHODS[method].safeParse(fields);
    if (!params.success) throw new Refusal(400, `Bad Request: ${z.prettifyError(params.error)}`);
    if (method === "getUpdates")
      return await updates(world, METHODS.getUpdates.parse(fields), request.signal);
    if (method === "setWebhook") {
      const { url, secret_token } = METHODS.setWebhook.parse(fields);
      webhooks.set(world, { url, secret: secret_token });
      push(world);
      return done(true);
    }
    if (method === "deleteWebhook") webhooks.delete(world);
    const limited = options.rates === true && CALLS[method] !== undefined && method !== "sendChatAction";
    const chat = z.looseObject({ chat_id: z.coerce.number() }).safeParse(fields).data?.chat_id;
    if (limited && chat !== undefined) limit(world, chat);
    return { ...done(answerMethod(world, method, fields, files)), applied: CALLS[method] !== undefined };
  }

  function callOf({ path }: FakeRequest): { world: World; method: Method } {
    const [, token = "", method = ""] = /^\/bot([^/]+)\/(\w+)$/.exec(path) ?? [];
    const world = worldOf(token);
    if (!isMethod(method)) throw new Refusal(404, "Not Found: method not found");
    return { world, method };
  }

  function worldOf(token: string): World {
    if (!/^\d+:[\w-]+$/.test(token)) throw new Refusal(404, "Not Found");
    const world = worlds.get(token);
    if (!world) throw new Refusal(401, "Unauthorized");
    return world;
  }

  function limit(world: World, chat: number): void {
    const name = `${world.bot.token}/${chat}`;
    const waitMs = server.rates.take({
      [world.bot.token]: { calls: 30, perMs: 1_000 },
      [name]: { calls: 3, perMs: 3_000 },
      ...(chat < 0 ? { [`${name}/group`]: { calls: 20, perMs: 60_000 } } : {}),
    });
    if (waitMs === undefined) return;
    const seconds = Math.ceil(waitMs / 1_000);
    throw new Refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
  }

  async function updates(world: World, params: Params<"getUpdates">, gone: AbortSignal): Promise<FakeAnswer> {
    if (webhooks.has(world))
      throw new Refusal(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      );
    polling.get(world)?.();
    const other = Promise.withResolvers<"other">();
    const end = () => other.resolve("other");
    polling.set(world, end);
    const { offset, limit: most, timeout = 0, allowed_updates: kinds = [] } = params;
    const from = offset === undefined ? world.feed.confirmed : offset - FIRST_UPDATE;
    const look = () => {
      const items = world.feed.from(from, most);
      return items.length > 0 ? items : undefined;
    };
    const over = Promise.withResolvers<"over">();
    const timer = setTimeout(() => over.resolve("over"), timeout * 1_000);
    gone.addEventListener("abort", () => over.resolve("over"));
    const found =
      look() ?? (await Promise.race([waiting(server.changes, look), other.promise, over.promise]));
    clearTimeout(timer);
    if (polling.get(world) === end) polling.delete(world);
    if (found === "other")
      throw new Refusal(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
      );
    const items = found === "over" ? [] : found;
    return done(
      items
        .map(({ position, value }) => ({ update_id: FIRST_UPDATE + position, ...value }))
        .filter((update) => kinds.some((kind) => Object.hasOwn(update, kind)) || "strange" in update),
    );
  }

  /** Posts one after the other, and each again until it is taken. */
  function push(world: World): void {
    const before = pushing.get(world) ?? Promise.resolve();
    const post = async () => {
      await before;
      for (;;) {
        const webhook = webhooks.get(world);
        const [item] = world.feed.from(world.feed.confirmed, 1);
        if (!webhook || !item || !options.post) return;
        const headers =
          webhook.secret === undefined ? {} : { "x-telegram-bot-api-secret-token": webhook.secret };
        const body = JSON.stringify({ update_id: FIRST_UPDATE + item.position, ...item.value });
        if ((await options.post(webhook.url, headers, body)) === 200) world.feed.from(item.position + 1);
        else await pause(AGAIN_MS);
        server.changes.note();
      }
    };
    pushing.set(world, post());
  }

  const server = await openFakeServer({
    callOf({ path }) {
      const method = path.split("/").at(-1) ?? "";
      return isMethod(method) ? CALLS[method] : undefined;
    },
    handle,
    failure,
  });

  return {
    server,
    worlds,
    tell(world, update) {
      world.feed.push(update);
      server.changes.note();
      push(world);
    },
    async close() {
      webhooks.clear();
      await server.close();
    },
  };
}

async function waiting<T>(changes: Changes, look: () => T | undefined): Promise<T> {
  return await changes.until(look);
}

const done = (result: unknown): FakeAnswer => ({ body: { ok: true, result } });

function refused(code: number, description: string, parameters?: object): FakeAnswer {
  return {
    status: code,
    body: { ok: false, error_code: code, description, ...(parameters ? { parameters } : {}) },
  };
}

function failure(fault: FakeFailure): FakeAnswer {
  switch (fault.how) {
    case "refuse":
      return refused(400, "Bad Request: the test says no");
    case "unauthorised":
      return refused(401, "Unauthorized");
    case "slow down": {
      const seconds = Math.ceil(fault.retryAfterMs / 1_000);
      return refused(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
    }
    case "server error":
      return fault.status === 500
        ? refused(500, "Internal Server Error")
        : { status: fault.status, body: "<html><body>nginx</body></html>" };
    default:
      return fault satisfies never;
  }
}

/** From JSON, or from a form whose values are text. */
async function paramsOf(request: FakeRequest): Promise<{ fields: object; files: ReadonlyMap<string, File> }> {
  if (request.body.length === 0) return { fields: {}, files: new Map() };
  if ((request.headers["content-type"] ?? "").startsWith("application/json"))
    return { fields: z.object({}).loose().parse(request.json()), files: new Map() };
  const files = new Map<string, File>();
  const fields: Record<string, unknown> = {};
  for (const [name, value] of await request.form()) {
    if (typeof value === "string")
      fields[name] = ["text", "caption", "parse_mode", "chat_id"].includes(name) ? value : jsonOr(value);
    else files.set(name, value);
  }
  return { fields, files };
}

function jsonOr(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
