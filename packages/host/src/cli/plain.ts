/**
 * What of a text that somebody else wrote may reach a person's terminal: no control characters, so no
 * escape sequence, no overwritten line, no reordered text. An agent must not drive a terminal.
 *
 * Works on any piece of a text, wherever it was cut: what is left of a sequence is harmless letters.
 */

/** Everything that makes a terminal act, but line feed and tab; and the two overrides of writing direction. */
const ACTING = /(?![\n\t])[\p{Cc}\u202d\u202e]/gu;

export function plain(text: string): string {
  return text.replace(ACTING, "");
}
