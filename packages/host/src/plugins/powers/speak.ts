/**
 * What a plugin brings into a chat: an event from outside (`event`), or a message to the people in it (`send`).
 * Both go the way that everything goes, admission or the outbox; the same id is the same thing. On record.
 */
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { ChatId } from "../../core/ids.ts";
import { type Size, splitText } from "../../core/split.ts";
import type { ExternalEvent } from "../../admission/admission.ts";
import { type Asking, type ChatFor, type Place, power, type Powers } from "./power.ts";
import { createRate } from "./rate.ts";

export interface SpeakParts {
  readonly chatFor: ChatFor;
  readonly event: (plugin: string, event: ExternalEvent) => Promise<void>;
  readonly owe: (message: {
    chat: ChatId;
    groupId: number;
    key: string;
    texts: readonly string[];
  }) => Promise<boolean>;
  readonly deliver: (chat: ChatId) => void;
  /** How long a message of this chat may be. */
  readonly sizeOf: (chat: ChatId) => Size;
  readonly note: (entry: {
    actor: string;
    groupId: number;
    action: string;
    subject: string;
    allowed: boolean;
    detail: string;
  }) => Promise<void>;
  readonly clock: Clock;
}

const PER_MINUTE = 60;
const Id = z.string().min(1).max(200);
const Text = z.string().max(1024 * 1024);

const Event = z.strictObject({
  id: Id,
  chat: ChatId,
  text: Text,
  sender: z.string().trim().min(1).max(200).optional(),
  wakes: z.boolean(),
});
const Message = z.strictObject({
  id: Id,
  chat: ChatId,
  text: Text.refine((text) => text.trim() !== "", "is empty"),
});

export function speakPowers({ chatFor, event, owe, deliver, sizeOf, note, clock }: SpeakParts): Powers {
  const events = createRate(clock, PER_MINUTE, "events");
  const messages = createRate(clock, PER_MINUTE, "messages");

  /** What was said is no business of the record. */
  async function record(plugin: Asking, action: string, place: Place, detail: string): Promise<void> {
    await note({
      actor: `the plugin ${plugin.name}`,
      groupId: place.group_id,
      action: `plugin.${action}`,
      subject: `chat:${place.id}`,
      allowed: true,
      detail,
    });
  }

  return {
    event: power("events", Event, async (plugin, asked) => {
      const place = await chatFor(plugin, asked.chat);
      events.take(plugin.name);
      await record(plugin, "event", place, `${asked.wakes ? "to be answered" : "as context"}: ${asked.id}`);
      await event(plugin.name, asked);
      return undefined;
    }),

    send: power("send", Message, async (plugin, { id, chat, text }) => {
      const place = await chatFor(plugin, chat);
      messages.take(plugin.name);
      await record(plugin, "send", place, id);
      const key = `plugin:${plugin.name}:${JSON.stringify([chat, id])}`;
      const texts = splitText(text.toWellFormed(), sizeOf(chat));
      if (await owe({ chat, groupId: place.group_id, key, texts })) deliver(chat);
      return undefined;
    }),
  };
}
