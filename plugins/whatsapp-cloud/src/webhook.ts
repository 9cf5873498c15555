/**
 * What Meta posts to `/plugins/whatsapp-cloud/ACCOUNT`. An app of Meta's has one address for all of its numbers, so a
 * notification goes to the number that it names, if that is of the same app.
 *
 * - It counts only with the app's own signature over exactly the bytes that came. It bears no time: one that is played
 *   again is the same message, which is taken once.
 * - It is answered with 200 once every message of it is on disk (G1), and with 503 if one is not, or nobody listens;
 *   Meta then brings all of it again, for seven days. What cannot be read would be no better the next time: it is passed
 *   over, with a line in the log, and takes nothing else with it.
 */
import type { Logger, RouteRequest, RouteResponse } from "@bellhop/sdk";
import { Change, Notification } from "./notification.ts";
import { same, signatureOf } from "./signature.ts";

/** A number, as far as notifications concern it. */
export interface Subscriber {
  readonly account: string;
  readonly phoneNumberId: string;
  readonly appSecret: string;
  readonly verifyToken: string;
  /** Resolves once all of it is on disk; throws where something of it is not. */
  take(change: Change): Promise<void>;
}

export function createWebhook(subscribers: readonly Subscriber[], log: Logger) {
  const BAD = { status: 401 } as const;

  /** Meta asks once whether this is the right place. */
  function verified({ query }: RouteRequest, { verifyToken }: Subscriber): RouteResponse {
    const right = same(query["hub.verify_token"] ?? "", verifyToken);
    if (query["hub.mode"] !== "subscribe" || !right) return BAD;
    return {
      status: 200,
      headers: { "content-type": "text/plain" },
      body: query["hub.challenge"] ?? "",
    };
  }

  async function posted({ headers, body }: RouteRequest, { appSecret }: Subscriber): Promise<RouteResponse> {
    if (!same(headers["x-hub-signature-256"] ?? "", signatureOf(body, appSecret))) return BAD;
    let status = 200;
    for (const change of changesOf(body)) {
      const { phone_number_id: number } = change.metadata;
      const to = subscribers.find((one) => one.phoneNumberId === number && one.appSecret === appSecret);
      if (!to) log.warn("a notification for a number that is not connected here was passed over", { number });
      await to?.take(change).catch((error: unknown) => {
        status = 503;
        log.warn("a notification was not taken; Meta will bring it again", { why: String(error) });
      });
    }
    return { status };
  }

  function changesOf(body: Uint8Array): Change[] {
    const notification = Notification.safeParse(parsed(body));
    if (!notification.success) {
      log.warn("a notification that cannot be read was passed over");
      return [];
    }
    const changes = notification.data.entry.flatMap((entry) => entry.changes);
    return changes
      .filter(({ field }) => field === "messages")
      .flatMap(({ value }) => {
        const change = Change.safeParse(value);
        if (change.success) return change.data;
        log.warn("a change that cannot be read was passed over");
        return [];
      });
  }

  return async function route(request: RouteRequest): Promise<RouteResponse> {
    const name = request.path === "/default" ? "" : request.path.slice(1);
    const subscriber = subscribers.find(({ account }) => account === name);
    if (!subscriber) return { status: 404 };
    if (request.method === "GET") return verified(request, subscriber);
    if (request.method === "POST") return await posted(request, subscriber);
    return { status: 405, headers: { allow: "GET, POST" } };
  };
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined; // it does not fit, and that is said
  }
}
