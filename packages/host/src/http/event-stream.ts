/**
 * Server-sent events over one response: https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 * The stream pulls: nothing is read for a client before the client took what came before. A comment
 * each 15 s keeps proxies and clients from taking silence for death.
 */
import type { Clock } from "../core/clock.ts";
import type { ChatEvent } from "../core/events.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { Log } from "../log.ts";
import type { Follower } from "./follow.ts";

export interface EventStreams {
  respond(stream: Stream): Response;
  /** Ends those that this token or login opened: it was revoked. */
  revoke(hash: string): void;
  /** Ends every stream; clients come back when there is a host again. */
  close(): void;
}

interface Stream {
  /** Called when the client begins to read. */
  readonly follow: () => Follower;
  readonly encode: (event: ChatEvent) => string | Promise<string>;
  /** Hash of the token or login that opens it; undefined over the control socket. */
  readonly vouchedBy: string | undefined;
}

export interface Frame {
  readonly event: string;
  /** Only of durable events: what a client may come back with as Last-Event-ID. */
  readonly id?: number | undefined;
  readonly data: unknown;
}

const HEARTBEAT_MS = 15_000;
const HEARTBEAT = ": still here\n\n";

/** JSON has no line breaks of its own, so one `data` line holds it all. */
export function frame({ event, id, data }: Frame): string {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function createEventStreams(clock: Clock, { hide }: KnownSecrets, log: Log): EventStreams {
  /** How to end each, and who vouches for it. */
  const open = new Map<() => void, string | undefined>();

  return {
    respond({ follow, encode, vouchedBy }) {
      const encoder = new TextEncoder();
      let follower: Follower | undefined;
      let beat = () => {};
      let left = false;

      function begin(controller: ReadableStreamDefaultController<Uint8Array>): Follower {
        open.set(end, vouchedBy);
        // Opens the stream at once, and tells browsers how soon to come back.
        controller.enqueue(encoder.encode("retry: 1000\n\n"));
        const beatLater = () => {
          beat = clock.after(HEARTBEAT_MS, () => {
            // A client that has not taken the last bytes needs no proof of life.
            if ((controller.desiredSize ?? 0) >= 0) controller.enqueue(encoder.encode(HEARTBEAT));
            beatLater();
          });
        };
        beatLater();
        return follow();
      }
      function end() {
        beat();
        follower?.close();
        open.delete(end);
      }
      async function next(from: Follower): Promise<string | undefined> {
        try {
          const events = await from.next();
          let text = "";
          for (const event of events ?? []) text += hide(await encode(event));
          return events && text;
        } catch (error) {
          // The client sees the stream end, comes back with the last id it has, and asks again.
          log.error({ err: error }, "an event stream broke off");
          end();
          return undefined;
        }
      }

      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            if (!follower) {
              follower = begin(controller);
              return;
            }
            const text = await next(follower);
            if (left) return;
            if (text === undefined) controller.close();
            else controller.enqueue(encoder.encode(text));
          },
          cancel() {
            left = true;
            end();
          },
        },
        // Nothing is read ahead, and nothing begins for an answer whose body nobody takes (HEAD).
        { highWaterMark: 0 },
      );
      return new Response(body, {
        headers: {
          "Content-Type": "text/event-stream; charset=utf-8",
          "Cache-Control": "no-store",
          // Said outright, so that the Node adapter sends the headers at once instead of waiting for data.
          "Transfer-Encoding": "chunked",
          "X-Accel-Buffering": "no",
        },
      });
    },
    // Each takes itself out, which a Map allows while it is walked.
    revoke(hash) {
      for (const [end, vouchedBy] of open) if (vouchedBy === hash) end();
    },
    close() {
      for (const end of open.keys()) end();
    },
  };
}
