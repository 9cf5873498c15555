/**
 * Slack's side of Socket Mode: hands out what people did over one of an app's connections, again where it was not
 * acknowledged in time or its connection ended, with the faults that only a live connection can have.
 */
import { createFeed, halfFrame, type PeerFault, trickledFrame } from "@bellhop/sdk/testing";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

export interface Told {
  readonly type: "events_api" | "slash_commands" | "interactive";
  readonly payload: object;
}

export interface SocketModeOptions {
  /** Before what was not acknowledged comes again. */
  readonly ackMs?: number | undefined;
  readonly note: () => void;
}

interface Line {
  readonly socket: WebSocket;
  readonly raw: Duplex;
  silent: boolean;
}

interface Delivery {
  line: Line | undefined;
  attempt: number;
  acknowledged: boolean;
  timer?: NodeJS.Timeout;
}

const MOST_CONNECTIONS = 10;
const MOST_ATTEMPTS = 4;
const Acknowledgement = z.strictObject({
  envelope_id: z.string(),
  payload: z.strictObject({ text: z.string().min(1) }).optional(),
});

export type SocketMode = ReturnType<typeof createSocketMode>;

export function createSocketMode({ ackMs = 3_000, note }: SocketModeOptions) {
  const server = new WebSocketServer({ noServer: true, autoPong: false });
  const feed = createFeed<Told>();
  const lines = new Set<Line>();
  /** Beside the items of the feed. */
  const deliveries: Delivery[] = [];
  const envelopes = new Map<string, Delivery>();
  const tickets = new Set<string>();
  /** Shown at once to whoever gave a command, and to nobody else. */
  const replies: string[] = [];
  let faults: Extract<PeerFault, { how: "go silent" | "close mid-frame" | "trickle" }>[] = [];
  let ids = 0;
  let turn = 0;
  /** Of those that were not acknowledged. */
  let first = 0;

  function ticket(): string {
    const one = `ticket-${++ids}`;
    tickets.add(one);
    return one;
  }

  function upgrade(request: IncomingMessage, raw: Duplex, head: Buffer): void {
    const given = new URL(request.url ?? "/", "http://fake").searchParams.get("ticket") ?? "";
    if (!tickets.delete(given)) {
      raw.end("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n");
      return;
    }
    server.handleUpgrade(request, raw, head, (socket) => {
      const line: Line = { socket, raw, silent: false };
      if (lines.size >= MOST_CONNECTIONS) return disconnect(line, "too_many_websockets");
      lines.add(line);
      socket.on("ping", (data) => {
        if (!line.silent) socket.pong(data);
      });
      socket.on("message", (data) => {
        if (!line.silent) acknowledge(z.instanceof(Buffer).parse(data).toString());
      });
      socket.on("error", () => socket.terminate());
      socket.on("close", () => ended(line));
      say(line, { type: "hello", num_connections: lines.size, connection_info: { app_id: "A1" } });
      flush();
    });
  }

  function say(line: Line, frame: object): void {
    if (!line.silent) line.socket.send(JSON.stringify(frame));
  }

  function disconnect(line: Line, reason: string): void {
    say(line, { type: "disconnect", reason, debug_info: { host: "fake" } });
    if (reason !== "warning" && reason !== "refresh_requested") line.socket.close();
  }

  function ended(line: Line): void {
    lines.delete(line);
    for (const delivery of deliveries) {
      if (delivery.line !== line || delivery.acknowledged) continue;
      clearTimeout(delivery.timer);
      delivery.line = undefined;
    }
    note();
    flush();
  }

  function acknowledge(frame: string): void {
    const { envelope_id, payload } = Acknowledgement.parse(JSON.parse(frame));
    if (payload) replies.push(payload.text);
    const delivery = envelopes.get(envelope_id);
    if (!delivery) return;
    delivery.acknowledged = true;
    clearTimeout(delivery.timer);
    note();
  }

  /** What is under way nowhere, in its order; what comes twice is two of them. */
  function flush(): void {
    const items = feed.from(1, Number.POSITIVE_INFINITY);
    while (deliveries[first]?.acknowledged === true) first += 1;
    for (let at = first; at < items.length; at += 1) {
      const delivery = (deliveries[at] ??= { line: undefined, attempt: 0, acknowledged: false });
      const told = items[at]?.value;
      if (told && !delivery.acknowledged && delivery.line === undefined) deliver(told, delivery);
    }
  }

  function deliver(told: Told, delivery: Delivery): void {
    const open = [...lines].filter(({ socket }) => socket.readyState === WebSocket.OPEN);
    const line = open[turn++ % Math.max(1, open.length)];
    if (!line) return;
    const envelope_id = `envelope-${++ids}`;
    envelopes.set(envelope_id, delivery);
    note();
    delivery.line = line;
    delivery.attempt += 1;
    const fault = faults.shift();
    if (fault?.how === "go silent") for (const one of lines) one.silent = true;
    const frame = {
      ...told,
      envelope_id,
      accepts_response_payload: told.type !== "events_api",
      ...(delivery.attempt > 1 ? { retry_attempt: delivery.attempt - 1, retry_reason: "timeout" } : {}),
    };
    if (fault?.how === "close mid-frame") return halfFrame(line.raw, JSON.stringify(frame));
    if (fault?.how === "trickle") {
      line.silent = true;
      trickledFrame(line.raw, JSON.stringify(frame), fault.everyMs);
      return;
    }
    say(line, frame);
    delivery.timer = setTimeout(() => {
      if (delivery.acknowledged || delivery.line !== line || delivery.attempt >= MOST_ATTEMPTS) return;
      delivery.line = undefined;
      flush();
    }, ackMs).unref();
  }

  return {
    ticket,
    replies,
    upgrade,
    /** How many connections it has. */
    connections: () => lines.size,
    tell(told: Told): void {
      feed.push(told);
      flush();
    },
    /** How many envelopes went out, those that went out again too. */
    sent: () => envelopes.size,
    /** Slack has tried for long enough: what was told so far never comes any more. */
    forget(): void {
      for (const at of feed.from(1, Number.POSITIVE_INFINITY).keys())
        (deliveries[at] ??= { line: undefined, attempt: 0, acknowledged: true }).acknowledged = true;
    },
    fault(
      fault: Extract<
        PeerFault,
        { how: "duplicate" | "reorder" | "go silent" | "close mid-frame" | "trickle" }
      >,
    ): void {
      if (fault.how === "duplicate" || fault.how === "reorder") feed.fault(fault);
      else faults.push(fault);
    },
    mend(): void {
      faults = [];
    },
    /** To every connection; it stays open where Slack only says that it will end it. */
    disconnect(reason: string): void {
      for (const line of lines) disconnect(line, reason);
    },
    /** A frame as it is, to every connection. */
    raw(frame: string): void {
      for (const { socket } of lines) socket.send(frame);
    },
    close(): void {
      for (const { timer } of deliveries) clearTimeout(timer);
      for (const { socket } of lines) socket.terminate();
    },
  };
}
