/**
 * `/approve` and `/deny`: an owner's answer to what an agent asked for (policy/questions.ts). Who is no owner is
 * told so, and that they tried is recorded.
 */
import { RejectedError } from "@bellhop/sdk";
import { ApprovalId } from "../../core/trust.ts";
import type { Answer, Decided, Decider } from "../../policy/questions.ts";
import type { Asked } from "../../store/commands.ts";
import { type Command, may } from "./command.ts";

export const approve: Command = {
  name: "approve",
  usage: "ID … [group]",
  summary: "allow what I asked for",
  who: "owner",
  refused: async ({ asked, powers }) => await powers.approvals.refused(deciderOf(asked)),
  run: async ({ asked, argument, powers }) => {
    const { ids, word } = parse(argument, "group");
    return told(await powers.approvals.decide(ids, word ? "group" : "once", deciderOf(asked)));
  },
};

export const deny: Command = {
  name: "deny",
  usage: "ID … [never]",
  summary: "refuse what I asked for",
  who: "owner",
  refused: async ({ asked, powers }) => await powers.approvals.refused(deciderOf(asked)),
  run: async ({ asked, argument, powers }) => {
    const { ids, word } = parse(argument, "never");
    const answer: Answer = word ? "never" : "deny";
    return told(await powers.approvals.decide(ids, answer, deciderOf(asked)));
  },
};

function parse(argument: string, last: string): { ids: ApprovalId[]; word: boolean } {
  const words = argument
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((one) => one !== "");
  const word = words.at(-1) === last;
  const ids = (word ? words.slice(0, -1) : words).map((one) => {
    const id = ApprovalId.safeParse(one);
    if (id.success) return id.data;
    throw new RejectedError(
      `${JSON.stringify(one)} is not the id of a question; it has 8 letters and digits.`,
    );
  });
  if (ids.length === 0) throw new RejectedError("Say which: the id stands in the question.");
  return { ids: [...new Set(ids)], word };
}

function deciderOf({ sender, chat }: Asked): Decider {
  return {
    who: `${sender.name} (${sender.id})`,
    owner: may("owner", sender.role),
    chat: { id: chat.id, alone: chat.direct === 1 },
  };
}

function told(decided: readonly Decided[]): string {
  return decided
    .map(({ id, outcome, words }) => {
      switch (outcome) {
        case "approved":
          return `Allowed (${id}): ${words}`;
        case "denied":
          return `Refused (${id}): ${words}`;
        case "gone":
          return `${id} is not open any more.`;
        default:
          return outcome satisfies never;
      }
    })
    .join("\n");
}
