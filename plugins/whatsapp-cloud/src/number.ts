/**
 * One business number as a channel: notifications in, messages out, and the truth of how it stands.
 *
 * Nobody tells us that a message of ours arrived but by a notification, later; one that failed is a line in the log,
 * and the health of the number where its account is at fault.
 */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  type ChannelHealth,
  ConfigError,
  type Logger,
  NAME_ROOM,
  RejectedError,
  TemporaryError,
  type Wire,
} from "@bellhop/sdk";
import { once } from "node:events";
import { z } from "zod";
import { accountFault, closesWindow, CONNECT_AGAIN, wordsOf } from "./errors.ts";
import { createGraph, type Graph } from "./graph.ts";
import { toInbound } from "./inbound.ts";
import { fetchFile, MOST_FILE_BYTES } from "./media.ts";
import { type Change, Contact, Message, Status } from "./notification.ts";
import type { People } from "./people.ts";
import { createSend, MOST_CAPTION, MOST_TEXT } from "./send.ts";
import type { Credentials, Template } from "./settings.ts";

export interface NumberOptions {
  readonly account: string;
  readonly credentials: Credentials;
  readonly graphUrl: string;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for. */
  readonly callMs?: number | undefined;
  readonly people: ReturnType<People["of"]>;
  readonly template: Template | undefined;
  readonly readReceipts: boolean;
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly log: Logger;
}

/** More people than anybody answers at the same time. */
const MOST_UNREAD = 1_000;
const Done = z.object({ success: z.literal(true) });

export const Profile = z.object({
  display_phone_number: z.string(),
  verified_name: z.string().optional(),
});
export type Profile = z.infer<typeof Profile>;

/** Whose number it is. @throws ConfigError where WhatsApp does not know it, or not us */
export async function profileOf({ call, phoneNumberId }: Graph, signal: AbortSignal): Promise<Profile> {
  try {
    const query = { fields: "display_phone_number,verified_name" };
    return await call({ what: "the number", path: phoneNumberId, query, answer: Profile }, signal);
  } catch (cause) {
    if (!(cause instanceof RejectedError)) throw cause;
    throw new ConfigError(
      `WhatsApp knows no number with this phone number id that the token may use, or the app secret is another app's. ${CONNECT_AGAIN}`,
      { cause },
    );
  }
}

function abilitiesOf({ template, readReceipts }: NumberOptions): ChannelAbilities {
  return {
    maxTextLength: MOST_TEXT - NAME_ROOM,
    lengthUnit: "utf16",
    resend: { how: "twice" }, // it has no key for a message, and no way to look
    formatting: ["bold", "italic", "strikethrough", "code", "code-block", "quote", "list"],
    reactions: true,
    buttons: { most: 3 },
    quotes: true,
    edits: false,
    ...(readReceipts && { typingMs: 25_000 }),
    maxFileBytes: MOST_FILE_BYTES,
    maxCaptionLength: MOST_CAPTION,
    maxInboundFileBytes: MOST_FILE_BYTES,
    // To one person: one in six seconds in the long run, and 45 at once.
    rate: { chat: { calls: 45, perMs: 270_000 }, account: { calls: 80, perMs: 1_000 } },
    note: template
      ? "A day after a person's last message only short plain text reaches them (1,000 characters), no files."
      : "A day after a person's last message nothing can be sent to them until they write again.",
  };
}

