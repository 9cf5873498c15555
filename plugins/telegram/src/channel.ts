/**
 * One bot as a channel: updates in by polling or a webhook, calls out, and the truth of how it stands.
 *
 * It holds nothing that a restart would miss: where groups went that became supergroups Telegram says again, and
 * the topics of messages are only remembered because reactions come without theirs.
 */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  createHealth,
  type Logger,
  NAME_ROOM,
  RejectedError,
  type Wire,
} from "@bellhop/sdk";
import { createBotApi } from "./api.ts";
import { toInbound, topicOf } from "./inbound.ts";
import { type Pace, poll } from "./polling.ts";
import { REACTIONS } from "./reactions.ts";
import { createSend, MOST_CAPTION, MOST_FILE_BYTES, MOST_TEXT, placeOf } from "./send.ts";
import { Me, Update } from "./update.ts";
import { createWebhook, type Webhook } from "./webhook.ts";

export interface TelegramOptions {
  readonly account: string;
  readonly token: string;
  readonly apiRoot: string;
  /** Updates are posted there; without it they are asked for. */
  readonly webhook?: { readonly url: string; readonly secret: string } | undefined;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for. */
  readonly callMs?: number | undefined;
  readonly pace?: Pace | undefined;
  readonly now: () => number;
  readonly log: Logger;
}

export interface Telegram {
  readonly channel: Channel;
  readonly webhook: Webhook | undefined;
}

const MiB = 1024 * 1024;
const ANSWER_MS = 5_000;
/** More topics of messages than anybody still reacts to. */
const MOST_TOPICS = 5_000;

export const ABILITIES: ChannelAbilities = {
  maxTextLength: MOST_TEXT - NAME_ROOM,
  lengthUnit: "utf16",
  resend: { how: "twice" }, // it has no key for a message, and no way to look
  reactions: true,
  reactionsOf: REACTIONS,
  threads: true,
  buttons: { most: 8 },
  quotes: true,
  edits: true,
  editEveryMs: { direct: 1_000, shared: 3_000 },
  typingMs: 5_000,
  maxFileBytes: MOST_FILE_BYTES,
  maxCaptionLength: MOST_CAPTION,
  maxInboundFileBytes: 20 * MiB,
  rate: {
    chat: { calls: 3, perMs: 3_000 },
    sharedChat: { calls: 20, perMs: 60_000 },
    account: { calls: 30, perMs: 1_000 },
  },
};

export function createTelegram(options: TelegramOptions): Telegram {
  const { account, token, apiRoot, wire, callMs, pace, now, log } = options;
  const api = createBotApi({ token, apiRoot, wire, callMs });
  const moved = new Map<string, string>();
  const topics = new Map<string, number>();
  const sender = createSend({ api, moved });
  let me: Me | undefined;
  const health = createHealth();

  const webhook = options.webhook && createWebhook({ api, ...options.webhook, take, onUp: health.up, now });

  /** Whatever an update is, it is done with afterwards; only what was not written down is brought again. */
  async function take(given: unknown, cursor: string, accept: Accept): Promise<void> {
    const update = Update.safeParse(given);
    if (!update.success) return log.warn("an update that cannot be read was passed over", { cursor });
    const { message, callback_query } = update.data;
    if (message?.migrate_to_chat_id !== undefined) {
      moved.set(String(message.chat.id), String(message.migrate_to_chat_id));
      log.warn("a group has become a supergroup, which has another id: bind that chat to its group", {
        chat: String(message.chat.id),
        now: String(message.migrate_to_chat_id),
      });
    }
    const topic = message && topicOf(message);
    if (message && topic !== undefined) remember(message.chat.id, message.message_id, topic);
    const inbound = me && toInbound(update.data, { me, open, topicOf: topicBefore });
    if (inbound) await accept(inbound, cursor);
    if (callback_query) void endWaiting(callback_query.id); // the next update need not wait for it
  }

  function remember(chat: number | string, message: number | string, topic: number): void {
    topics.set(`${chat}/${message}`, topic);
    const [oldest] = topics.keys();
    if (topics.size > MOST_TOPICS && oldest !== undefined) topics.delete(oldest);
  }

  function topicBefore(chat: number, message: number): number | undefined {
    return topics.get(`${chat}/${message}`);
  }

  /** The button shows that it waits until it is told that it was heard. That it was is on disk already. */
  async function endWaiting(id: string): Promise<void> {
    await api
      .call(
        "answerCallbackQuery",
        (raw, within) => raw.answerCallbackQuery({ callback_query_id: id }, within),
        AbortSignal.timeout(ANSWER_MS),
      )
      .catch((error: unknown) =>
        log.debug("a button was not told that it was heard", { why: String(error) }),
      );
  }

  async function open(fileId: string, signal: AbortSignal) {
    const { file_path } = await api.call(
      "getFile",
      (raw, within) => raw.getFile({ file_id: fileId }, within),
      signal,
    );
    if (file_path === undefined) throw new RejectedError("Telegram does not hand out the file any more");
    return await api.download(file_path, signal);
  }

  async function listen(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    me = Me.parse(await api.call("getMe", (raw, within) => raw.getMe(within), signal));
    if (webhook) return await webhook.listen(accept, signal);
    await poll(cursor, accept, { api, take, onUp: health.up, now, log, pace }, signal);
  }

  const channel: Channel = {
    name: "telegram",
    account,
    abilities: ABILITIES,
    health: health.now,
    listen: health.listening(listen),
    async send(outbound, signal) {
      const sent = await sender.send(outbound, signal);
      const { chat_id, message_thread_id } = placeOf(outbound.chat);
      if (message_thread_id !== undefined) remember(chat_id, sent.platformId, message_thread_id);
      return sent;
    },
    edit: sender.edit,
    typing: sender.typing,

    async chatInfo(chat, signal) {
      const { chat_id } = placeOf(chat);
      const known = await api.call("getChat", (raw, within) => raw.getChat({ chat_id }, within), signal);
      const direct = known.type === "private";
      const title = direct ? [known.first_name, known.last_name].join(" ").trim() : known.title;
      if (direct) return { title, direct };
      const members = await api.call(
        "getChatMemberCount",
        (raw, within) => raw.getChatMemberCount({ chat_id }, within),
        signal,
      );
      return { title, direct, members };
    },
  };
  return { channel, webhook };
}
