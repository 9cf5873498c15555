/**
 * Discord's HTTP API: one request for each call, never a second one, and errors of the contract's classes.
 *
 * Every call ends by itself: with the caller's signal, or after its time. What is read of an answer is parsed here.
 */
import {
  download,
  formOf,
  type OutboundFile,
  UnknownOutcomeError,
  uploadMs,
  type Wire,
  WireError,
} from "@bellhop/sdk";
import type { Readable } from "node:stream";
import type { z } from "zod";
import { failed, refused } from "./errors.ts";

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
const JSON_TYPE = "application/json";
/** Discord asks for a name of this form. */
const AGENT = "DiscordBot (https://bellhop.example.org, 0.1.0)";

export function createApi({ token, apiRoot, wire, callMs = CALL_MS }: ApiOptions) {
  async function call({ method, path, what, body, file }: Request, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const json = body && JSON.stringify(body);
    const form = file && withFile(json, file);
    const content = form?.headers ?? (json && { "content-type": JSON_TYPE });
    try {
      const answer = await wire.fetch(`${apiRoot}/v${VERSION}${path}`, {
        method,
        headers: { authorization: `Bot ${token}`, "user-agent": AGENT, ...content },
        body: form?.body ?? json,
        signal: AbortSignal.any([signal, AbortSignal.timeout(callMs + uploadMs(file?.bytes ?? 0))]),
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

function withFile(json = "{}", content: OutboundFile) {
  return formOf({
    fields: [{ name: "payload_json", type: JSON_TYPE, value: json }],
    file: { name: "files[0]", content },
  });
}
