/**
 * One app as a channel: what people do in over Socket Mode, calls out, and the truth of how it stands.
 *
 * It holds nothing that a restart would miss: how far it has heard stands in the cursor, what was sent can be read
 * back, and the rest is remembered for convenience.
 */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  ConfigError,
  createHealth,
  type Inbound,
  type Logger,
  RejectedError,
  repeatable,
  safeRoot,
  type Wire,
} from "@bellhop/sdk";
import { z } from "zod";
import { addressOf } from "./address.ts";
import { createWebApi } from "./api.ts";
import { ChannelInfo, createDirectory, titleOf } from "./directory.ts";
import { ScopeError } from "./errors.ts";
import type { File, Said } from "./event.ts";
import { cursorOf, heardUntil, hearing, mayHaveMissed } from "./heard.ts";
import type { Here, Me } from "./inbound.ts";
import { listening, type Pace, PACE } from "./listening.ts";
import { createPlaces } from "./places.ts";
import { createSend, MOST_FILE_BYTES } from "./send.ts";
import type { Envelope } from "./socket.ts";

export interface SlackOptions {
  readonly account: string;
  readonly botToken: string;
  readonly appToken: string;
  readonly apiRoot: string;
  /** Let Slack's answers name an address that is reached without encryption. */
  readonly allowPlain: boolean;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for. */
  readonly callMs?: number | undefined;
  readonly pace?: Pace | undefined;
  readonly now: () => number;
  readonly log: Logger;
}

export const ABILITIES: ChannelAbilities = {
  maxTextLength: 3_900, // a name may stand before it
  lengthUnit: "utf16",
  resend: { how: "lookup" },
  reactions: true,
  threads: true,
  buttons: { most: 25 },
  quotes: false, // whatever answers something on Slack stands in its thread
  edits: true,
  editEveryMs: { direct: 2_000, shared: 3_000 },
  typingMs: 30_000, // it goes after two minutes, or with the answer
  maxFileBytes: MOST_FILE_BYTES,
  maxCaptionLength: 780, // five signs for each that has to be escaped
  rate: {
    chat: { calls: 3, perMs: 3_000 },
    account: { calls: 30, perMs: 6_000 },
    edits: { calls: 40, perMs: 60_000 }, // `chat.update` is of tier 3, 50 a minute: some are for how answers end
  },
};

const Who = z.object({ user_id: z.string(), bot_id: z.string().optional() });
const Place = z.object({
  file: z.object({ url_private: z.string().optional(), url_private_download: z.string().optional() }),
});

export function createSlack(options: SlackOptions): Channel {
  const {
    account,
    botToken,
    appToken,
    apiRoot: root,
    allowPlain,
    wire,
    callMs,
    pace = PACE,
    now,
    log,
  } = options;
  const api = createWebApi({ token: botToken, root, wire, callMs });
  const app = createWebApi({ token: appToken, root, wire, callMs });
  const names = createDirectory({ api, log });
  const places = createPlaces();
  // What is needed once somebody writes is loaded then, and what reads chats back when it is asked for.
  const history = async () => (await import("./history.ts")).createHistory({ api, now, log });
  const sender = createSend({ api, places, me: async (signal) => me ?? (await whoAmI(signal)), log });
  let me: Me | undefined;
  const health = createHealth();

  async function whoAmI(signal: AbortSignal): Promise<Me> {
    const { user_id: userId, bot_id: botId } = await api.call("auth.test", {}, Who, signal);
    me = { userId, botId };
    return me;
  }

  async function address(signal: AbortSignal): Promise<string> {
    const { url } = await app.call("apps.connections.open", {}, z.object({ url: z.string() }), signal);
    safeRoot(url, { who: "Slack's Socket Mode", allowPlain });
    return url;
  }

  async function open(file: File, signal: AbortSignal) {
    const url = file.url_private_download ?? file.url_private;
    if (url !== undefined) return await api.download(url, signal);
    const { file: found } = await api
      .call("files.info", { file: file.id }, Place, signal)
      .catch((error: unknown) => {
        throw repeatable(error);
      });
    const there = found.url_private_download ?? found.url_private;
    if (there === undefined) throw new RejectedError("Slack does not hand out the file any more");
    return await api.download(there, signal);
  }

  async function listen(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    let heard = heardUntil(cursor);
    try {
      const here: Here = { me: await whoAmI(signal), names, places, open };
      const found = async (inbound: Inbound | undefined) => {
        // Until all of it is read, the cursor stays where it was.
        if (inbound) await accept(inbound, cursorOf(heard));
      };
      if (mayHaveMissed(heard, now())) {
        const { said } = await import("./inbound.ts");
        const take = async (message: Said) => await found(await said(message, here));
        await (await history()).repair(heard, take, signal);
      }
      const take = async (envelope: Envelope) => {
        const { read } = await import("./inbound.ts");
        const done = await read(envelope, here).catch((error: unknown) => {
          if (!(error instanceof z.ZodError)) throw error;
          log.warn("something on Slack that cannot be read was passed over", { type: envelope.type });
          return undefined;
        });
        if (!done?.inbound) return done?.reply;
        heard = hearing(heard, done.inbound.chat, done.at);
        await accept(done.inbound, cursorOf(heard));
        return undefined;
      };
      const onUp = (shared: boolean) => {
        if (!shared) return health.up();
        log.warn("another program seems to be connected for this Slack app");
        health.connecting(SHARED);
      };
      await listening({ address, take, onUp, pace, log }, signal);
    } catch (error) {
      if (error instanceof ScopeError) throw new ConfigError(error.message, { cause: error });
      throw repeatable(error);
    }
  }

  return {
    name: "slack",
    account,
    abilities: ABILITIES,
    health: health.now,
    listen: health.listening(listen),
    send: sender.send,
    edit: sender.edit,
    typing: sender.typing,
    find: async (message, signal) =>
      await (await history()).find(message, sender.fileOf(message.key), signal),

    async chatInfo(chat, signal) {
      const { channel: id } = addressOf(chat);
      const { channel } = await api.call(
        "conversations.info",
        { channel: id, include_num_members: true },
        ChannelInfo,
        signal,
      );
      const direct = channel.is_im === true;
      const title = channel.user === undefined ? titleOf(channel) : await names.user(channel.user);
      return { title, direct, ...(direct ? {} : { members: channel.num_members }) };
    },
  };
}

const SHARED =
  "Another program seems to be connected for this Slack app, and may be given messages instead of us. It is looked again in a moment.";
