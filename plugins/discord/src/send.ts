/**
 * From what the host owes to one call of Discord's API.
 *
 * - Every message has a nonce made from its key: Discord shows what comes again with it within some minutes once.
 * - Nobody is pinged by what an agent writes, whatever is in it, and Discord shows nothing of what its links lead to:
 *   it would ask for them at once, and so hand out whatever an agent was made to write into an address.
 * - What a bot reacted with is taken away one by one, so a reaction is two or three calls; each is harmless to repeat.
 */
import {
  type Button,
  type Edit,
  type OutboundFile,
  type OutboundOf,
  RejectedError,
  sendingBy,
  type Sent,
} from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Api } from "./api.ts";
import { Reference } from "./events.ts";

const MiB = 1024 * 1024;
/** Discord counts characters; UTF-16 never counts fewer. */
export const MOST_TEXT = 2_000;
export const MOST_FILE_BYTES = 10 * MiB;
export const MOST_BUTTONS = 25;
const ROW = 5;
const NONCE = 25;

const NO_PINGS = { parse: [] };
/** SUPPRESS_EMBEDS. It stays over edits. */
const NO_PREVIEWS = 1 << 2;
const Reactions = z.object({
  reactions: z
    .array(
      z.object({
        me: z.boolean(),
        emoji: z.object({ id: z.string().nullish(), name: z.string().nullish() }),
      }),
    )
    .default([]),
});

export function createSender(api: Pick<Api, "ask" | "call">) {
  async function post(
    chat: string,
    body: object,
    file: OutboundFile | undefined,
    signal: AbortSignal,
  ): Promise<Sent> {
    const path = `/channels/${channelOf(chat)}/messages`;
    const what = file ? "the file" : "the message";
    const { id } = await api.ask({ method: "POST", path, what, body, file }, Reference, signal);
    return { platformId: id };
  }

  async function sendText(
    { key, chat, text, sender, replyTo, buttons }: OutboundOf<"text">,
    signal: AbortSignal,
  ): Promise<Sent> {
    const content = await shown(text, sender);
    const body = {
      content,
      ...about(key, replyTo),
      ...(buttons?.length ? { components: rowsOf(buttons) } : {}),
    };
    return await post(chat, body, undefined, signal);
  }

  async function sendFile(
    { key, chat, file, text, replyTo }: OutboundOf<"file">,
    signal: AbortSignal,
  ): Promise<Sent> {
    if (file.bytes > MOST_FILE_BYTES)
      throw new RejectedError("Discord takes files of at most 10 MB from bots");
    const content = text === "" ? {} : { content: await shown(text, undefined) };
    return await post(chat, { ...content, ...about(key, replyTo) }, file, signal);
  }

  async function react({ chat, to, emoji }: OutboundOf<"reaction">, signal: AbortSignal): Promise<Sent> {
    const message = `/channels/${channelOf(chat)}/messages/${idOf(to)}`;
    const what = "the reaction";
    const { reactions } = await api.ask({ method: "GET", path: message, what }, Reactions, signal);
    const ours = reactions.flatMap(({ me, emoji: { id, name } }) =>
      me && typeof name === "string" ? (id ? `${name}:${id}` : name) : [],
    );
    for (const old of ours.filter((one) => !isSame(one, emoji)))
      await api.call(
        { method: "DELETE", path: `${message}/reactions/${encodeURIComponent(old)}/@me`, what },
        signal,
      );
    if (emoji !== "" && !ours.some((one) => isSame(one, emoji)))
      await api.call(
        { method: "PUT", path: `${message}/reactions/${encodeURIComponent(emoji)}/@me`, what },
        signal,
      );
    return { platformId: `reaction-${to}` };
  }

  return {
    send: sendingBy({ text: sendText, file: sendFile, reaction: react }),

    async edit({ chat, platformId, text }: Edit, signal: AbortSignal): Promise<void> {
      const path = `/channels/${channelOf(chat)}/messages/${idOf(platformId)}`;
      const body = { content: await shown(text, undefined), components: [], allowed_mentions: NO_PINGS };
      await api.call({ method: "PATCH", path, what: "the edit", body }, signal);
    },

    async typing(chat: string, signal: AbortSignal): Promise<void> {
      await api.call(
        { method: "POST", path: `/channels/${channelOf(chat)}/typing`, what: "the sign that we write" },
        signal,
      );
    },
  };
}

/** A thread is a channel too: of `CHANNEL:THREAD` it is the last part. @throws RejectedError */
export function channelOf(chat: string): string {
  const [, channel] = /^(?:\d+:)?(\d+)$/.exec(chat) ?? [];
  if (channel === undefined) throw new RejectedError(`"${chat}" is no chat of Discord's`);
  return channel;
}

function idOf(platformId: string): string {
  if (!/^\d+$/.test(platformId)) throw new RejectedError(`"${platformId}" is no message of Discord's`);
  return platformId;
}

/** As rendered, or as it was written where that has become too long. What renders is loaded with the first text. */
async function shown(source: string, sender: string | undefined): Promise<string> {
  const { render } = await import("./render.ts");
  const { markup } = render(source, sender);
  if (markup.length <= MOST_TEXT && markup.trim() !== "") return markup;
  return sender === undefined ? source : `${sender}:\n${source}`;
}

function about(key: string, replyTo: string | undefined) {
  return {
    nonce: createHash("sha256").update(key).digest("base64url").slice(0, NONCE),
    enforce_nonce: true,
    allowed_mentions: NO_PINGS,
    flags: NO_PREVIEWS,
    // What it answers may be gone, or have been a slash command, which is no message.
    ...(replyTo !== undefined && /^\d+$/.test(replyTo)
      ? { message_reference: { message_id: replyTo, fail_if_not_exists: false } }
      : {}),
  };
}

function rowsOf(buttons: readonly Button[]) {
  const keys = buttons.map(({ id, label }) => ({ type: 2, style: 2, label, custom_id: id }));
  return Array.from({ length: Math.ceil(keys.length / ROW) }, (_, row) => ({
    type: 1,
    components: keys.slice(row * ROW, (row + 1) * ROW),
  }));
}

/** Keyboards add a sign that asks for a coloured picture; Discord adds and drops it as it likes. */
function isSame(one: string, other: string): boolean {
  return one.replaceAll("\u{fe0f}", "") === other.replaceAll("\u{fe0f}", "");
}
