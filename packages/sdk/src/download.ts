/** Files that people sent, from where their platform keeps them: `InboundFile.open` for adapters. */
import { Readable } from "node:stream";
import { RejectedError, TemporaryError } from "./errors.ts";
import { type Wire, WireError, type WireRequest } from "./wire.ts";

export interface DownloadOptions extends Pick<WireRequest, "headers"> {
  /** The platform, in words. */
  readonly who: string;
  readonly signal: AbortSignal;
  /** Behind the sentence that it is not to be had: why that may be. */
  readonly hint?: string | undefined;
}

/**
 * The bytes as they come.
 * @throws RejectedError it is not to be had
 * @throws TemporaryError try again; the stream fails with it too
 */
export async function download(
  wire: Pick<Wire, "open">,
  url: string,
  { who, headers, signal, hint = "" }: DownloadOptions,
): Promise<Readable> {
  const response = await wire.open(url, { headers, signal }).catch((error: unknown) => {
    throw interrupted(error, who);
  });
  const status = response.statusCode ?? 0;
  if (status === 200) return Readable.from(whole(response, who), { objectMode: false });
  response.destroy();
  if (status >= 500 || status === 429) throw new TemporaryError(`${who}'s files: HTTP ${status}`);
  throw new RejectedError(`${who} does not hand out the file any more (HTTP ${status})${hint}`);
}

async function* whole(response: Readable, who: string): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (error) {
    throw interrupted(error, who);
  }
}

/** A connection to where files are kept ended too early: nothing was changed by it. */
export function interrupted(error: unknown, who: string): TemporaryError {
  const cause = error instanceof WireError ? error.cause : error;
  return new TemporaryError(`The connection to ${who}'s files failed`, { cause });
}
