/**
 * The Graph API: one request for each call, never a second one, and errors of the contract's classes. Every call ends
 * by itself: with the caller's signal, or after its time.
 *
 * The token goes out in a header, to the Graph API and to where Meta keeps files, and nowhere else: a redirect is a
 * refusal. Each call proves that we know the app's secret too, which Meta checks, and which some apps demand.
 */
import { BellhopError, download, type formOf, RejectedError, unanswered, type Wire } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import { refusalOf } from "./errors.ts";
import type { Credentials } from "./settings.ts";
import { proofOf } from "./signature.ts";

export interface GraphOptions extends Credentials {
  /** With the version, without a slash at its end. */
  readonly url: string;
  readonly wire: Pick<Wire, "fetch" | "open">;
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
  readonly form?: ReturnType<typeof formOf>;
  readonly answer: z.ZodType<T>;
  readonly ms?: number;
}

export type Graph = ReturnType<typeof createGraph>;

const CALL_MS = 30_000;
/** Where Meta keeps the files that people sent. */
const META = /(?:^|\.)(?:fbsbx\.com|facebook\.com|fbcdn\.net|whatsapp\.net)$/;

export function createGraph({ url, token, appSecret, phoneNumberId, wire, callMs = CALL_MS }: GraphOptions) {
  const headers = { authorization: `Bearer ${token}`, "user-agent": "bellhop" };
  const proof = proofOf(token, appSecret);

  /** @throws what `refusalOf` and `unanswered` make of it, or whatever `signal` aborted with */
  async function call<T>(asked: Call<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const { what, path, query = {}, json, form, answer, ms = callMs } = asked;
    const parameters = new URLSearchParams({ ...query, appsecret_proof: proof }).toString();
    const content = form?.headers ?? (json && { "content-type": "application/json" });
    try {
      const response = await wire.fetch(`${url}/${path}?${parameters}`, {
        method: content ? "POST" : "GET",
        headers: { ...headers, ...content },
        body: form?.body ?? (json && JSON.stringify(json)),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
      });
      const { status } = response;
      const body = parsed(await response.text());
      if (status >= 200 && status < 300) return answer.parse(body);
      throw refusalOf({ status, body, retryAfter: response.headers["retry-after"], what, token });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof BellhopError ? error : unanswered(error, "WhatsApp", what);
    }
  }

  /**
   * The bytes at an address that the Graph API named.
   * @throws RejectedError it is not to be had
   * @throws TemporaryError try again; the stream fails with it too
   */
  async function bytesAt(address: string, signal: AbortSignal): Promise<Readable> {
    if (!isTheirs(address)) throw new RejectedError("WhatsApp names a place for the file that is not Meta's");
    return await download(wire, address, { who: "WhatsApp", headers, signal });
  }

  /** What the token may be told: the server that we were given, and Meta's own. */
  function isTheirs(address: string): boolean {
    const { origin, protocol, hostname } = new URL(address);
    return origin === new URL(url).origin || (protocol === "https:" && META.test(hostname));
  }

  return { phoneNumberId, call, download: bytesAt };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever reads it finds that it does not fit
  }
}
