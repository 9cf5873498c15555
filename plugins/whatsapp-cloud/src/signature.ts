/** Whether a request is Meta's: what it signed and what it knows. However much of it is right, it takes as long. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** As the header `X-Hub-Signature-256` says it, over exactly these bytes. */
export function signatureOf(body: Uint8Array, appSecret: string): string {
  return `sha256=${createHmac("sha256", appSecret).update(body).digest("hex")}`;
}

/** Proves to the Graph API that whoever has the token has the app's secret too. */
export function proofOf(token: string, appSecret: string): string {
  return createHmac("sha256", appSecret).update(token).digest("hex");
}

export function same(given: string, expected: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
