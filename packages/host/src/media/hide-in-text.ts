/**
 * Files that agents send: a small text leaves without the secrets that the host knows, like what is said.
 * What is no text, or larger, goes as it is: it is not gone through.
 */
import type { KnownSecrets } from "../core/known-secrets.ts";

/** In bytes. */
export const MOST_TEXT = 1024 * 1024;

export async function* hideInText(
  source: AsyncIterable<unknown>,
  { hide }: KnownSecrets,
): AsyncGenerator<unknown, void> {
  const begun: Uint8Array[] = [];
  let bytes = 0;
  let passing = false;
  for await (const piece of source) {
    if (passing || !(piece instanceof Uint8Array)) {
      yield piece; // what is no bytes is for the reader to refuse
      continue;
    }
    begun.push(piece);
    bytes += piece.byteLength;
    if (bytes <= MOST_TEXT) continue;
    passing = true;
    yield* begun;
  }
  if (passing || bytes === 0) return;
  const whole = Buffer.concat(begun);
  const text = textOf(whole);
  yield text === undefined ? whole : Buffer.from(hide(text));
}

/** Undefined for what is no UTF-8 text. */
function textOf(bytes: Buffer): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined; // a picture, an archive, another encoding
  }
}