export function createNumber(options: NumberOptions) {
  const { account, credentials, graphUrl, wire, callMs, people, readReceipts, now, log } = options;
  const graph = createGraph({ ...credentials, url: graphUrl, wire, callMs });
  const send = createSend({ ...options, graph });
  /** Set while somebody listens. */
  let accept: Accept | undefined;
  /** What their owner has to mend; and what may go by itself. */
  let fault: string | undefined;
  let doubt: string | undefined;
  /** By person, what they wrote last. */
  const unread = new Map<string, string>();
  let last: Promise<unknown> = Promise.resolve();

  async function watched<T>(work: Promise<T>): Promise<T> {
    try {
      const done = await work;
      [fault, doubt] = [undefined, undefined];
      return done;
    } catch (error) {
      if (error instanceof ConfigError) fault = error.message;
      throw error;
    }
  }

  async function taken({ messages, contacts, statuses }: Change): Promise<void> {
    for (const given of statuses) note(given);
    const known = contacts.flatMap((given) => Contact.safeParse(given).data ?? []);
    for (const given of messages) await hear(given, known);
  }

  async function hear(given: unknown, contacts: readonly Contact[]): Promise<void> {
    const message = Message.safeParse(given);
    const { from, from_user_id: userId } = message.data ?? {};
    const person = people.who(from, userId);
    if (!message.success || person === undefined)
      return log.warn("a message that cannot be read was passed over");
    const contact = contacts.find(
      ({ wa_id, user_id }) =>
        (wa_id !== undefined && wa_id === from) || (user_id !== undefined && user_id === userId),
    );
    const open = (media: string, signal: AbortSignal) => fetchFile(graph, media, signal);
    const inbound = toInbound(message.data, { person, contact, open });
    if (!inbound) return log.info("what is no message to us was passed over", { type: message.data.type });
    if (!accept) throw new TemporaryError("nobody listens to this number just now");
    // Before it is on disk: from then on it may be answered, and that must find the window open.
    if (inbound.kind === "message" || inbound.kind === "button") wrote(person, userId, message.data);
    try {
      await accept(inbound);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      // It would be refused each time that it came, and with it whatever came beside it.
      return log.warn("a message was refused, and passed over", { why: error.message });
    }
    doubt = undefined;
  }

  function wrote(person: string, userId: string | undefined, { id, timestamp }: Message): void {
    people.heard(person, userId, Math.min(timestamp * 1_000, now()));
    unread.delete(person);
    unread.set(person, id);
    const [oldest] = unread.keys();
    if (unread.size > MOST_UNREAD && oldest !== undefined) unread.delete(oldest);
  }

  /** What became of a message that WhatsApp had taken. */
  function note(given: unknown): void {
    const status = Status.safeParse(given);
    if (!status.success) return log.warn("a status that cannot be read was passed over");
    const { id, errors = [], recipient_id, recipient_user_id } = status.data;
    if (status.data.status !== "failed") {
      fault = undefined;
      return;
    }
    log.warn("WhatsApp did not deliver a message", { message: id, why: errors.map(wordsOf).join("; ") });
    const person = people.who(recipient_id, recipient_user_id);
    if (person !== undefined && errors.some(closesWindow)) people.shut(person);
    fault = errors.map(accountFault).find((why) => why !== undefined) ?? fault;
  }

  const channel: Channel = {
    name: "whatsapp-cloud",
    account,
    abilities: abilitiesOf(options),

    health(): ChannelHealth {
      if (fault !== undefined) return { state: "down", why: fault };
      if (!accept || doubt !== undefined) return { state: "connecting", why: doubt };
      return { state: "up" };
    },

    async listen(_cursor, accepts, signal) {
      accept = accepts;
      try {
        // Notifications come whether or not the API can be reached: only an account that is refused ends this.
        await watched(profileOf(graph, signal)).catch((error: unknown) => {
          signal.throwIfAborted();
          if (error instanceof ConfigError) throw error;
          doubt = error instanceof Error ? error.message : String(error);
        });
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        accept = undefined;
      }
    },

    send: (outbound, signal) => watched(send(outbound, signal)),

    ...(readReceipts && {
      async typing(chat: string, signal: AbortSignal) {
        const message = unread.get(chat);
        if (message === undefined) return; // it is shown on what they wrote, and we know of nothing
        const json = {
          messaging_product: "whatsapp",
          status: "read",
          message_id: message,
          typing_indicator: { type: "text" },
        };
        const path = `${graph.phoneNumberId}/messages`;
        await watched(graph.call({ what: "a sign of writing", path, json, answer: Done }, signal));
      },
    }),
  };

  return {
    channel,
    /** One notification after the other, so that they stay in order. Throws where something of it is not on disk. */
    async take(change: Change): Promise<void> {
      const here = last.then(() => taken(change));
      last = here.catch(() => undefined); // whoever waits for it answers for it
      return await here;
    },
  };
}
