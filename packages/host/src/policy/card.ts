/** How an owner is asked in a chat: all of what is to be done, and how to answer. */
import type { Offer } from "../core/button.ts";
import { type ApprovalRow, APPROVAL_MS, choicesOf } from "../store/approvals.ts";

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

const IN_TIME = `Without an answer it is refused in ${APPROVAL_MS / 60_000} minutes. On the machine: bellhop approvals`;

function question({ kind, folder, chat_id, words }: ApprovalRow): readonly string[] {
  const why =
    kind === "approval"
      ? "It has read something from outside, so this is yours to decide."
      : "Nothing says yet whether it may.";
  return [`The agent of ${folder} (at work in ${chat_id}) wants to ${words}`, "", why];
}
