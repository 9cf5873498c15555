import { RejectedError } from "@bellhop/sdk";
import type { Step } from "../../core/button.ts";
import { type Hooked, hookedOf } from "../../core/hooked.ts";
import { localTimes } from "../../core/prompt.ts";
import { titleOf } from "../../core/task.ts";
import type { Asked } from "../../store/commands.ts";
import type { OutboxRow } from "../../store/outbox.ts";
import type { ModelUse, Which, Why } from "../../store/why.ts";
import { TURNED_AWAY } from "../verdicts.ts";
import { type Command, may } from "./command.ts";
import { failedTurn, lostParts } from "./given-up.ts";
import type { Powers } from "./powers.ts";
import { counted, duration, excerpt } from "./words.ts";

/** Of a message in this chat: one that it replies to, one by its number, or the last one. */
export const why: Command = {
  name: "why",
  usage: "[#NUMBER]",
  summary: "what became of a message: reply to it, or give its number; else the last one",
  who: "anyone",
  async run({ asked, argument, powers }) {
    const found = await powers.why(asked.chat.id, which(asked, argument));
    if (!found) return "There is no such message in this chat.";
    const toOwner = may("owner", asked.sender.role);
    const text = [
      ...ofMessage(found, powers),
      ...ofTurn(found, toOwner, powers),
      ...found.models.map(ofModel),
      ...found.parts.flatMap(ofPart),
    ].join("\n");
    return { text, steps: stepsAfter(found, toOwner, powers) };
  },
};

/**
 * Which message a command is about.
 * @throws RejectedError where the argument names nothing
 */
export function which({ replyTo, seq }: Asked, argument: string, command = "why"): Which {
  if (argument === "") return replyTo === undefined ? { before: seq } : { ref: replyTo };
  const [, digits] = /^#?(\d{1,15})$/.exec(argument) ?? [];
  if (digits !== undefined) return { seq: Number(digits) };
  throw new RejectedError(`Reply to the message with /${command}, or give its number: /${command} #12`);
}

/** What whoever asked may do about it. The most important first: a platform may show but some. */
function stepsAfter(found: Why, byOwner: boolean, { emergency }: Powers): Step[] {
  const { message, turn } = found;
  const steps: Step[] = [];
  if (byOwner && emergency.paused) steps.push({ label: "Resume", command: "/resume" });
  if (byOwner && message?.reason === TURNED_AWAY)
    steps.push({ label: "Let them in", command: `/senders allow ${message.sender_id}` });
  const [lost] = lostParts(found);
  if (message && failedTurn(found).length > 0)
    steps.push({ label: "Try again", command: `/retry #${message.seq}` });
  else if (lost) steps.push({ label: "Send again", command: `/retry #${lost.seq}` });
  if (turn?.state === "running" || turn?.state === "waiting") steps.push({ label: "Stop", command: "/stop" });
  return steps;
}

const VERDICTS = { admitted: "Admitted", noted: "Not answered", refused: "Refused" } as const;

function ofMessage({ message, turn }: Why, powers: Powers): string[] {
  if (!message) return [];
  const { seq, sender_name, verdict, reason, command, state, context, session_id, group_id, hooks } = message;
  const text = message.written ?? message.text;
  const by = command !== null && verdict === "noted" ? "Answered by Bellhop itself" : VERDICTS[verdict];
  const lines = [`#${seq} from ${sender_name}: ${excerpt(text)}`, `${by}: ${reason}.`];
  const hooked = hookedOf(message.hooked);
  lines.push(...ofPlugins(hooked));
  if (message.written !== null) lines.push(`What is read instead: ${excerpt(message.text)}`);
  if (hooks === "held" && hooked.hold)
    lines.push(
      `It waits for the plugin ${hooked.hold.by}, for ${duration(Math.max(0, hooked.hold.until - powers.now()))} at most.`,
    );
  if (hooks === "waiting") lines.push("It waits until the plugins have looked at it.");
  if (state === "waiting" && session_id !== null)
    lines.push(`It waits for its turn: ${powers.explain(session_id, group_id)}.`);
  if (context === 1) lines.push("It is kept and rides along with the next message that calls me.");
  else if (verdict === "noted" && turn) lines.push("It rode along with a later message.");
  return lines;
}

function ofPlugins({ told }: Hooked): string[] {
  return told.map(({ plugin, what }) => `The plugin ${plugin} ${what}.`);
}

function ofTurn({ turn, task }: Why, toOwner: boolean, { now }: Powers): string[] {
  if (!turn) return [];
  const { id, state, attempt, lost, model, created_at, ended_at, retry_at, held_for } = turn;
  const took = duration((ended_at ?? now()) - created_at);
  const again = lost > 0 ? `, lost ${lost} times with the host` : "";
  const run =
    task &&
    `A run of the task ${task.id}, “${titleOf(task)}”, due ${localTimes(task.timezone)(task.scheduledFor)}.`;
  const lines = [
    ...(run === undefined ? [] : [run]),
    `Turn ${id.slice(0, 8)}: ${state}, ${counted(attempt, "attempt")}${again}, ${took}, model ${model}.`,
  ];
  if (state === "waiting" && held_for !== null) lines.push(`It waits until ${held_for} takes our key again.`);
  else if (state === "waiting" && retry_at !== null)
    lines.push(`It is tried again in ${duration(retry_at - now())}.`);
  if (turn.failure_class !== null) {
    const detail = toOwner && turn.failure_detail ? ` (${excerpt(turn.failure_detail)})` : "";
    lines.push(`${state === "failed" ? "It failed" : "An attempt failed"}: ${turn.failure_class}${detail}.`);
  }
  return lines;
}

function ofModel({ model, calls, inputTokens, outputTokens, costMicros, rehearsal }: ModelUse): string {
  const tokens = `${counted(inputTokens, "token")} in, ${counted(outputTokens, "token")} out`;
  const use = `${counted(calls, "call")} of ${model}: ${tokens}`;
  if (rehearsal) return `${use}. It was the rehearsal model, so nothing was paid.`;
  return costMicros === null
    ? `${use}; its price is not known.`
    : `${use}, $${(costMicros / 1_000_000).toFixed(4)}.`;
}

const KINDS = {
  text: "Answer",
  notice: "Notice",
  reaction: "Reaction",
  file: "File",
  draft: "Draft",
} as const;

function ofPart(row: OutboxRow): string[] {
  return [`${KINDS[row.kind]} #${row.seq}: ${delivery(row)}.`, ...ofPlugins(hookedOf(row.hooked))];
}

function delivery({ state, platform_id, error, attempts }: OutboxRow): string {
  const because = error === null ? "" : ` (${excerpt(error)})`;
  switch (state) {
    case "pending":
      return "waits to be sent";
    case "sending":
      return "is being sent";
    case "retry":
      return `could not be sent yet, ${counted(attempts, "attempt")}${because}`;
    case "sent":
      return `sent${platform_id === null ? "" : `, there known as ${platform_id}`}`;
    case "unknown":
      return `may or may not have arrived${because}`;
    case "dead":
      return `could not be delivered${because}`;
    default:
      return state satisfies never;
  }
}
