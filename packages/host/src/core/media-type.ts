/**
 * What a file is, by its content. What a sender or a platform says of it is not believed: a page that
 * calls itself a picture must not be shown as one. Pure.
 *
 * A short table of our own for what people send each other and models read; everything else is
 * `application/octet-stream`, which is never wrong. Only of the zip formats the name says which one it
 * is, since inside they are all zip.
 */

/** So much from the beginning of a file is enough. */
export const HEAD_BYTES = 4_096;

const UNKNOWN = "application/octet-stream";

/** Bytes at an offset, as Latin-1 text. */
const SIGNATURES: readonly (readonly [type: string, ...parts: (readonly [at: number, bytes: string])[]])[] = [
  ["image/png", [0, "\x89PNG\r\n\x1a\n"]],
  ["image/jpeg", [0, "\xff\xd8\xff"]],
  ["image/gif", [0, "GIF87a"]],
  ["image/gif", [0, "GIF89a"]],
  ["image/webp", [0, "RIFF"], [8, "WEBP"]],
  ["application/pdf", [0, "%PDF-"]],
  ["audio/wav", [0, "RIFF"], [8, "WAVE"]],
  ["audio/ogg", [0, "OggS"]],
  ["audio/flac", [0, "fLaC"]],
  ["audio/mpeg", [0, "ID3"]],
  ["audio/mpeg", [0, "\xff\xfb"]],
  ["audio/mpeg", [0, "\xff\xf3"]],
  ["audio/mpeg", [0, "\xff\xf2"]],
  ["audio/mp4", [4, "ftypM4A"]],
  ["image/heic", [4, "ftyphei"]],
  ["image/avif", [4, "ftypavif"]],
  ["video/quicktime", [4, "ftypqt"]],
  ["video/mp4", [4, "ftyp"]],
  ["video/webm", [0, "\x1a\x45\xdf\xa3"]],
  ["application/gzip", [0, "\x1f\x8b"]],
  ["application/x-7z-compressed", [0, "7z\xbc\xaf\x27\x1c"]],
  ["application/zip", [0, "PK\x03\x04"]],
  ["application/zip", [0, "PK\x05\x06"]],
];

const OFFICE = "application/vnd.openxmlformats-officedocument.";
const ZIPPED: Readonly<Record<string, string>> = {
  docx: `${OFFICE}wordprocessingml.document`,
  xlsx: `${OFFICE}spreadsheetml.sheet`,
  pptx: `${OFFICE}presentationml.presentation`,
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  epub: "application/epub+zip",
};

/** @param head the first `HEAD_BYTES`, or all there is */
export function mediaType(head: Buffer, name: string): string {
  const start = head.toString("latin1");
  const [type] =
    SIGNATURES.find(([, ...parts]) => parts.every(([at, bytes]) => start.startsWith(bytes, at))) ?? [];
  if (type === "application/zip") return ZIPPED[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? type;
  return type ?? (isText(head) ? "text/plain" : UNKNOWN);
}

function isText(head: Buffer): boolean {
  if (head.includes(0)) return false;
  try {
    // `stream`: a character that the cut went through is no fault.
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
