/**
 * A chat command: one file each. The host answers it by itself; no model ever sees it.
 *
 * A command may be run a second time when the host died before its answer was stored, so each must be
 * harmless to repeat.
 */
import type { Step } from "../../core/button.ts";
import type { Asked } from "../../store/commands.ts";
import type { Powers } from "./powers.ts";

/** `anyone`: who may speak with the assistant at all. */
type Rank = "anyone" | "admin" | "owner";

export interface Command {
  readonly name: string;
  /** What follows the name, as /help shows it. */
  readonly usage?: string;
  /** For /help: a few words. */
  readonly summary: string;
  readonly who: Rank;
  /** The chat's conversation is put away by the commit of the command itself. */
  readonly startsAfresh?: boolean;
  /** Somebody who may not has tried: where that is to be on record. */
  refused?(context: CommandContext): Promise<void>;
  /** Returns the answer. @throws RejectedError with a sentence for the person */
  run(context: CommandContext): Promise<string | AnswerWithSteps>;
}

/** An answer after which something may be done, by whoever may. */
export interface AnswerWithSteps {
  readonly text: string;
  readonly steps: readonly Step[];
}

export interface CommandContext {
  readonly asked: Asked;
  readonly argument: string;
  readonly powers: Powers;
  /** All that there are. */
  readonly commands: readonly Command[];
}

export function may(who: Rank, role: Asked["sender"]["role"]): boolean {
  switch (who) {
    case "anyone":
      return role !== "stranger";
    case "admin":
      return role === "owner" || role === "admin";
    case "owner":
      return role === "owner";
    default:
      return who satisfies never;
  }
}

/** For a refusal. */
export const WHO: Record<Rank, string> = {
  anyone: "those who may speak with me",
  admin: "an admin of this group or the owner",
  owner: "the owner",
};
