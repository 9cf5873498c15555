import { RejectedError } from "@bellhop/sdk";
import type { Command } from "./command.ts";

/** As providers write them; the provider itself says whether there is such a one. */
const NAME = /^[\w.:/@[\]-]{1,128}$/;

export const model: Command = {
  name: "model",
  usage: "[NAME|default]",
  summary: "which model answers in this group",
  who: "admin",
  async run({ asked: { chat }, argument, powers }) {
    if (argument !== "" && !NAME.test(argument))
      throw new RejectedError("That is not the name of a model. /model default goes back to the usual one.");
    const wanted = argument.toLowerCase() === "default" ? null : argument;
    if (argument !== "") await powers.choose(chat.folder, { model: wanted });
    const now = powers.settingsOf(chat.folder).model;
    return argument === "" ? `The model is ${now}.` : `From the next answer on the model is ${now}.`;
  },
};
