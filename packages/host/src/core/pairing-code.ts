/**
 * Pairing codes: eight characters that nobody mixes up when they are read aloud or typed. Forty bits, good
 * for an hour and three tries.
 *
 * - Each has a digit, so that no word of eight letters is ever taken for one.
 * - What is kept is their hash. It guards a copy of the database that is looked at later, not against
 *   whoever reads it within the hour: they have the house anyway.
 */
import { createHash } from "node:crypto";

/** 32 characters: no I, O, 0 or 1. */
const ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LENGTH = 8;
export const CODE_LIVES_MS = 60 * 60_000;
/** Wrong codes from one place within `CODE_LIVES_MS`. */
export const CODE_TRIES = 3;
/** A text that holds more words of this form is no message of a person who pairs. */
const MOST_LOOKED_AT = 200;

const SHAPE = /(?<![0-9a-z])[2-9a-hj-np-z]{4}-?[2-9a-hj-np-z]{4}(?![0-9a-z])/gi;

const WHOLE = /^(?=.*\d)[2-9A-HJ-NP-Z]{8}$/;

export function newCode(random: (bytes: number) => Uint8Array): string {
  for (;;) {
    const code = Array.from(random(LENGTH), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
    if (/\d/.test(code)) return code;
  }
}

/** Whatever in a text has the form of a code, as codes are written. */
export function codesIn(text: string): readonly string[] {
  const found = new Set<string>();
  const whole = asCode(text.slice(0, 100));
  if (whole !== undefined) found.add(whole);
  for (const [word] of text.matchAll(SHAPE)) {
    const code = asCode(word);
    if (code !== undefined) found.add(code);
    if (found.size === MOST_LOOKED_AT) break;
  }
  return [...found];
}

/** The code that this text is, and nothing else but `/start` or `/pair` before it. */
export function asCode(text: string): string | undefined {
  const code = text
    .trim()
    .replace(/^\/(?:start|pair)\s+/i, "")
    .replaceAll(/[- ]/g, "")
    .toUpperCase();
  return WHOLE.test(code) ? code : undefined;
}

export function hashCode(code: string): string {
  return createHash("sha256").update(`bellhop pairing code ${code}`).digest("hex");
}
