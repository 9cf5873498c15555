/**
 * The Graph API: one request for each call, never a second one, and errors of the contract's classes. Every call ends
 * by itself: with the caller's signal, or after its time.
 *
 * The token goes out in a header, to the Graph API and to where Meta keeps files, and nowhere else. Each call proves
 * that we know the app's secret too, which Meta checks, and which some apps demand.
 */
import { BellhopError, RejectedError, TemporaryError, unanswered } from "@bellhop/sdk";
import { Readable } from "node:stream";
import { z } from "zod";
import { refusalOf } from "./errors.ts";
import type { Credentials } from "./settings.ts";
import { proofOf } from "./signature.ts";

export interface GraphOptions extends Credentials {
  /** With the version, without a slash at its end. */
  readonly url: string;
  readonly fetch: typeof globalThis.fetch;
  /** How long an answer is waited for, where a call has no time of its own. */
  readonly callMs?: number | undefined;
}

export interface Call<T> {
  /** In words, for errors: `a text`. */
  readonly what: string;
  /** Below the version: `123456/messages`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: object;
  readonly upload?: {
    readonly type: string;
    readonly length: number;
    readonly body: AsyncIterable<Uint8Array>;
  };
  readonly answer: z.ZodType<T>;
  readonly ms?: number;
}

export type Graph = ReturnType<typeof createGraph>;

const CALL_MS = 30_000;
/** Where Meta keeps the files that people sent. */
const META = /(?:^|\.)(?:fbsbx\.com|facebook\.com|fbcdn\.net|whatsapp\.net)$/;

export function createGraph({ url, token, appSecret, phoneNumberId, fetch, callMs = CALL_MS }: GraphOptions) {
  const headers = { authorization: `Bearer ${token}`, "user-agent": "bellhop" };
  const proof = proofOf(token, appSecret);

  /** @throws what `refusalOf` and `unanswered` make of it, or whatever `signal` aborted with */
  async function call<T>(asked: Call<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { what, path, query = {}, json, upload, answer, ms = callMs } = asked;
    const parameters = new URLSearchParams({ ...query, appsecret_proof: proof }).toString();
    const address = `${url}/${path}?${parameters}`;
    const within = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
    // A connection that the other side has closed meanwhile is noticed first, and is not written on.
    for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    try {
      const response = await fetch(address, {
        redirect: "error",
        signal: within,
        ...(json && {
          method: "POST",
          headers: { ...headers, "content-type": "application/json" },
          body: JSON.stringify(json),
        }),
        ...(upload && {
          method: "POST",
          headers: { ...headers, "content-type": upload.type, "content-length": String(upload.length) },
          body: ReadableStream.from(upload.body),
          duplex: "half",
        }),
        ...(!json && !upload && { headers }),
      });
      const { status } = response;
      const text = await response.text();
      const body = parsed(text);
      if (!response.ok)
        throw refusalOf({ status, body, retryAfter: response.headers.get("retry-after"), what, token });
      return answer.parse(body);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof BellhopError ? error : unanswered(error, "WhatsApp");
    }
  }

  /**
   * The bytes at an address that the Graph API named.
   * @throws RejectedError it is not to be had
   * @throws TemporaryError try again; the stream fails with it too
   */
  async function download(address: string, signal: AbortSignal): Promise<Readable> {
    if (!isTheirs(address)) throw new RejectedError("WhatsApp names a place for the file that is not Meta's");
    const response = await fetch(address, { headers, signal }).catch((cause: unknown) => {
      throw new TemporaryError("WhatsApp's files cannot be reached", { cause });
    });
    const { ok, status, body } = response;
    if (ok && body) return Readable.from(whole(body), { objectMode: false });
    await body?.cancel();
    if (status >= 500 || status === 429) throw new TemporaryError(`WhatsApp's files: HTTP ${status}`);
    throw new RejectedError(`WhatsApp does not hand out the file any more (HTTP ${status})`);
  }

  /** What the token may be told: the server that we were given, and Meta's own. */
  function isTheirs(address: string): boolean {
    const { origin, protocol, hostname } = new URL(address);
    return origin === new URL(url).origin || (protocol === "https:" && META.test(hostname));
  }

  return { phoneNumberId, call, download };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever reads it finds that it does not fit
  }
}

async function* whole(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new TemporaryError("The connection to WhatsApp's files failed", { cause });
  }
}
