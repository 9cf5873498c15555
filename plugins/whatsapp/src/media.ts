/**
 * Files: as encrypted pieces on WhatsApp's servers, with the key in the message. They are opened while they come, and
 * at the end it shows whether they are what the sender sent.
 */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { MediaType, WAMessage } from "baileys";
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { baileys } from "./baileys.ts";
import { type Attached, contentOf } from "./content.ts";
import { statusOf } from "./errors.ts";
import type { WhatsAppSocket } from "./socket.ts";

/** The encrypted file, opened with its key. */
export type Download = (from: Attached["from"], kind: MediaType, signal: AbortSignal) => Promise<Readable>;

/** WhatsApp has taken it off its servers; the phone of whoever sent it may bring it back. */
const GONE = [404, 410];

export const downloadMedia: Download = async (from, kind, signal) => {
  const { downloadContentFromMessage } = await baileys();
  const { url, directPath, mediaKey } = from;
  const source = {
    ...(mediaKey && { mediaKey }),
    ...(directPath && { directPath }),
    ...(url && { url }),
  };
  const stream = await downloadContentFromMessage(source, kind);
  signal.addEventListener("abort", () => stream.destroy(), { once: true });
  return stream;
};

/**
 * @throws TemporaryError try again
 * @throws RejectedError it is not to be had
 */
export async function openMedia(
  message: WAMessage,
  { kind, from }: Attached,
  {
    download,
    socket,
  }: { download: Download; socket: () => Pick<WhatsAppSocket, "updateMediaMessage"> | undefined },
  signal: AbortSignal,
): Promise<Readable> {
  if (!from.mediaKey) throw new RejectedError("The file came without the key that opens it");
  try {
    return checked(await download(from, kind, signal), from.fileSha256);
  } catch (error) {
    signal.throwIfAborted();
    const status = statusOf(error);
    const line = socket();
    if (status === undefined || !GONE.includes(status) || !line)
      throw new TemporaryError("The file could not be fetched from WhatsApp", { cause: error });
  }
  try {
    const again = contentOf((await socket()?.updateMediaMessage(message))?.message);
    if (again?.is === "words" && again.file)
      return checked(await download(again.file.from, kind, signal), from.fileSha256);
  } catch (cause) {
    signal.throwIfAborted();
    throw new RejectedError("WhatsApp does not have the file any more", { cause });
  }
  throw new RejectedError("WhatsApp does not have the file any more");
}

function checked(stream: Readable, sha256: Uint8Array | null | undefined): Readable {
  async function* pieces(): AsyncGenerator<Buffer> {
    const hash = createHash("sha256");
    for await (const piece of stream) {
      const bytes = Buffer.from(piece);
      hash.update(bytes);
      yield bytes;
    }
    if (sha256 && sha256.length > 0 && !hash.digest().equals(sha256))
      throw new TemporaryError("The file that came is not the one that was sent");
  }
  return Readable.from(pieces(), { objectMode: false });
}
