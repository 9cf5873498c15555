/**
 * From what the host owes to one message of WhatsApp's. A second one is made only where the first was refused for
 * sure, because the day in which a person may be answered was over after all.
 *
 * Then, and wherever we know it ourselves, a text goes as the variable of the template that the owner has set up. That
 * is one line of at most 1,024 characters: lines are joined, and what does not fit is refused and never shortened.
 */
import {
  type Button,
  type Outbound,
  type OutboundOf,
  RejectedError,
  sendingBy,
  type Sent,
} from "@bellhop/sdk";
import { z } from "zod";
import { ClosedWindowError } from "./errors.ts";
import type { Graph } from "./graph.ts";
import { kindOf, MOST_FILE_BYTES, store } from "./media.ts";
import type { People } from "./people.ts";
import type { Template } from "./settings.ts";

/** In UTF-16, as all that follows. */
export const MOST_TEXT = 4_096;
export const MOST_CAPTION = 1_024;
/** Of a text with buttons. A list, which opens at the press of one, may be longer. */
const MOST_BUTTON_TEXT = 1_024;
const MOST_VARIABLE = 1_024;

export interface SendParts {
  readonly graph: Pick<Graph, "call" | "phoneNumberId">;
  readonly people: ReturnType<People["of"]>;
  readonly template: Template | undefined;
  /** Wall clock, ms. */
  readonly now: () => number;
}

const Answer = z.object({ messages: z.tuple([z.object({ id: z.string().min(1) })], z.unknown()) });

/** @returns `Channel.send` */
export function createSend({ graph, people, template, now }: SendParts) {
  async function post(chat: string, what: string, message: object, signal: AbortSignal): Promise<Sent> {
    const json = {
      messaging_product: "whatsapp",
      recipient_type: "individual",
      ...addressOf(chat),
      ...message,
    };
    const path = `${graph.phoneNumberId}/messages`;
    const { messages } = await graph.call({ what, path, json, answer: Answer }, signal);
    return { platformId: messages[0].id };
  }

  async function sendText(
    { chat, text, sender, replyTo, buttons = [] }: OutboundOf<"text">,
    signal: AbortSignal,
  ) {
    const body = await shown(text, MOST_TEXT, sender);
    const message =
      buttons.length > 0
        ? { type: "interactive", interactive: withButtons(body, buttons) }
        : { type: "text", text: { body, preview_url: false } };
    return await post(chat, "a text", { ...quoting(replyTo), ...message }, signal);
  }

  async function sendFile(
    { chat, file, text, replyTo }: OutboundOf<"file">,
    signal: AbortSignal,
  ): Promise<Sent> {
    if (file.bytes > MOST_FILE_BYTES) throw new RejectedError("WhatsApp takes files of at most 100 MB");
    const caption = text === "" ? "" : await shown(text, MOST_CAPTION);
    const kind = kindOf(file, caption);
    const id = await store(graph, file, kind, signal);
    const media = {
      id,
      ...(caption === "" ? {} : { caption }),
      ...(kind === "document" ? { filename: file.name } : {}),
    };
    return await post(chat, "a file", { ...quoting(replyTo), type: kind, [kind]: media }, signal);
  }

  async function react({ chat, to, emoji }: OutboundOf<"reaction">, signal: AbortSignal): Promise<Sent> {
    return await post(chat, "a reaction", { type: "reaction", reaction: { message_id: to, emoji } }, signal);
  }

  const within = sendingBy({ text: sendText, file: sendFile, reaction: react });

  async function outside(outbound: Outbound, signal: AbortSignal): Promise<Sent> {
    const silent = "They have not written for a day, and WhatsApp lets only a template through until they do";
    if (outbound.kind !== "text") throw new ClosedWindowError(`${silent}: no file and no reaction.`);
    if (!template)
      throw new ClosedWindowError(
        `${silent}. Set one up for what is said then: docs/whatsapp-cloud.md says how.`,
      );
    const { chat, text, sender, buttons = [] } = outbound;
    if (buttons.length > 0) throw new ClosedWindowError(`${silent}: no buttons.`);
    const words = await oneLine(text, sender);
    if (words.length > MOST_VARIABLE)
      throw new ClosedWindowError(
        `${silent}. It holds ${MOST_VARIABLE} characters, and this has ${words.length}: say it shorter.`,
      );
    const { name, language, variable } = template;
    const parameter = { type: "text", text: words, ...(variable && { parameter_name: variable }) };
    const message = {
      type: "template",
      template: {
        name,
        language: { code: language },
        components: [{ type: "body", parameters: [parameter] }],
      },
    };
    return await post(chat, "a template", message, signal);
  }

  return async function send(outbound: Outbound, signal: AbortSignal): Promise<Sent> {
    const { chat } = outbound;
    addressOf(chat);
    if (!people.mayBeAnswered(chat, now())) return await outside(outbound, signal);
    try {
      return await within(outbound, signal);
    } catch (error) {
      if (!(error instanceof ClosedWindowError)) throw error;
      people.shut(chat);
      return await outside(outbound, signal);
    }
  };
}

/**
 * A number, or the id that somebody who hides theirs has with us.
 * @throws RejectedError
 */
function addressOf(chat: string): { to: string } | { recipient: string } {
  if (/^\d{1,20}$/.test(chat)) return { to: chat };
  if (/^[A-Z]{2}\.[A-Za-z0-9.]{1,140}$/.test(chat)) return { recipient: chat };
  throw new RejectedError(
    `"${chat}" is nobody on WhatsApp: it takes numbers with their country's, without +`,
  );
}

function quoting(replyTo: string | undefined) {
  return replyTo === undefined ? {} : { context: { message_id: replyTo } };
}

function withButtons(text: string, buttons: readonly Button[]) {
  const body = { text };
  if (text.length > MOST_BUTTON_TEXT) {
    const rows = buttons.map(({ id, label }) => ({ id, title: label }));
    return { type: "list", body, action: { button: "Answer", sections: [{ rows }] } };
  }
  const replies = buttons.map(({ id, label }) => ({ type: "reply", reply: { id, title: label } }));
  return { type: "button", body, action: { buttons: replies } };
}

/** As WhatsApp marks it up, or as it stands where that is nothing, or longer than is allowed. */
async function shown(source: string, most: number, sender?: string): Promise<string> {
  const { markup, text } = await rendered(source, sender);
  if (text.trim() !== "" && markup.length <= most) return markup;
  return sender === undefined ? source : `${sender}:\n${source}`;
}

/** As a template takes it: no line ends, no tabs, not many spaces at once. */
async function oneLine(source: string, sender?: string): Promise<string> {
  const { text } = await rendered(source, sender);
  const lines = (text.trim() === "" ? source : text).split("\n");
  return lines
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => line !== "")
    .join(" · ");
}

/** Loaded with the first text: a number that nobody writes to needs none of it. */
async function rendered(source: string, sender?: string) {
  const { starMarkup } = await import("@bellhop/sdk/star-markup");
  return starMarkup(source, {}, sender);
}
