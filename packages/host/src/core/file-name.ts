/**
 * Names of files as people and agents give them, made safe to stand on a disk, in a header and in a
 * sentence: one component, no path, no control characters, nothing that turns the direction of
 * writing, no leading dot, at most 120 bytes with the extension kept. Pure.
 */
const MAX_BYTES = 120;
/** A longer "extension" is a sentence with a dot in it. */
const MAX_EXTENSION = 16;
const FALLBACK = "file";

/** What a file system or a shell would stumble over, or a reader: `/` and `\` are cut at before. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}"<>|:*?]/gu;

export function safeFileName(given: string): string {
  const last = given.toWellFormed().normalize("NFC").split(/[/\\]/).at(-1) ?? "";
  const plain = last
    .replace(UNSAFE, "")
    .replace(/\s+/g, " ")
    .replace(/^[. ]+|[. ]+$/g, "");
  return plain === "" ? FALLBACK : shortened(plain);
}

function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name;
  const dot = name.lastIndexOf(".");
  const tail = dot > 0 ? name.slice(dot) : "";
  const extension = Buffer.byteLength(tail) <= MAX_EXTENSION ? tail : "";
  const stem = Buffer.from(name.slice(0, name.length - extension.length));
  const room = MAX_BYTES - Buffer.byteLength(extension);
  // `stream`: a character that the cut goes through is left out.
  return new TextDecoder().decode(stem.subarray(0, room), { stream: true }).trimEnd() + extension;
}
