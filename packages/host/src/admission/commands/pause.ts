import type { Command } from "./command.ts";
import { counted, duration } from "./words.ts";

/** The emergency stop (G27), and its end. */
export const pause: Command = {
  name: "pause",
  usage: "[REASON]",
  summary: "emergency stop: everything ends now and nothing begins until /resume",
  who: "owner",
  async run({ asked: { sender }, argument, powers: { emergency } }) {
    const { sandboxes, kept } = await emergency.pause(sender.name, argument);
    const ended = counted(sandboxes, "sandbox was", "sandboxes were");
    const lost = kept ? "" : " It could not be written down: a restart would end it.";
    return `PAUSED. ${ended} ended. Messages are kept; nothing is answered or sent until /resume.${lost}`;
  },
};

export const resume: Command = {
  name: "resume",
  summary: "the end of /pause",
  who: "owner",
  async run({ powers: { emergency, now } }) {
    const since = emergency.paused?.since;
    if (!(await emergency.resume())) return "Nothing is paused.";
    const after = since === undefined ? "" : ` after ${duration(now() - since)}`;
    return `Going on${after}. What was waiting is taken up again.`;
  },
};
