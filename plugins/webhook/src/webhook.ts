/**
 * Webhooks as a channel: a program posts to a hook and wakes an agent, and the answers are posted back.
 *
 * - A post is answered with 202 once the message is on disk (G1), and with the same where it had been there before.
 * - Answers are signed as posts are, under an id of their own that stays the same however often they are sent.
 * - What the other side made of an answer is known only from what it says: no answer, one that breaks off and 5xx
 *   are all unknown (G14). A redirect is followed nowhere: the address is the owner's word.
 */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  type ChannelHealth,
  ConfigError,
  type Outbound,
  RejectedError,
  type RouteRequest,
  type RouteResponse,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { z } from "zod";
import { keyOf, prove, sign } from "./keys.ts";
import { messageFrom } from "./message.ts";

const HookSettings = z.strictObject({
  title: z.string().min(1).max(200).optional(),
  replyUrl: z
    .url({ protocol: /^https?$/ })
    .refine(safeUrl, "must begin with https:// unless it is on this machine")
    .optional(),
  idempotent: z.boolean().default(false),
  generation: z.int().min(1).default(1),
});
export const Settings = z.strictObject({
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  hooks: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/), HookSettings).default({}),
});
export type Settings = z.infer<typeof Settings>;

const Taken = z.object({ id: z.string().min(1).max(256) });

const MAX_FILE_BYTES = 5 * 1024 * 1024;
/** An answer to an answer says next to nothing. */
const MAX_REPLY_BYTES = 64 * 1024;

export interface WebhookOptions {
  readonly secret: string;
  readonly settings: Settings;
  readonly fetch: typeof globalThis.fetch;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly randomId: () => string;
}

export interface Webhook {
  readonly channel: Channel;
  /** Serves `POST /NAME`. */
  route(request: RouteRequest): Promise<RouteResponse>;
  /** @throws RejectedError when there is no such hook */
  show(name: string): { readonly path: string; readonly key: string };
}

export function webhook({ secret, settings, fetch, now, randomId }: WebhookOptions): Webhook {
  if (secret.length < 32) {
    throw new ConfigError("WEBHOOK_SECRET is too short to be a secret; make one with: openssl rand -hex 32");
  }
  const hooks = new Map(Object.entries(settings.hooks));
  /** Set while somebody listens. */
  let accept: Accept | undefined;

  function hookNamed(name: string) {
    const hook = hooks.get(name);
    if (!hook) throw new RejectedError(`there is no hook ${name}`);
    return { ...hook, name, key: keyOf(secret, name, hook.generation) };
  }

  async function route(request: RouteRequest): Promise<RouteResponse> {
    const [, name = ""] = /^\/([^/]+)$/.exec(request.path) ?? [];
    // A name that is not there and a key that does not fit look the same from outside.
    const hook = hooks.has(name) ? hookNamed(name) : { name, title: undefined, key: keyOf(secret, name, 0) };
    const proof = prove(hook.key, request.headers, request.body, now());
    if (!proof.ok || !hooks.has(name)) {
      return json(401, { error: proof.ok ? "the token is not this hook's" : proof.why });
    }
    if (request.method !== "POST") return json(405, { error: "post to it" }, { allow: "POST" });
    if (!accept) return json(503, { error: "Bellhop does not listen just now" }, { "retry-after": "5" });
    try {
      const type = request.headers["content-type"] ?? "";
      const message = messageFrom(
        { name, title: hook.title },
        { body: request.body, type, id: proof.id, now: now() },
        randomId,
      );
      await accept(message);
      return json(202, { id: message.platformId });
    } catch (error) {
      if (error instanceof RejectedError) return json(400, { error: error.message });
      if (error instanceof TemporaryError) return json(503, { error: error.message }, { "retry-after": "5" });
      throw error;
    }
  }

  async function send(message: Outbound, signal: AbortSignal): Promise<{ platformId: string }> {
    const hook = hookNamed(message.chat);
    // The answer stays where it is, and can be read there.
    if (hook.replyUrl === undefined) return { platformId: message.key };
    const body = Buffer.from(JSON.stringify(await payload(message)));
    const answer = await post(hook.replyUrl, body, sign(hook.key, message.key, body, now()), signal);
    const taken = Taken.safeParse(answer);
    return { platformId: taken.success ? taken.data.id : message.key };
  }

  /** What its JSON says; undefined where there is none. */
  async function post(
    url: string,
    body: Uint8Array<ArrayBuffer>,
    signed: object,
    signal: AbortSignal,
  ): Promise<unknown> {
    let answer: Response;
    try {
      answer = await fetch(url, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", "user-agent": "bellhop", ...signed },
        redirect: "manual",
        signal,
      });
    } catch (cause) {
      signal.throwIfAborted();
      if (neverArrived(cause)) throw new TemporaryError(`${hostOf(url)} cannot be reached`, { cause });
      throw new UnknownOutcomeError(`${hostOf(url)} did not say whether it took the answer`, { cause });
    }
    if (!answer.ok) {
      await answer.body?.cancel();
      throw refusal(hostOf(url), answer);
    }
    try {
      return await said(answer);
    } catch (cause) {
      signal.throwIfAborted();
      throw new UnknownOutcomeError(`what ${hostOf(url)} said broke off in the middle`, { cause });
    }
  }

  const channel: Channel = {
    name: "webhook",
    account: "",
    abilities: {
      ...ABILITIES,
      // It holds for all of them or for none: the outbox asks the channel.
      resend: [...hooks.values()].every(({ idempotent, replyUrl }) => idempotent || replyUrl === undefined)
        ? { how: "once" }
        : { how: "twice" },
    },
    async listen(_cursor, take, signal) {
      accept = take;
      try {
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        accept = undefined;
      }
    },
    send,
    async chatInfo(chat) {
      return { title: hookNamed(chat).title, direct: false };
    },
    health: (): ChannelHealth =>
      hooks.size > 0
        ? { state: "up" }
        : { state: "down", why: "no hook is set up; see the README of the plugin webhook" },
  };

  return {
    channel,
    route,
    show(name) {
      const { key } = hookNamed(name);
      return { path: `/plugins/webhook/${name}`, key };
    },
  };
}

