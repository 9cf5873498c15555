/** The forms in which a server may repeat a secret that it was sent: as it is, and as it was carried. */
import type { Binding } from "./binding.ts";
import { pairOf } from "./places.ts";

export function formsOf(value: string, bind: readonly Binding[]): string[] {
  const pairs = bind.flatMap((binding) => (binding.as === "basic" ? [pairOf(binding, value)] : []));
  // The password alone, where the secret is a pair.
  const passwords = pairs.map((pair) => pair.slice(pair.indexOf(":") + 1));
  const forms = [value, ...pairs, ...passwords].flatMap((text) => [text, ...encodingsOf(text)]);
  // The longest first: one may be the beginning of another.
  return [...new Set(forms)].filter((form) => form.length >= 4).sort((a, b) => b.length - a.length);
}

function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const url = encodeURIComponent(text);
  const base64 = bytes.toString("base64");
  return [
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    new URLSearchParams([["", text]]).toString().slice(1),
    JSON.stringify(text).slice(1, -1),
    base64,
    base64.replace(/=+$/, ""),
    bytes.toString("base64url"),
    encodeURIComponent(base64),
  ];
}
