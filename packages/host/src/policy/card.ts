/** How an owner is asked in a chat: all of what is to be done, and how to answer. */
import type { Offer } from "../core/button.ts";
import type { ChatId } from "../core/ids.ts";
import type { ApprovalId } from "../core/trust.ts";
import { type ApprovalRow, APPROVAL_MS, choicesOf } from "../store/approvals.ts";

/** What the cards of a question are owed under: in the notices, and in each chat of the owner's. */
export const cardKey = (id: ApprovalId, chat?: ChatId): string =>
  chat === undefined ? `approval:${id}` : `approval:${id}:${chat}`;

export function cardOf(row: ApprovalRow): string {
  const { id } = row;
  const choices = choicesOf(row);
  return [
    ...question(row),
    `Allow it: /approve ${id}${choices.includes("group") ? ` (from now on for this group: /approve ${id} group)` : ""}`,
    `Refuse it: /deny ${id}${choices.includes("never") ? ` (for good: /deny ${id} never)` : ""}`,
    IN_TIME,
  ].join("\n");
}

/** The same answers at the press of a button, for where those are shown. */
export function cardOffer(row: ApprovalRow): Offer {
  const { id, expires_at: until } = row;
  const choices = choicesOf(row);
  return {
    instead: [...question(row), IN_TIME].join("\n"),
    until,
    buttons: [
      { label: "Allow once", command: `/approve ${id}` },
      { label: "Refuse", command: `/deny ${id}` },
      ...(choices.includes("group") ? [{ label: "Allow from now on", command: `/approve ${id} group` }] : []),
      ...(choices.includes("never") ? [{ label: "Refuse for good", command: `/deny ${id} never` }] : []),
    ],
  };
}

/** Of what was asked, once nobody has to decide about it any more. */
const MOST_RECALLED = 300;

/** What the card reads once it is decided, or its time is over. */
export function closedCard(row: ApprovalRow): string {
  const { folder, chat_id: chat, words } = row;
  const asked = words.length > MOST_RECALLED ? `${words.slice(0, MOST_RECALLED).toWellFormed()}…` : words;
  return `The agent of ${folder} (at work in ${chat}) wanted to ${asked}\n\n${outcome(row)}`;
}

function outcome({ choice, decided_by: by }: ApprovalRow): string {
  if (by === null) return "Refused: nobody answered in time.";
  switch (choice) {
    case "once":
      return `Allowed by ${by}.`;
    case "group":
      return `Allowed from now on by ${by}.`;
    case "never":
      return `Refused for good by ${by}.`;
    case null:
      return `Refused by ${by}.`;
    default:
      return choice satisfies never;
  }
}

const IN_TIME = `Without an answer it is refused in ${APPROVAL_MS / 60_000} minutes. On the machine: bellhop approvals`;

function question({ kind, folder, chat_id, words }: ApprovalRow): readonly string[] {
  const why =
    kind === "approval"
      ? "It has read something from outside, so this is yours to decide."
      : "Nothing says yet whether it may.";
  return [`The agent of ${folder} (at work in ${chat_id}) wants to ${words}`, "", why];
}
