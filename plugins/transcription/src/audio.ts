/**
 * Which files of a message are recordings, and how their names end for whoever transcribes them. A host tells what a
 * file is by its content, as far as a few bytes show that; the rest is told by the name.
 */
import { open } from "node:fs/promises";
import { extname } from "node:path";

/** Films end so too. */
export const WEBM = ".webm";

const BY_TYPE: Readonly<Record<string, string>> = {
  "audio/ogg": ".ogg",
  "audio/mpeg": ".mp3",
  "audio/mp4": ".m4a",
  "audio/flac": ".flac",
  "audio/wav": ".wav",
  // What browsers record. Films are the same to the host: see `isFilm`.
  "video/webm": WEBM,
};

/** Of what the host does not know. */
const BY_NAME: Readonly<Record<string, string>> = {
  ".ogg": ".ogg",
  ".oga": ".ogg",
  ".opus": ".ogg",
  ".mp3": ".mp3",
  ".m4a": ".m4a",
  ".aac": ".aac",
  ".amr": ".amr",
  ".wav": ".wav",
};

/** The end of a recording's name, with its dot; undefined for what is none. */
export function endingOf({
  name,
  type,
}: {
  readonly name: string;
  readonly type: string;
}): string | undefined {
  const byType = BY_TYPE[type];
  if (byType !== undefined) return byType;
  const byName = BY_NAME[extname(name).toLowerCase()];
  if (type === "application/octet-stream") return byName;
  return type === "video/mp4" && byName === ".m4a" ? byName : undefined; // as some phones make them
}

/** Of a WebM file: whether it names a codec for pictures among its tracks, which stand at its beginning. */
export async function isFilm(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
  return /V_(?:VP8|VP9|AV1|MPEG|THEORA|UNCOMPRESSED)/.test(buffer.toString("latin1", 0, bytesRead));
}
