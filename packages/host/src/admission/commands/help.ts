import { type Command, may } from "./command.ts";

/** Only what the person who asks may use. */
export const help: Command = {
  name: "help",
  summary: "this list",
  who: "anyone",
  async run({ asked, commands }) {
    const theirs = commands.filter(({ who }) => may(who, asked.sender.role));
    return theirs
      .map(({ name, usage, summary }) => `/${name}${usage === undefined ? "" : ` ${usage}`} – ${summary}`)
      .join("\n");
  },
};
