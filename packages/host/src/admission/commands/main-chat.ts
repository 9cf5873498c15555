import { MAIN } from "../../core/ids.ts";
import type { Command } from "./command.ts";

/** Makes the chat part of `main`. Of a chat that no group has, admission has done it by now. */
export const mainChat: Command = {
  name: "main",
  usage: "[yes]",
  summary: "make this chat part of main, the group that administers the others",
  who: "owner",
  async run({ asked: { chat }, argument, powers }) {
    if (chat.folder === MAIN) return "This chat is part of main.";
    if (chat.direct === 0 && argument.toLowerCase() !== "yes")
      return "Several people write here: in main all of them would be heard by the group that administers the others. If you want it all the same, send: /main yes";
    await powers.bind(chat.id, MAIN);
    return "This chat is part of main now.";
  },
};
