import type { Command } from "./command.ts";

/**
 * The conversation was put away by the commit of the command; what is left is to end what still runs in
 * it. What was written before and waits is answered in the fresh one.
 */
export const fresh: Command = {
  name: "new",
  summary: "begin a new conversation; the one until now is put away",
  who: "anyone",
  startsAfresh: true,
  async run({ asked: { session, sender }, powers }) {
    if (session === undefined) return "This is a new conversation already.";
    const stopped = await powers.stop(session, `${sender.name} began a new conversation`);
    await powers.closeRoom(session);
    const before = stopped === "stopped" ? "I stopped the answer under way. " : "";
    return `${before}This is a new conversation: of the one before I only know what I have noted down.`;
  },
};
