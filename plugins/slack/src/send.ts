/**
 * From what the host owes to one call of the Web API. A second one is made only where the first was refused for
 * sure: where the app may not speak under another name, the name stands in the first line.
 *
 * A file takes three calls, of which the last alone shows it; whatever fails before has shown nothing.
 */
import {
  ConfigError,
  type Edit,
  type Logger,
  type OutboundOf,
  RejectedError,
  repeatable,
  sendingBy,
  type Sent,
} from "@bellhop/sdk";
import { z } from "zod";
import { type Address, addressOf } from "./address.ts";
import type { WebApi } from "./api.ts";
import { nameOf } from "./emoji.ts";
import { ScopeError } from "./errors.ts";
import type { Me } from "./inbound.ts";
import type { Places } from "./places.ts";
import type { Words } from "./words.ts";

/** The key goes along with what we send, where only programs see it. */
export const METADATA = "bellhop_message";
export const MOST_FILE_BYTES = 1_000_000_000;
const MOST_NAME = 80;
/** Files whose fate may still be asked for. */
const MOST_UPLOADS = 200;

const Posted = z.object({ ts: z.string() });
const Place = z.object({ upload_url: z.string(), file_id: z.string() });
const Nothing = z.object({});
const Reactions = z.object({
  message: z
    .object({
      reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()) })).default([]),
    })
    .optional(),
});

export interface SendParts {
  readonly api: Pick<WebApi, "call" | "upload">;
  readonly places: Places;
  /** Who we are on Slack. */
  readonly me: (signal: AbortSignal) => Promise<Me>;
  readonly log: Pick<Logger, "warn">;
}

export function createSend({ api, places, me, log }: SendParts) {
  /** Whether the app may speak under other names, and show that it writes; until Slack says no. */
  let named = true;
  let shows = true;
  /** Where it is shown, since we last posted there: a post ends it, an edit has to. */
  const showing = new Set<string>();
  /** Files by the keys that they were sent under. */
  const uploads = new Map<string, string>();

  async function sendText(message: OutboundOf<"text">, signal: AbortSignal): Promise<Sent> {
    const { chat, key, text, sender, buttons } = message;
    const address = addressOf(chat);
    const post = (words: Words, username?: string) =>
      api.call(
        "chat.postMessage",
        {
          ...placed(address),
          ...words,
          username: username?.slice(0, MOST_NAME),
          unfurl_links: false,
          unfurl_media: false,
          metadata: { event_type: METADATA, event_payload: { key } },
        },
        Posted,
        signal,
      );
    const { wordsOf } = await words();
    const { ts } = await essential(async () => {
      if (sender === undefined || !named) return await post(wordsOf(text, sender, buttons));
      try {
        return await post(wordsOf(text, undefined, buttons), sender);
      } catch (error) {
        if (!(error instanceof ScopeError) || !error.scope.includes("customize")) throw error;
        named = false;
        return await post(wordsOf(text, sender, buttons));
      }
    });
    if (address.thread !== undefined) places.thread(address.channel, ts, address.thread);
    showing.delete(chat);
    return { platformId: ts };
  }

  async function sendFile(message: OutboundOf<"file">, signal: AbortSignal): Promise<Sent> {
    const { chat, key, file, text } = message;
    if (file.bytes > MOST_FILE_BYTES) throw new RejectedError("Slack takes files of at most 1 GB");
    const { channel, thread } = addressOf(chat);
    const id = await unseen(async () => {
      const { upload_url, file_id } = await api.call(
        "files.getUploadURLExternal",
        { filename: file.name, length: file.bytes },
        Place,
        signal,
      );
      await api.upload(upload_url, file, signal);
      return file_id;
    });
    uploads.set(key, id);
    const [oldest] = uploads.keys();
    if (uploads.size > MOST_UPLOADS && oldest !== undefined) uploads.delete(oldest);
    await api.call(
      "files.completeUploadExternal",
      {
        files: [{ id, title: file.name }],
        channel_id: channel,
        thread_ts: thread,
        initial_comment: text === "" ? undefined : (await words()).captionOf(text),
      },
      Nothing,
      signal,
    );
    return { platformId: id };
  }

  /** The new one first: where taking the old ones away fails, all of it can be done again. */
  async function react({ chat, to, emoji }: OutboundOf<"reaction">, signal: AbortSignal): Promise<Sent> {
    const { channel } = addressOf(chat);
    const custom = /^:([^:\s]+):$/.exec(emoji)?.[1];
    const name = emoji === "" ? undefined : (custom ?? (await nameOf(emoji)));
    if (emoji !== "" && name === undefined) throw new RejectedError(`Slack has no reaction ${emoji}`);
    const [{ message }, { userId }] = await Promise.all([
      api.call("reactions.get", { channel, timestamp: to, full: true }, Reactions, signal),
      me(signal),
    ]);
    const ours = (message?.reactions ?? []).filter(({ users }) => users.includes(userId));
    const call = (method: string, one: string) =>
      api.call(method, { channel, timestamp: to, name: one }, Nothing, signal);
    if (name !== undefined && ours.every((one) => one.name !== name))
      await call("reactions.add", name).catch(unless("already_reacted"));
    for (const one of ours)
      if (one.name !== name) await call("reactions.remove", one.name).catch(unless("no_reaction"));
    return { platformId: `reaction-${to}` };
  }

  async function status(chat: string, words: string, signal: AbortSignal): Promise<void> {
    const { channel: channel_id, thread: thread_ts } = addressOf(chat);
    const given = { channel_id, thread_ts, status: words };
    await api.call("assistant.threads.setStatus", given, Nothing, signal);
  }

  return {
    send: sendingBy({ text: sendText, file: sendFile, reaction: react }),

    /** Of what was sent under this key, where it was a file and is remembered. */
    fileOf: (key: string): string | undefined => uploads.get(key),

    async edit({ chat, platformId, text }: Edit, signal: AbortSignal): Promise<void> {
      const { channel } = addressOf(chat);
      const { wordsOf } = await words();
      // Blocks that are not named stay as they are.
      const now: Words = { blocks: [], ...wordsOf(text) };
      await essential(() => api.call("chat.update", { channel, ts: platformId, ...now }, Nothing, signal));
      // It goes by itself too, in two minutes: whoever made the edit need not hear that it stays.
      if (showing.delete(chat)) await status(chat, "", signal).catch(() => undefined);
    },

    /** Slack shows it in threads alone. */
    async typing(chat: string, signal: AbortSignal): Promise<void> {
      if (addressOf(chat).thread === undefined || !shows) return;
      try {
        await status(chat, "is writing …", signal);
        showing.add(chat);
      } catch (error) {
        if (!(error instanceof ScopeError)) throw error;
        shows = false;
        log.warn("people on Slack are not shown that an answer is being written", { why: error.message });
      }
    },
  };
}

/** Loaded with the first text: an app that nobody writes to needs none of it. */
const words = () => import("./words.ts");

function placed({ channel, thread }: Address) {
  return { channel, thread_ts: thread };
}

/** An app that may not even write is for its operator to mend; what it owes waits. */
async function essential<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ScopeError)) throw error;
    throw new ConfigError(error.message, { cause: error });
  }
}

/** Nobody has seen anything of it, whatever became of it. */
async function unseen<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw repeatable(error);
  }
}

/** What was done already is no fault. */
function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof RejectedError) || !error.message.includes(code)) throw error;
  };
}
