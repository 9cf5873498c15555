/** Files as WhatsApp has them: encrypted on its servers, with the key in the message, and nowhere else. */
import { encryptedStream, getMediaKeys, type MediaType, type proto } from "baileys";
import { createDecipheriv } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import type { Download } from "../../src/media.ts";
import type { FakeServer } from "./server.ts";

/** Encrypted as senders do it. */
export async function uploaded(server: FakeServer, content: Buffer, kind: MediaType) {
  const made = await encryptedStream(content, kind);
  const directPath = `/v/f${server.files.size + 1}`;
  server.files.set(directPath, await readFile(made.encFilePath));
  await rm(made.encFilePath);
  const { mediaKey, fileSha256, fileEncSha256, fileLength } = made;
  return {
    url: `https://mmg.whatsapp.net${directPath}`,
    directPath,
    mediaKey,
    fileSha256,
    fileEncSha256,
    fileLength,
  };
}

interface Sealed {
  readonly directPath?: string | null | undefined;
  readonly mediaKey?: Uint8Array | null | undefined;
}

const KINDS = ["image", "video", "audio", "document"] as const;

/** What whoever gets this message can open of it. */
export async function fileIn(server: FakeServer, content: proto.IMessage) {
  const inner = content.documentWithCaptionMessage?.message ?? content;
  const [kind] = KINDS.filter((one) => inner[`${one}Message`]);
  const media = kind && inner[`${kind}Message`];
  if (!media) return undefined;
  const keys = await getMediaKeys(media.mediaKey, kind);
  const name = inner.documentMessage?.fileName ?? kind;
  return { kind, name, type: media.mimetype ?? "", content: decrypted(server, media, keys) };
}

function decrypted(
  server: FakeServer,
  { directPath }: Sealed,
  keys: Awaited<ReturnType<typeof getMediaKeys>>,
) {
  const file = server.files.get(directPath ?? "");
  if (!file) throw new Error(`there is no file ${directPath}`);
  const aes = createDecipheriv("aes-256-cbc", keys.cipherKey, keys.iv);
  return Buffer.concat([aes.update(file.subarray(0, -10)), aes.final()]); // a MAC of 10 bytes follows
}

export function downloadFrom(server: FakeServer): Download {
  return async (from, kind) => {
    const keys = await getMediaKeys(from.mediaKey, kind);
    return Readable.from([decrypted(server, from, keys)]);
  };
}
