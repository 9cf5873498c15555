import type { Command } from "./command.ts";
import { counted } from "./words.ts";

export const stop: Command = {
  name: "stop",
  summary: "end the answer under way",
  who: "anyone",
  async run({ asked: { session, sender, chat }, powers }) {
    const why = `stopped by ${sender.name}`;
    const what = session && (await powers.stop(session, why));
    const runs = await powers.stopTasks(chat.id, why);
    if (what === "stopped" || runs > 0) return "Stopped.";
    const { waiting } = await powers.work(chat.folder);
    const here = waiting.filter((one) => one.chat === chat.id);
    const [first] = here;
    if (!first) return "There is nothing to stop: I am not answering anything here.";
    const messages = here.reduce((sum, one) => sum + one.messages, 0);
    return `I am not answering anything here. ${counted(messages, "message waits", "messages wait")} (${first.why}).`;
  },
};
