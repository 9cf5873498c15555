/**
 * What was written while Discord kept nothing for us (G4): the messages of the chats that we had heard, after the last
 * one of each, and of the other channels and threads of our servers, after the last one that we heard anywhere. Edits,
 * deletions, reactions and presses of that time are gone, and so is whoever began a direct message: of those Discord
 * has no list.
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

const Guilds = z.array(z.object({ id: z.string() }));
/** What has messages has a last one. Snowflakes grow with time, in all of Discord. */
const Channels = z.array(z.object({ id: z.string(), last_message_id: z.string().regex(/^\d+$/).nullish() }));
const Threads = z.object({ threads: Channels });

/** A server's bot is in few servers, and a question is asked of each. */
const MOST_GUILDS = 20;
const MOST_UNHEARD = 40;

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
    const found = await asked(path, Page, [], { api, signal });
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

/** `none` where Discord does not say it: the chat or the server is gone, or not for us. */
async function asked<T>(
  path: string,
  form: z.ZodType<T>,
  none: T,
  { api, signal }: Pick<HistoryParts, "api"> & { readonly signal: AbortSignal },
): Promise<T> {
  return await api
    .ask({ method: "GET", path, what: "what was written meanwhile" }, form, signal)
    .catch((error: unknown) => {
      if (error instanceof RejectedError) return none;
      throw error;
    });
}

/**
 * Channels and threads in which somebody wrote after all that we heard, and which are not among it.
 * @param heard channels, each with the last message that we heard there
 * @returns channels, each with the message after which it is to be read
 * @throws as `Api.ask`, but for servers that do not say it
 */
export async function unheard(
  heard: readonly (readonly [string, string])[],
  { api, log }: HistoryParts,
  signal: AbortSignal,
): Promise<[string, string][]> {
  const [last] = heard.map(([, message]) => message).toSorted((a, b) => (BigInt(a) > BigInt(b) ? -1 : 1));
  if (last === undefined) return [];
  const known = new Set(heard.map(([channel]) => channel));

  const within = { api, signal };
  const found: [string, string][] = [];
  const guilds = await asked("/users/@me/guilds", Guilds, [], within);
  for (const { id } of guilds.slice(0, MOST_GUILDS)) {
    const channels = await asked(`/guilds/${id}/channels`, Channels, [], within);
    const { threads } = await asked(`/guilds/${id}/threads/active`, Threads, { threads: [] }, within);
    for (const { id: channel, last_message_id: newest } of [...channels, ...threads]) {
      if (newest && BigInt(newest) > BigInt(last) && !known.has(channel)) found.push([channel, last]);
    }
  }
  if (guilds.length > MOST_GUILDS || found.length > MOST_UNHEARD)
    log.warn("more was written meanwhile than is read; some channels are not heard", {
      servers: guilds.length,
      channels: found.length,
    });
  return found.slice(0, MOST_UNHEARD);
}
