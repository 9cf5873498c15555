/**
 * Ids of mails, without their angle brackets. Ours are made from the key of what is owed, so that a mail which is sent
 * again has the same one, and those of an account are known by their form.
 */
import { createHash } from "node:crypto";
import { domainOf } from "./address.ts";

/** Longer ones exist, and are of no use to anybody but as themselves. */
const MOST_LENGTH = 250;
/** Of a thread; clients cut the middle out of longer lists too. */
const MOST_IDS = 100;

export function ownId(key: string, address: string): string {
  return `bellhop.${digest(key).slice(0, 32)}@${domainOf(address)}`;
}

export function isOwnId(id: string, address: string): boolean {
  return /^bellhop\.[0-9a-f]{32}@/.test(id) && id.endsWith(`@${domainOf(address)}`);
}

/** Of a header: `<a@b> <c@d>`. */
export function idsIn(header: string): string[] {
  const ids = Array.from(header.matchAll(/<([^<>\s]+)>/g), ([, id = ""]) => short(id));
  return ids.length <= MOST_IDS ? ids : [...ids.slice(0, 1), ...ids.slice(1 - MOST_IDS)];
}

/** What stands for a mail that says no id of its own: the same mail has the same one. */
export function idOfContent(content: Uint8Array | string): string {
  return `sha256.${digest(content)}`;
}

/** How a thread is called in the id of its chat. */
export function rootOf(firstId: string): string {
  return digest(firstId).slice(0, 16);
}

function short(id: string): string {
  return id.length <= MOST_LENGTH ? id : idOfContent(id);
}

function digest(of: Uint8Array | string): string {
  return createHash("sha256").update(of).digest("hex");
}
