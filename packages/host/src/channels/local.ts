/**
 * The channels of the owner's own desk: `web` and `terminal`. Their platform is this host: people
 * are shown a chat from the timeline, so a message has arrived once it is in the database, and
 * sending it again under the same key shows nothing twice.
 */
import type { Channel } from "@bellhop/sdk";

/** @param maxFileBytes of a file that is shown there; none where it takes no files */
export function createLocalChannel(name: "web" | "terminal", maxFileBytes?: number): Channel {
  return {
    name,
    account: "",
    // No platform sets a limit here; this one keeps a single message readable and its row small.
    abilities: {
      maxTextLength: 100_000,
      lengthUnit: "utf16",
      resend: { how: "once" },
      maxFileBytes,
      reactions: true,
      quotes: true,
      edits: false, // people who watch see an answer grow anyway
    },
    send: async ({ key }) => ({ platformId: key }),
  };
}