const ABILITIES: Omit<ChannelAbilities, "resend"> = {
  maxTextLength: 64 * 1024,
  lengthUnit: "bytes",
  reactions: true,
  quotes: true,
  edits: false,
  maxFileBytes: MAX_FILE_BYTES,
  maxInboundFileBytes: 768 * 1024,
};

/** docs: the README of this plugin. */
async function payload(message: Outbound): Promise<Readonly<Record<string, unknown>>> {
  const { key: id, chat, kind } = message;
  switch (message.kind) {
    case "text":
      return { id, chat, kind, text: message.text, sender: message.sender, reply_to: message.replyTo };
    case "file": {
      const { name, type, open } = message.file;
      const base64 = (await buffer(open())).toString("base64");
      return { id, chat, kind, text: message.text, reply_to: message.replyTo, file: { name, type, base64 } };
    }
    case "reaction":
      return { id, chat, kind, reply_to: message.to, emoji: message.emoji };
    default:
      return message satisfies never;
  }
}

async function said(answer: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_REPLY_BYTES) break; // it was taken; what else is said matters to nobody
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined; // nobody has to say anything
  }
}

function refusal(host: string, answer: Response): Error {
  const { status } = answer;
  if (status === 429) {
    const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
    return new TemporaryError(`${host} asks to wait (429)`, {
      retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
    });
  }
  if (status >= 500)
    return new UnknownOutcomeError(`${host} failed (${status}) and may have taken the answer`);
  return new RejectedError(`${host} does not take the answer (${status})`);
}

/** Not one byte of the request was written (G14): no name, no connection, no TLS. */
const NEVER =
  /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/;
const Coded = z.object({ code: z.string() });

function neverArrived(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const coded = Coded.safeParse(cause);
    if (coded.success && NEVER.test(coded.data.code)) return true;
  }
  return false;
}

/** Addresses may hold keys: only their host is ever named. */
function hostOf(url: string): string {
  return new URL(url).host;
}

function safeUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function json(status: number, body: object, headers: Readonly<Record<string, string>> = {}): RouteResponse {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}
