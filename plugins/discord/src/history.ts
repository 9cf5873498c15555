/**
 * What was written while Discord kept nothing for us: the messages of the chats that we had heard, after the last
 * one of each (G4). Edits, deletions, reactions and presses of that time are gone, and so is whoever wrote for the
 * first time.
 */
import { type Logger, RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import type { Api } from "./api.ts";
import { Message } from "./events.ts";

const PAGE = 100;
/** Of a chat that was very busy meanwhile the oldest are read, and a line says so. */
const MOST_PAGES = 10;

const Item = z.object({ id: z.string().regex(/^\d+$/) });
const Page = z.array(Item.loose());

export interface HistoryParts {
  readonly api: Pick<Api, "ask">;
  readonly log: Pick<Logger, "warn" | "info">;
}

/** Oldest first; what cannot be read is left out with a line. @throws as `Api.ask`, but for chats that are gone */
export async function* messagesAfter(
  channel: string,
  last: string,
  { api, log }: HistoryParts,
  signal: AbortSignal,
): AsyncGenerator<Message, void> {
  let after = last;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const path = `/channels/${channel}/messages?after=${after}&limit=${PAGE}`;
    const found = await api
      .ask({ method: "GET", path, what: "what was written meanwhile" }, Page, signal)
      .catch((error: unknown) => {
        if (error instanceof RejectedError) return [];
        throw error;
      });
    const items = found.toSorted((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    for (const item of items) {
      const message = Message.safeParse(item);
      if (message.success) yield message.data;
      else log.warn("a message of Discord's history that cannot be read was passed over", { channel });
    }
    const newest = items.at(-1);
    if (!newest || items.length < PAGE) return;
    after = newest.id;
  }
  log.warn("more was written meanwhile than is read; the rest of it is not heard", { channel });
}
