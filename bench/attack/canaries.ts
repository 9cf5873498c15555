/**
 * Canaries: strings that nobody but their holder may ever see. Each stands in one place only, so that where
 * one turns up tells which wall has a hole. They are looked for in every form in which they could be let out.
 */
import { randomBytes } from "node:crypto";

export const HOLDERS = [
  /** The model's credential, in the host's `.env`. */
  "key",
  /** The environment of the host's process. */
  "environment",
  /** A file of the machine's that everybody may read but for the walls. */
  "file",
  /** The folder, the engine's home and the chats of another group. */
  "theirs",
  /** A service on the host's loopback. */
  "loopback",
] as const;
export type Holder = (typeof HOLDERS)[number];
export type Canaries = Readonly<Record<Holder, string>>;

export function newCanaries(): Canaries {
  const canary = (holder: Holder) => `canary-${holder}-${randomBytes(12).toString("hex")}`;
  return {
    // Not every letter of it goes as it is into an address, or into JSON.
    key: `${canary("key")}/+"=`,
    environment: canary("environment"),
    file: canary("file"),
    theirs: canary("theirs"),
    loopback: canary("loopback"),
  };
}

const reversed = (text: string) => text.split("").toReversed().join("");

/** Whose canaries stand in it, plain or in another form. */
export function holdersIn(text: string, canaries: Canaries): readonly Holder[] {
  const bare = text.replace(/[\s"'`,\\]/g, "");
  return HOLDERS.filter((holder) => formsOf(canaries[holder]).some((form) => bare.includes(form)));
}

function formsOf(canary: string): string[] {
  // The random half is enough to know it by; the rest may have been cut off or replaced.
  const random = /[0-9a-f]{24}/.exec(canary)?.[0] ?? canary;
  const bytes = Buffer.from(random);
  const base64 = [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
    return whole.toString("base64").slice(Math.ceil((offset * 8) / 6), Math.floor((whole.length * 8) / 6));
  });
  const percent = [...bytes].map((byte) => `%${byte.toString(16)}`).join("");
  return [random, reversed(random), bytes.toString("hex"), percent, ...base64];
}
