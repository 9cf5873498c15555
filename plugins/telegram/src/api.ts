/**
 * The Bot API by grammY: one request for each call, never a second one, and errors of the contract's classes.
 *
 * Every call ends by itself: with the caller's signal, or after its time.
 */
import { Api, type RawApi } from "grammy/web";
import type { Readable } from "node:stream";
import { download, RejectedError, type Wire, type WireRequest } from "@bellhop/sdk";
import { mapped } from "./errors.ts";

export interface BotApiOptions {
  readonly token: string;
  /** `https://api.telegram.org`, or a Bot API server of one's own. */
  readonly apiRoot: string;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for, where a call has no time of its own. */
  readonly callMs?: number | undefined;
}

export type BotApi = ReturnType<typeof createBotApi>;

const CALL_MS = 30_000;

export function createBotApi({ token, apiRoot, wire, callMs = CALL_MS }: BotApiOptions) {
  const { raw } = new Api(token, {
    apiRoot,
    // grammY gives what `WireRequest` names and asks the answer for `json()` alone.
    fetch: (url: string, init: WireRequest) => wire.fetch(url, init),
    timeoutSeconds: 24 * 60 * 60, // we have times of our own
  });

  return {
    /** @throws an error of errors.ts, or whatever `signal` aborted with */
    async call<T>(
      method: string,
      make: (raw: RawApi, signal: ApiSignal) => Promise<T>,
      signal: AbortSignal,
      ms = callMs,
    ): Promise<T> {
      signal.throwIfAborted();
      const within = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
      try {
        // The same object; grammY's types come from a library for older Nodes.
        return await make(raw, within as ApiSignal);
      } catch (error) {
        signal.throwIfAborted();
        throw mapped(method, error);
      }
    },

    /**
     * The bytes of a file, by the path that `getFile` told.
     * @throws RejectedError it is not to be had
     * @throws TemporaryError try again; the stream fails with it too
     */
    async download(path: string, signal: AbortSignal): Promise<Readable> {
      if (path.startsWith("/"))
        throw new RejectedError(
          "The Bot API server keeps files on its own disk (--local), where they cannot be fetched from; start it without.",
        );
      const url = `${apiRoot}/file/bot${token}/${path}`;
      return await download(wire, url, { who: "Telegram", signal });
    },
  };
}

type ApiSignal = Parameters<RawApi["getMe"]>[0];
