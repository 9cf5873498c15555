/**
 * Updates by webhook: Telegram posts each to `/plugins/telegram/ACCOUNT`, with a secret that only it and we know.
 * It is answered with 200 once the message is on disk (G1), and with 503 while nobody listens; Telegram then
 * brings it again. One at a time, so that they stay in order.
 */
import type { Accept, RouteRequest, RouteResponse } from "@bellhop/sdk";
import { createHash, timingSafeEqual } from "node:crypto";
import type { BotApi } from "./api.ts";
import { UpdateId, UPDATES } from "./update.ts";

export interface WebhookParts {
  readonly api: Pick<BotApi, "call">;
  /** Where Telegram reaches it. */
  readonly url: string;
  readonly secret: string;
  readonly take: (update: unknown, cursor: string, accept: Accept) => Promise<void>;
  readonly onUp: () => void;
  readonly now: () => number;
}

export type Webhook = ReturnType<typeof createWebhook>;

export function createWebhook({ api, url, secret, take, onUp, now }: WebhookParts) {
  let accept: Accept | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function taken(update: unknown, id: number): Promise<void> {
    if (!accept) throw new Error("nobody listens any more");
    await take(update, `${id + 1}@${now()}`, accept);
    onUp();
  }

  return {
    /** Receives until `signal` aborts. */
    async listen(accepts: Accept, signal: AbortSignal): Promise<void> {
      accept = accepts;
      try {
        await api.call(
          "setWebhook",
          (raw, within) =>
            raw.setWebhook(
              { url, secret_token: secret, allowed_updates: UPDATES, max_connections: 1 },
              within,
            ),
          signal,
        );
        onUp();
        await new Promise((resolve) => {
          signal.addEventListener("abort", resolve, { once: true });
          if (signal.aborted) resolve(undefined);
        });
        signal.throwIfAborted();
      } finally {
        accept = undefined;
      }
    },

    async route({ method, headers, body }: RouteRequest): Promise<RouteResponse> {
      if (method !== "POST") return { status: 405, headers: { allow: "POST" } };
      if (!same(headers["x-telegram-bot-api-secret-token"] ?? "", secret)) return { status: 401 };
      const update = parsed(body);
      const id = UpdateId.safeParse(update);
      if (!id.success) return { status: 400 };
      if (!accept) return { status: 503 };
      const here = last.then(() => taken(update, id.data.update_id));
      last = here.catch(() => undefined); // whoever waits for it answers for it
      return await here.then(
        () => ({ status: 200 }),
        () => ({ status: 503 }),
      );
    },
  };
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined; // no update: it is refused
  }
}

/** However much of it is right, it takes as long. */
function same(given: string, secret: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(secret));
}
