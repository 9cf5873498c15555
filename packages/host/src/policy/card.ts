/** How an owner is asked in a chat: all of what is to be done, and how to answer. */
import { type ApprovalRow, APPROVAL_MS, choicesOf } from "../store/approvals.ts";

export function cardOf(row: ApprovalRow): string {
  const { id, kind, folder, chat_id, words } = row;
  const choices = choicesOf(row);
  const why =
    kind === "approval"
      ? "It has read something from outside, so this is yours to decide."
      : "Nothing says yet whether it may.";
  return [
    `The agent of ${folder} (at work in ${chat_id}) wants to ${words}`,
    "",
    why,
    `Allow it: /approve ${id}${choices.includes("group") ? ` (from now on for this group: /approve ${id} group)` : ""}`,
    `Refuse it: /deny ${id}${choices.includes("never") ? ` (for good: /deny ${id} never)` : ""}`,
    `Without an answer it is refused in ${APPROVAL_MS / 60_000} minutes. On the machine: bellhop approvals`,
  ].join("\n");
}
