import type { Command } from "./command.ts";
import { counted, duration } from "./words.ts";

const HOW = "/senders allow WHO, /senders deny WHO: a code, or a sender such as telegram:7";
/** More than anybody reads. */
const MOST_LISTED = 10;

/** Who waits to be let in, and the owner's word on them. */
export const senders: Command = {
  name: "senders",
  usage: "[allow|deny WHO]",
  summary: "strangers who wait to be let in",
  who: "owner",
  async run({ asked: { sender }, argument, powers: { senders: desk, now } }) {
    const [verb = "", who = "", ...more] = argument.split(/\s+/);
    const by = `${sender.name} (${sender.id})`;
    if (more.length === 0 && who !== "" && verb === "allow")
      return `${(await desk.allow(who, by)).sender} is let in. What was held is answered now.`;
    if (more.length === 0 && who !== "" && verb === "deny")
      return `${(await desk.deny(who, by)).sender} is turned away.`;
    if (argument !== "") return `I did not understand that. ${HOW}.`;
    const { waiting } = await desk.list();
    if (waiting.length === 0) return "Nobody waits to be let in.";
    const lines = waiting
      .slice(0, MOST_LISTED)
      .map(
        (one) =>
          `${one.name} (${one.sender}): ${counted(one.messages, "message")} held, for ${duration(one.expiresAt - now())} more`,
      );
    const rest = waiting.length - lines.length;
    return [...lines, ...(rest > 0 ? [`… and ${rest} more`] : []), `${HOW}.`].join("\n");
  },
};
