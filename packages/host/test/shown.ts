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
  return async (chat: PeerChat, fits: (message: PeerMessage) => boolean): Promise<PeerMessage> =>
    await until(() => chat.messages().find((message) => message.from === "us" && fits(message))).catch(
      notShown(fits, () => chat.messages().map(({ from, text }) => `${from}: ${text}`), journey),
    );
}

/**
 * For a wait that was in vain: what was waited for, what there is instead, and the end of the host's log.
 * @returns a function that throws
 */
export function notShown(
  fits: (one: never) => boolean,
  seen: () => readonly string[],
  { home }: Pick<Journey, "home">,
): (cause: unknown) => Promise<never> {
  return async (cause) => {
    const log = await readFile(homePaths(home).log, "utf8").catch((error: unknown) => String(error));
    const end = log.trimEnd().split("\n").slice(-LOG_LINES).join("\n");
    throw new Error(
      `nobody was shown: ${String(fits)}\n\nin the chat stands:\n${seen().join("\n")}\n\nthe log ends with:\n${end}`,
      { cause },
    );
  };
}
