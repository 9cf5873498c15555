/**
 * The host's HTTP API as a program far away would use it: bearer token, one kept connection for calls
 * and one for the stream of events. What comes back is parsed.
 */
import { TemporaryError } from "@bellhop/sdk";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { readServerSentEvents } from "../packages/host/src/cli/sse.ts";
import { ChatEvent, type DurableEvent, type EventId } from "../packages/host/src/core/events.ts";
import type { ChatId } from "../packages/host/src/core/ids.ts";
import { Status } from "../packages/host/src/core/status.ts";
import { type UsageBy, UsageReport } from "../packages/host/src/core/usage.ts";
import { AcceptedMessage, EventPage } from "../packages/host/src/http/schemas.ts";

export type Accepted = z.infer<typeof AcceptedMessage>;

export interface Arrived {
  readonly event: ChatEvent;
  /** When its last byte was read from the connection, by the monotonic clock: before anything was parsed. */
  readonly at: number;
}

/** Every call throws TemporaryError when the host is not there, went away or cannot just now. */
export interface Api {
  /** Accepted once however often it is sent under the same `id`. */
  post(chat: ChatId, message: { text: string; id: string }): Promise<Accepted>;
  /** What happens in all chats: first what came after `after`, if that is given. Ends with the host. */
  events(options: { after?: EventId | undefined; signal: AbortSignal }): AsyncGenerator<Arrived>;
  /** Everything that was ever to be seen in a chat. */
  timeline(chat: ChatId): Promise<DurableEvent[]>;
  status(): Promise<Status>;
  /** Since the beginning of the month. */
  usage(by: UsageBy): Promise<UsageReport>;
  close(): void;
}

const PAGE = 500;

export function createApi({ url, token }: { readonly url: string; readonly token: string }): Api {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true });
  const authorization = `Bearer ${token}`;

  function open(
    method: string,
    path: string,
    { body, signal }: { body?: object; signal?: AbortSignal } = {},
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          hostname,
          port,
          agent,
          method,
          path: `/api/v1${path}`,
          headers: { authorization, ...(body && { "content-type": "application/json" }) },
          ...(signal && { signal }),
        },
        resolve,
      );
      call.on("error", (cause) => reject(gone(cause)));
      call.end(body && JSON.stringify(body));
    });
  }

  async function call<T>(method: string, path: string, result: z.ZodType<T>, body?: object): Promise<T> {
    const response = await open(method, path, body ? { body } : {});
    const said = await text(response).catch((cause: unknown) => {
      throw gone(cause);
    });
    const { statusCode = 0 } = response;
    if (statusCode >= 500) throw new TemporaryError(`${method} ${path}: ${statusCode} ${said}`);
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${said}`);
    return result.parse(JSON.parse(said));
  }

  return {
    post: (chat, message) =>
      call("POST", `/chats/${encodeURIComponent(chat)}/messages`, AcceptedMessage, message),

    async *events({ after, signal }) {
      const response = await open("GET", `/events${after === undefined ? "" : `?after=${after}`}`, {
        signal,
      });
      if (response.statusCode !== 200) throw new Error(`the events were refused: ${await text(response)}`);
      response.setEncoding("utf8");
      try {
        let at = 0;
        response.on("data", () => (at = performance.now()));
        for await (const { data } of readServerSentEvents(response)) {
          yield { event: ChatEvent.parse(JSON.parse(data)), at };
        }
      } catch (cause) {
        if (cause instanceof z.ZodError) throw cause;
        throw gone(cause);
      } finally {
        response.destroy();
      }
    },

    async timeline(chat) {
      const all: DurableEvent[] = [];
      for (;;) {
        const after = all.at(-1)?.id ?? 0;
        const path = `/chats/${encodeURIComponent(chat)}/messages?after=${after}&limit=${PAGE}`;
        const { events, more } = await call("GET", path, EventPage);
        all.push(...events);
        if (!more) return all;
      }
    },

    status: () => call("GET", "/status", Status),
    usage: (by) => call("GET", `/usage?by=${by}`, UsageReport),
    close: () => agent.destroy(),
  };
}

function gone(cause: unknown): TemporaryError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TemporaryError(`the host is not there: ${why}`, { cause });
}
