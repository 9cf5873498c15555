/**
 * `/retry`: what was given up is done once more, be it an answer that failed or a message that did not arrive, or may
 * not have. Once more only: what was taken up again is not given up any more, so that a second press finds nothing.
 */
import { RejectedError } from "@bellhop/sdk";
import { DeadLetterId } from "../../core/dead.ts";
import { type Command, may } from "./command.ts";
import { givenUp } from "./given-up.ts";
import { which } from "./why.ts";

export const retry: Command = {
  name: "retry",
  usage: "[#NUMBER]",
  summary: "try again what I gave up: reply to it, or give its number; else the last one",
  who: "anyone",
  async run({ asked, argument, powers }) {
    const named = DeadLetterId.safeParse(argument);
    // What was given up elsewhere is for whoever may look everywhere.
    if (named.success && !may("owner", asked.sender.role))
      throw new RejectedError(
        "Only the owner may name what was given up by its id: give its number here, #12.",
      );
    const found = named.success
      ? undefined
      : await powers.why(asked.chat.id, which(asked, argument, "retry"));
    const letters = named.success ? [named.data] : givenUp(found);
    let again = 0;
    for (const letter of letters) if (await powers.retry(letter)) again += 1;
    return again === 0 ? "There is nothing given up here that could be tried again." : "I try it again.";
  },
};
