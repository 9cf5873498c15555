/**
 * Who may call a hook, and how our answers are proved to be ours: the scheme of Standard Webhooks
 * (https://www.standardwebhooks.com), or the hook's key as a bearer token.
 *
 * - Each hook has a key of its own, made from the install's secret: one that gets out opens one hook, and
 *   counting up its `generation` closes it again.
 * - A signature is good for five minutes around its time. Sent again within them it has the same id, and the
 *   inbox takes an id once.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 5 * 60;
const PREFIX = "whsec_";

export interface Signed {
  readonly "webhook-id": string;
  /** Seconds since 1970. */
  readonly "webhook-timestamp": string;
  readonly "webhook-signature": string;
}

/** `whsec_` and 32 bytes in base64. */
export function keyOf(secret: string, hook: string, generation: number): string {
  return PREFIX + hmac(secret, `bellhop webhook\n${hook}\n${generation}`).toString("base64");
}

/** @param now wall clock, ms */
export function sign(key: string, id: string, body: Uint8Array, now: number): Signed {
  const timestamp = String(Math.floor(now / 1_000));
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${mac(key, id, timestamp, body).toString("base64")}`,
  };
}

export type Proof =
  /** `id`: what the caller calls this event, where it says so. */
  { readonly ok: true; readonly id: string | undefined } | { readonly ok: false; readonly why: string };

/** @param headers names in lower case */
export function prove(
  key: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  now: number,
): Proof {
  const id = headers["webhook-id"];
  const signature = headers["webhook-signature"];
  if (signature === undefined) {
    const [, token = ""] = /^Bearer\s+(\S+)\s*$/i.exec(headers["authorization"] ?? "") ?? [];
    if (token === "") return { ok: false, why: "sign the request, or send the hook's key as a bearer token" };
    if (!same(Buffer.from(token), Buffer.from(key)))
      return { ok: false, why: "the token is not this hook's" };
    return { ok: true, id: id ?? headers["idempotency-key"] };
  }
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (id === undefined || !/^\d{1,12}$/.test(timestamp)) {
    return {
      ok: false,
      why: "a signature needs webhook-id and webhook-timestamp (seconds since 1970) beside it",
    };
  }
  const expected = mac(key, id, timestamp, body);
  const given = signature.split(" ").flatMap((one) => (one.startsWith("v1,") ? [one.slice(3)] : []));
  if (!given.some((one) => same(Buffer.from(one, "base64"), expected))) {
    return { ok: false, why: "the signature does not fit the body, or was made with another key" };
  }
  if (Math.abs(now / 1_000 - Number(timestamp)) > TOLERANCE_S) {
    return {
      ok: false,
      why: `the signature is more than ${TOLERANCE_S / 60} minutes away from now; look at the clock`,
    };
  }
  return { ok: true, id };
}

function mac(key: string, id: string, timestamp: string, body: Uint8Array): Buffer {
  const secret = Buffer.from(key.slice(PREFIX.length), "base64");
  return createHmac("sha256", secret).update(`${id}.${timestamp}.`).update(body).digest();
}

function hmac(secret: string, text: string): Buffer {
  return createHmac("sha256", secret).update(text).digest();
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
