/**
 * HTTP for adapters, over Node's own client, because only that tells how far a request came: until its last byte
 * was handed to the system nobody can have acted on it, and from then on anybody may have (G14).
 *
 * It is also smaller in memory than the `fetch` that comes with Node, and a channel mostly waits.
 */
import { once } from "node:events";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";

/** No answer, or none that can be read. */
export class WireError extends Error {
  override readonly name = "WireError";
  /** All of the request was written: it may have been applied. */
  readonly written: boolean;
  /** Of an answer that cannot be read, or is no JSON. */
  readonly status: number | undefined;
  constructor(message: string, options: ErrorOptions & { written: boolean; status?: number | undefined }) {
    super(message, options);
    this.written = options.written;
    this.status = options.status;
  }
}

export interface WireRequest {
  readonly method?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** As much of a response as adapters read. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** @throws WireError it cannot be read to its end */
  text(): Promise<string>;
  /** Undefined where there is nothing, as with 204. @throws WireError it cannot be read */
  json(): Promise<unknown>;
}

export type Wire = ReturnType<typeof createWire>;

/** A connection that nobody used for so long may be closed by the other side just when we write on it. */
const IDLE_MS = 4_000;

/** @param signal closes it */
export function createWire(signal?: AbortSignal) {
  // Whoever imports node:http gets Node's `fetch` and WebSocket with it, a sixth of the memory of such a process;
  // what reads streams at once, in node:stream/consumers, is left out for the same reason.
  const http = process.getBuiltinModule("node:http");
  const https = process.getBuiltinModule("node:https");
  const plain = new http.Agent({ keepAlive: true, timeout: IDLE_MS });
  const secure = new https.Agent({ keepAlive: true, timeout: IDLE_MS });

  function close(): void {
    plain.destroy();
    secure.destroy();
  }
  signal?.addEventListener("abort", close, { once: true });

  /** Resolves with the head of the answer; a redirect is one, and is not followed. @throws WireError */
  async function open(url: string, { method = "GET", headers = {}, body, signal }: WireRequest) {
    // What the other side has closed meanwhile is noticed first, and is not written on.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const isSecure = new URL(url).protocol === "https:";
    const request = (isSecure ? https : http).request(url, {
      method,
      headers: typeof body === "string" ? { ...headers, "content-length": Buffer.byteLength(body) } : headers,
      agent: isSecure ? secure : plain,
      ...(signal && { signal }),
    });
    let written = false;
    request.once("finish", () => {
      written = true;
    });
    const answered = once(request, "response");
    try {
      if (body === undefined || typeof body === "string") request.end(body);
      else await Promise.race([pipeline(body, request), answered]); // it may refuse before it has read all
      const [response]: IncomingMessage[] = await answered;
      if (!response) throw new Error("no response");
      return response;
    } catch (cause) {
      answered.catch(() => undefined); // `cause` came first
      request.destroy();
      throw new WireError("the connection failed", { cause, written });
    }
  }

  return {
    open,

    async fetch(url: string, request: WireRequest): Promise<WireAnswer> {
      const response = await open(url, request);
      const status = response.statusCode ?? 0;
      async function read<T>(make: (text: string) => T): Promise<T> {
        try {
          return make(await textOf(response));
        } catch (cause) {
          throw new WireError(`HTTP ${status}, and no answer that can be read`, {
            cause,
            written: true,
            status,
          });
        }
      }
      return {
        status,
        headers: response.headers,
        text: () => read((text) => text),
        json: () => read((text): unknown => (text === "" ? undefined : JSON.parse(text))),
      };
    },

    close,
  };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString("utf8");
}
