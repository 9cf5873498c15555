/**
 * Discord's HTTP API: one request for each call, never a second one, and errors of the contract's classes.
 *
 * Every call ends by itself: with the caller's signal, or after its time. What is read of an answer is parsed here.
 */
import { download, type OutboundFile, UnknownOutcomeError, type Wire, WireError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import type { z } from "zod";
import { failed, refused } from "./errors.ts";
import { formOf } from "./form.ts";

export interface ApiOptions {
  readonly token: string;
  /** `https://discord.com/api`, without a slash at its end. */
  readonly apiRoot: string;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for, where a call has no time of its own. */
  readonly callMs?: number | undefined;
}

export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the version: `/channels/1/messages`. */
  readonly path: string;
  /** For its sentences, where a path says too much: `the message`. */
  readonly what: string;
  readonly body?: object | undefined;
  /** It goes as a form then, of which `body` is a part. */
  readonly file?: OutboundFile | undefined;
}

export type Api = ReturnType<typeof createApi>;

const VERSION = 10;
const CALL_MS = 30_000;
/** The slowest line that a file is sent over. */
const BYTES_PER_MS = 50;
/** Discord asks for a name of this form. */
const AGENT = "DiscordBot (https://bellhop.example.org, 0.1.0)";

export function createApi({ token, apiRoot, wire, callMs = CALL_MS }: ApiOptions) {
  async function call({ method, path, what, body, file }: Request, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const ms = callMs + Math.ceil((file?.bytes ?? 0) / BYTES_PER_MS);
    const form = file && formOf(body ?? {}, file);
    const content = form?.headers ?? (body && { "content-type": "application/json" });
    try {
      const answer = await wire.fetch(`${apiRoot}/v${VERSION}${path}`, {
        method,
        headers: { authorization: `Bot ${token}`, "user-agent": AGENT, ...content },
        body: form?.body ?? (body && JSON.stringify(body)),
        signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
      });
      const { status, headers } = answer;
      // Who asks us to wait may be a server before Discord, which does not say it in JSON.
      const given = status === 429 ? await answer.json().catch(() => undefined) : await answer.json();
      if (status >= 200 && status < 300) return given;
      throw refused(what, status, given, { retryAfter: headers["retry-after"] });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof WireError ? failed(what, error) : error;
    }
  }

  return {
    /** @throws an error of errors.ts, or whatever `signal` aborted with */
    call,

    /** Parsed. @throws UnknownOutcomeError it is not what Discord says it is, beside what `call` throws */
    async ask<T>(request: Request, form: z.ZodType<T>, signal: AbortSignal): Promise<T> {
      const parsed = form.safeParse(await call(request, signal));
      if (parsed.success) return parsed.data;
      throw new UnknownOutcomeError(`Discord's answer to ${request.what} cannot be read`, {
        cause: parsed.error,
      });
    },

    /**
     * The bytes of an attachment. Its address is signed and needs no token.
     * @throws RejectedError it is not to be had
     * @throws TemporaryError try again; the stream fails with it too
     */
    async download(url: string, signal: AbortSignal): Promise<Readable> {
      return await download(wire, url, { who: "Discord", signal });
    },
  };
}
