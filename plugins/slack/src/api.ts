/**
 * Slack's Web API: one request for each call, never a second one, and errors of the contract's classes.
 *
 * Every call ends by itself: with the caller's signal, or after its time. It is a client of our own because Slack's
 * (`@slack/web-api`) can be given no signal, and takes a page of some server between for a refusal of Slack's.
 */
import {
  bytesOf,
  download,
  interrupted,
  type OutboundFile,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
  uploadMs,
  type Wire,
} from "@bellhop/sdk";
import type { Readable } from "node:stream";
import { z } from "zod";
import { failed, limited, refused } from "./errors.ts";

export interface WebApiOptions {
  readonly token: string;
  /** `https://slack.com/api`; files are only fetched from its host and those below. */
  readonly root: string;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for, where a call has no time of its own. */
  readonly callMs?: number | undefined;
}

export type Arguments = Readonly<Record<string, string | number | boolean | object | undefined>>;
export type WebApi = ReturnType<typeof createWebApi>;

const CALL_MS = 30_000;
const UPLOAD_MS = 60_000;
/** Where Slack does not say how long. */
const WAIT_S = 10;

const Answer = z.looseObject({
  ok: z.boolean(),
  error: z.string().optional(),
  needed: z.string().optional(),
});

export function createWebApi({ token, root, wire, callMs = CALL_MS }: WebApiOptions) {
  const authorization = `Bearer ${token}`;
  const home = new URL(root);

  /** Whether it may be shown a token, or a file of somebody's. */
  function isSlacks(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { protocol, host } = new URL(url);
    return protocol === home.protocol && (host === home.host || host.endsWith(`.${home.host}`));
  }

  return {
    /**
     * @param form of what is read of the answer; `scopes` is what the token may do, where Slack says it
     * @throws an error of errors.ts, or whatever `signal` aborted with
     */
    async call<T>(method: string, args: Arguments, form: z.ZodType<T>, signal: AbortSignal, ms = callMs) {
      signal.throwIfAborted();
      const within = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
      let scopes: string | undefined;
      let waitMs = WAIT_S * 1_000;
      const answer = await (async () => {
        try {
          const response = await wire.fetch(`${root}/${method}`, {
            method: "POST",
            headers: { authorization, "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
            body: encoded(args),
            signal: within,
          });
          scopes = response.headers["x-oauth-scopes"]?.toString();
          const seconds = Number(response.headers["retry-after"]);
          if (seconds >= 0) waitMs = seconds * 1_000;
          if (response.status === 429) throw limited(method, waitMs);
          if (response.status >= 500)
            throw new UnknownOutcomeError(`Slack: ${method} failed (${response.status})`);
          return Answer.safeParse(await response.json());
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof TemporaryError || error instanceof UnknownOutcomeError) throw error;
          throw failed(method, error);
        }
      })();
      if (!answer.success)
        throw new UnknownOutcomeError(`Slack: ${method} answered strangely`, { cause: answer.error });
      if (!answer.data.ok) throw refused(method, answer.data, waitMs);
      const parsed = form.safeParse({ ...answer.data, scopes });
      if (parsed.success) return parsed.data;
      throw new UnknownOutcomeError(`Slack: ${method} answered strangely`, { cause: parsed.error });
    },

    /**
     * The bytes of a file.
     * @throws RejectedError it is not to be had
     * @throws TemporaryError try again; the stream fails with it too
     */
    async download(url: string, signal: AbortSignal): Promise<Readable> {
      if (!isSlacks(url))
        throw new RejectedError("The file is not kept by Slack, and Bellhop fetches none from elsewhere");
      // Who may not read it is sent to a page to log in.
      const hint = ": it is gone, or the app lacks the scope files:read";
      return await download(wire, url, { who: "Slack", headers: { authorization }, signal, hint });
    },

    /**
     * Puts the bytes where `files.getUploadURLExternal` said; nobody sees them yet.
     * @throws TemporaryError, RejectedError
     */
    async upload(url: string, file: OutboundFile, signal: AbortSignal): Promise<void> {
      if (!isSlacks(url)) throw new RejectedError("Slack names an address for the file that is not its own");
      const within = AbortSignal.any([signal, AbortSignal.timeout(UPLOAD_MS + uploadMs(file.bytes))]);
      const response = await wire
        .open(url, {
          method: "POST",
          headers: { "content-type": "application/octet-stream", "content-length": String(file.bytes) },
          body: bytesOf(file),
          signal: within,
        })
        .catch((error: unknown) => {
          signal.throwIfAborted();
          throw interrupted(error, "Slack");
        });
      response.resume();
      const status = response.statusCode ?? 0;
      if (status >= 500 || status === 429) throw new TemporaryError(`Slack's files: HTTP ${status}`);
      if (status !== 200) throw new RejectedError(`Slack does not take the file (HTTP ${status})`);
    },
  };
}

/** As a form, in which what is not text is JSON. */
function encoded(args: Arguments): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value !== undefined)
      form.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  return form.toString();
}
