/**
 * The Bot API by grammY: one request for each call, never a second one, and errors of the contract's classes.
 *
 * Every call ends by itself: with the caller's signal, or after its time.
 */
import { Api, type RawApi } from "grammy/web";
import { Readable } from "node:stream";
import { RejectedError, TemporaryError, type Wire, WireError, type WireRequest } from "@bellhop/sdk";
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
      const response = await wire
        .open(`${apiRoot}/file/bot${token}/${path}`, { signal })
        .catch((error: unknown) => {
          throw unreachable(error);
        });
      const status = response.statusCode ?? 0;
      if (status === 200) return Readable.from(whole(response), { objectMode: false });
      response.destroy();
      if (status >= 500 || status === 429) throw new TemporaryError(`Telegram's files: HTTP ${status}`);
      throw new RejectedError(`Telegram does not hand out the file any more (HTTP ${status})`);
    },
  };
}

type ApiSignal = Parameters<RawApi["getMe"]>[0];

async function* whole(response: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (error) {
    throw unreachable(error);
  }
}

function unreachable(error: unknown): TemporaryError {
  const cause = error instanceof WireError ? error.cause : error;
  return new TemporaryError("The connection to Telegram's files failed", { cause });
}
