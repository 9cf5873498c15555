/**
 * Requests to one host, over connections whose address was checked. Connections are kept for as long as the
 * sandbox keeps its own, and shared with nobody.
 */
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from "node:http";
import type { Duplex } from "node:stream";
import type { Target } from "../../core/egress-rule.ts";
import type { Reach } from "./network.ts";

export interface Upstream {
  readonly target: Target;
  readonly secure: boolean;
  /** Connects, if need be, and sends the head. */
  request(options: { method: string; path: string; headers: OutgoingHttpHeaders }): ClientRequest;
  close(): void;
}

export interface UpstreamOptions {
  readonly target: Target;
  readonly secure: boolean;
  readonly pin: () => string | undefined;
  readonly reach: Reach;
}

export function createUpstream({ target, secure, pin, reach }: UpstreamOptions): Upstream {
  async function connection(): Promise<Duplex> {
    const socket = await reach.connect(target, await reach.addresses(target, pin()));
    return secure ? await reach.secured(target, socket) : socket;
  }

  /** Node's own form of a callback: with an error there is no stream. */
  type Done = (error: Error | null, stream?: Duplex) => void;

  async function connectFor(done: Done): Promise<void> {
    let socket: Duplex;
    try {
      socket = await connection();
    } catch (error) {
      return done(error instanceof Error ? error : new Error(String(error)));
    }
    done(null, socket);
  }

  class Checked extends Agent {
    override createConnection(_options: object, done?: unknown): undefined {
      // Node always gives one, and takes an error without a stream, which its types do not say.
      void connectFor(done as Done);
      return undefined;
    }
  }
  const agent = new Checked({ keepAlive: true, maxSockets: 32 });

  return {
    target,
    secure,
    request: ({ method, path, headers }) =>
      request({ agent, method, path, headers, setHost: false, host: target.host, port: target.port }),
    close: () => agent.destroy(),
  };
}

/**
 * The head of the answer, or the connection that was switched to something else.
 * @throws RejectedError, TemporaryError
 */
export function headOf(
  sent: ClientRequest,
): Promise<{ answer: IncomingMessage; switched?: { socket: Duplex; head: Buffer } }> {
  return new Promise((resolve, reject) => {
    sent.once("response", (answer) => resolve({ answer }));
    sent.once("upgrade", (answer, socket, head) => resolve({ answer, switched: { socket, head } }));
    sent.once("error", (cause: NodeJS.ErrnoException) => {
      if (cause instanceof RejectedError || cause instanceof TemporaryError) return reject(cause);
      reject(new TemporaryError(`it broke off (${cause.code ?? cause.message})`, { cause }));
    });
  });
}
