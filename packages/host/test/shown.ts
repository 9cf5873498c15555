/** What people are shown on a fake platform, waited for; and where it is not shown, what there is in its place. */
import type { Changes, PeerChat, PeerMessage } from "@bellhop/sdk/testing";
import { readFile } from "node:fs/promises";
import { homePaths } from "../src/config.ts";
import type { Journey } from "./journey.ts";

/** As many lines of the log as tell what happened last. */
const LOG_LINES = 40;

/**
 * @returns a function that resolves with the first message of ours in a chat that fits, now or as soon as there is one
 * @param journey of the host that is to show it
 */
export function showsBy({ until }: Pick<Changes, "until">, journey: Pick<Journey, "home">) {
  return async (chat: PeerChat, fits: (message: PeerMessage) => boolean): Promise<PeerMessage> => {
    const find = () => chat.messages().find((message) => message.from === "us" && fits(message));
    return await until(find).catch(async (cause: unknown) => {
      const seen = chat.messages().map(({ from, text }) => `${from}: ${text}`);
      throw await notShown(String(fits), seen, journey, cause);
    });
  };
}

/** What was waited for, what was seen, and the end of the host's log. */
export async function notShown(
  what: string,
  seen: readonly string[],
  { home }: Pick<Journey, "home">,
  cause: unknown,
): Promise<Error> {
  const log = await readFile(homePaths(home).log, "utf8").catch((error: unknown) => String(error));
  const end = log.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
  return new Error(
    `nobody was shown: ${what}\n\nin the chat stands:\n${seen.join("\n")}\n\nthe log ends with:\n${end}`,
    { cause },
  );
}
