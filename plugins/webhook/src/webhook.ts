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
  ConfigError,
  type Inbound,
  type Outbound,
  refusal,
  RejectedError,
  type RouteRequest,
  type RouteResponse,
  type Sent,
  TemporaryError,
  unanswered,
} from "@bellhop/sdk";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { z } from "zod";
import { keyOf, prove, sign } from "./keys.ts";
import { MAX_FILE_BYTES as MAX_POSTED_FILE_BYTES, messageFrom } from "./message.ts";

const HookSettings = z.strictObject({
  title: z.string().min(1).max(200).optional(),
  replyUrl: z
    .url({ protocol: /^https?$/ })
    .refine(safeUrl, "must begin with https:// unless it is on this machine")
    .optional(),
  idempotent: z.boolean().default(false),
  generation: z.int().min(1).default(1),
});
type HookSettings = z.infer<typeof HookSettings>;
export const Settings = z.strictObject({
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  hooks: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/), HookSettings).default({}),
});
export type Settings = z.infer<typeof Settings>;

const Taken = z.object({ id: z.string().min(1).max(256) });

/** As the senders of webhooks mostly have it. */
const PATIENCE_MS = 30_000;
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
  /** How long the program at `replyUrl` may take to answer. */
  readonly patienceMs?: number | undefined;
}

export interface Webhook {
  /** One per hook, its name the account: one whose answers nobody takes holds up no other. */
  readonly channels: readonly Channel[];
  /** Serves `POST /NAME`. */
  route(request: RouteRequest): Promise<RouteResponse>;
  /** @throws RejectedError when there is no such hook */
  show(name: string): { readonly path: string; readonly key: string };
}

/** @throws ConfigError when the secret is none */
export function webhook({
  secret,
  settings,
  fetch,
  now,
  randomId,
  patienceMs = PATIENCE_MS,
}: WebhookOptions): Webhook {
  if (secret.length < 32) {
    throw new ConfigError("WEBHOOK_SECRET is too short to be a secret; make one with: openssl rand -hex 32");
  }
  const hooks = new Map(
    Object.entries(settings.hooks).map(([name, hook]) => [name, openHook(name, hook)] as const),
  );
  /** Nobody's: so that a name that is not there and a key that does not fit look the same from outside. */
  const noKey = keyOf(secret, "", 0);

  async function route(request: RouteRequest): Promise<RouteResponse> {
    const [, name = ""] = /^\/([^/]+)$/.exec(request.path) ?? [];
    const hook = hooks.get(name);
    const proof = prove(hook?.key ?? noKey, request.headers, request.body, now());
    if (!proof.ok) return json(401, { error: proof.why });
    if (!hook) return json(404, { error: "there is no such hook" });
    if (request.method !== "POST") return json(405, { error: "post to it" }, { allow: "POST" });
    try {
      const type = request.headers["content-type"] ?? "";
      const message = messageFrom(hook, { body: request.body, type, id: proof.id, now: now() }, randomId);
      await hook.take(message);
      return json(202, { id: message.platformId });
    } catch (error) {
      if (error instanceof RejectedError) return json(400, { error: error.message });
      if (error instanceof TemporaryError) return json(503, { error: error.message }, { "retry-after": "5" });
      throw error;
    }
  }

  function openHook(name: string, { title, replyUrl, idempotent, generation }: HookSettings) {
    const key = keyOf(secret, name, generation);
    /** Set while somebody listens. */
    let accept: Accept | undefined;

    async function send(message: Outbound, signal: AbortSignal): Promise<Sent> {
      // The answer stays where it is, and can be read there.
      if (replyUrl === undefined) return { platformId: message.key };
      const body = Buffer.from(JSON.stringify(await payload(message)));
      const taken = Taken.safeParse(await post(replyUrl, body, sign(key, message.key, body, now()), signal));
      return { platformId: taken.success ? taken.data.id : message.key };
    }

    const channel: Channel = {
      name: "webhook",
      account: name,
      abilities: { ...ABILITIES, resend: { how: idempotent || replyUrl === undefined ? "once" : "twice" } },
      async listen(_cursor, take, signal) {
        accept = take;
        try {
          if (!signal.aborted) await once(signal, "abort");
        } finally {
          accept = undefined;
        }
      },
      send,
      health: () => (accept ? { state: "up" } : { state: "connecting" }),
    };
    return {
      name,
      title,
      key,
      channel,
      /** @throws TemporaryError while nobody listens */
      async take(message: Inbound): Promise<void> {
        if (!accept) throw new TemporaryError("Bellhop does not listen just now");
        await accept(message);
      },
    };
  }

  /** What its JSON says; undefined where there is none. Throws as `Channel.send` does. */
  async function post(
    url: string,
    body: Uint8Array<ArrayBuffer>,
    signed: object,
    signal: AbortSignal,
  ): Promise<unknown> {
    const patience = AbortSignal.timeout(patienceMs);
    const who = hostOf(url);
    let answer: Response;
    try {
      answer = await fetch(url, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", "user-agent": "bellhop", ...signed },
        redirect: "manual",
        signal: AbortSignal.any([signal, patience]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw unanswered(cause, who);
    }
    if (!answer.ok) {
      await answer.body?.cancel();
      throw refusal(answer.status, who, answer.headers.get("retry-after"));
    }
    try {
      return await said(answer);
    } catch (cause) {
      signal.throwIfAborted();
      throw unanswered(cause, who);
    }
  }

  return {
    channels: [...hooks.values()].map(({ channel }) => channel),
    route,
    show(name) {
      const hook = hooks.get(name);
      if (!hook) throw new RejectedError(`there is no hook ${name}`);
      return { path: `/plugins/webhook/${name}`, key: hook.key };
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
  maxInboundFileBytes: MAX_POSTED_FILE_BYTES,
};

/** docs: the README of this plugin. */
async function payload(message: Outbound): Promise<Readonly<Record<string, unknown>>> {
  const { key: id, chat, kind } = message;
  switch (message.kind) {
    case "text":
      return { id, chat, kind, text: message.text, sender: message.sender, reply_to: message.replyTo };
    case "file": {
      const { name, type, bytes, open } = message.file;
      if (bytes > MAX_FILE_BYTES) {
        throw new RejectedError(
          `${name} is too large for a webhook (${bytes} bytes; at most ${MAX_FILE_BYTES})`,
        );
      }
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
