import { RejectedError } from "@bellhop/sdk";
import type { Command } from "./command.ts";

const MODES = {
  steer: "what comes during an answer joins it",
  queue: "what comes during an answer waits for its end",
  interrupt: "what comes during an answer stops it and is answered instead",
} as const;
const NAMES = ["steer", "queue", "interrupt"] as const;

export const queue: Command = {
  name: "queue",
  usage: `[${NAMES.join("|")}|default]`,
  summary: "what a message does that comes during an answer",
  who: "admin",
  async run({ asked: { chat }, argument, powers }) {
    const wanted = argument.toLowerCase();
    const mode = NAMES.find((name) => name === wanted);
    if (mode !== undefined || wanted === "default") await powers.choose(chat.folder, { queue: mode ?? null });
    else if (wanted !== "")
      throw new RejectedError(`There is no such way. It is one of: ${NAMES.join(", ")}, default.`);
    const now = powers.settingsOf(chat.folder).queue;
    return `${now}: ${MODES[now]}.`;
  },
};
