/**
 * Takes secrets out of a stream of bytes. A secret may be split over chunks anywhere, so the end of a
 * chunk is held back, but only while it may be the beginning of one: all else passes at once.
 * A secret becomes as many asterisks, so that lengths stay true.
 */
export interface Scrubber {
  push(chunk: Buffer): Buffer;
  /** What was held back, once nothing more comes. */
  end(): Buffer;
}

export function createScrubber(secrets: readonly string[]): Scrubber {
  const needles = secrets.filter((secret) => secret !== "").map((secret) => Buffer.from(secret));
  let held: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      for (const needle of needles) {
        for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + needle.length)) {
          bytes.fill("*", at, at + needle.length);
        }
      }
      const keep = Math.max(0, ...needles.map((needle) => beginning(bytes, needle)));
      held = bytes.subarray(bytes.length - keep);
      return bytes.subarray(0, bytes.length - keep);
    },
    end() {
      const rest = held;
      held = Buffer.alloc(0);
      return rest;
    },
  };
}

/** How many bytes at the end of `bytes` are the beginning of `needle`. */
function beginning(bytes: Buffer, needle: Buffer): number {
  for (let length = Math.min(bytes.length, needle.length - 1); length > 0; length--) {
    if (bytes.compare(needle, 0, length, bytes.length - length) === 0) return length;
  }
  return 0;
}

export function scrubText(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "***")), text);
}
