/**
 * What people are told of a message that did not arrive, or may not have (G13, G25): one sentence in
 * its own chat, once per turn, and one to the owner with the reason. Nothing is said in a chat about
 * what was itself a word about something, so that no word leads to another.
 */
import { type Offer, onlyButtons } from "../core/button.ts";
import type { NewOutbound, OutboxRow } from "../store/outbox.ts";

export type Lost = "unknown" | "dead";

const SHOWN = 80;

/** For the chat; undefined where it is told nothing. */
export function wordTo(row: OutboxRow, lost: Lost, now: number): NewOutbound | undefined {
  if (row.kind !== "text" && row.kind !== "file") return undefined;
  const of = row.turn_id === null ? row.key : `${row.turn_id}:${row.chat_id}`;
  const text = sentence(row, lost);
  const steps = [
    { label: "Send again", command: `/retry #${row.seq}` },
    { label: "Why?", command: `/why #${row.seq}` },
  ];
  return { key: `${of}:undelivered`, kind: "notice", text, offer: onlyButtons(text, steps, now) };
}

function sentence({ kind, text }: OutboxRow, lost: Lost): string {
  const what = kind === "file" ? "A file of mine" : "A part of my answer";
  const outcome = lost === "dead" ? "could not be delivered" : "may not have arrived";
  return text === "" ? `${what} ${outcome}.` : `${what} ${outcome}. It begins: “${beginning(text)}”`;
}

function beginning(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN).toWellFormed()}…` : line;
}

/** For the owner; undefined for what was for the owner, or was never a message of its own. */
export function ownersWord({ chat_id, key, kind }: OutboxRow, lost: Lost, why: string): string | undefined {
  if (kind === "draft" || key.startsWith("notice:")) return undefined;
  const what = kind === "text" ? "message" : kind;
  return lost === "dead"
    ? `A ${what} to ${chat_id} could not be delivered: ${why}`
    : `Whether a ${what} to ${chat_id} arrived is not known: ${why}`;
}

/** What the owner may do about it. */
export function ownersOffer({ id }: OutboxRow, word: string, now: number): Offer | undefined {
  return onlyButtons(word, [{ label: "Send again", command: `/retry ${id}` }], now);
}
