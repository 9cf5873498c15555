import { type ChatId, type GroupFolder, MAIN } from "../../core/ids.ts";
import { accountWords, type Status } from "../../core/status.ts";
import type { Command } from "./command.ts";
import type { Powers } from "./powers.ts";
import { counted, duration } from "./words.ts";

/** More than anybody reads; the rest is counted. */
const MOST_LISTED = 10;

/** Of the group; the owner in `main` sees the whole host. */
export const status: Command = {
  name: "status",
  summary: "what runs and what waits",
  who: "anyone",
  async run({ asked: { chat, sender }, powers }) {
    const whole = sender.role === "owner" && chat.folder === MAIN;
    const lines = whole ? await ofHost(powers, chat.id) : await ofGroup(powers, chat.folder, chat.id);
    return [...paused(powers), ...lines].join("\n");
  },
};

async function ofGroup(powers: Powers, group: GroupFolder, here: ChatId): Promise<string[]> {
  const { model, queue } = powers.settingsOf(group);
  return [
    ...describeWork(await powers.work(group), here, powers.now()),
    `Model: ${model}. What comes during an answer: ${queue}.`,
  ];
}

async function ofHost(powers: Powers, here: ChatId): Promise<string[]> {
  const host = await powers.host();
  const { rooms, outbox, usage, model, sandbox, accounts } = host;
  const { queue, model: mine } = powers.settingsOf(MAIN);
  const busy = rooms.filter(({ state }) => state === "busy" || state === "starting").length;
  const tokens = `${counted(usage.inputTokens, "token")} in, ${counted(usage.outputTokens, "token")} out`;
  const cost = usage.costMicros > 0 ? `, $${(usage.costMicros / 1_000_000).toFixed(2)}` : "";
  const ending = host.draining ? ", shutting down" : "";
  return [
    `Bellhop ${host.version}, up for ${duration(powers.now() - host.startedAt)}${ending}.`,
    ...describeWork(host, here, powers.now()),
    `Sandboxes: ${rooms.length} (${busy} busy), ${sandbox.runtime}.`,
    `To be delivered: ${outbox.open}; uncertain: ${outbox.unknown}; undelivered: ${outbox.dead}.`,
    ...accounts.map((account) => `Channel ${accountWords(account)}.`),
    `Model: ${mine}, by ${model.provider}. What comes during an answer: ${queue}.`,
    ...(model.routes.length > 1
      ? [`Model routes: ${model.routes.map(({ name, state }) => `${name} (${state})`).join(", ")}.`]
      : []),
    `Last 24 hours: ${counted(usage.calls, "model call")}, ${tokens}${cost}.`,
  ];
}

function describeWork({ turns, waiting }: Pick<Status, "turns" | "waiting">, here: ChatId, now: number) {
  const where = (chat: ChatId) => (chat === here ? "this chat" : chat);
  const lines = [
    ...turns.map(({ chat, startedAt, attempt, note }) => {
      const again = attempt > 1 ? `, attempt ${attempt}` : "";
      return `${where(chat)}: ${note}, for ${duration(now - startedAt)}${again}`;
    }),
    ...waiting.map(({ chat, messages, why }) => {
      return `${where(chat)}: ${counted(messages, "message waits", "messages wait")} (${why})`;
    }),
  ];
  if (lines.length === 0) return ["Nothing runs and nothing waits."];
  const more = lines.length - MOST_LISTED;
  return [...lines.slice(0, MOST_LISTED), ...(more > 0 ? [`… and ${more} more`] : [])];
}

function paused({ emergency, now }: Powers): string[] {
  if (!emergency.paused) return [];
  const { since, by, reason } = emergency.paused;
  const why = reason === "" ? "" : ` (${reason})`;
  return [`PAUSED for ${duration(now() - since)} by ${by}${why}. /resume ends it.`];
}
