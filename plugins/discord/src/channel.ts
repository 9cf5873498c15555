/**
 * One bot as a channel: what happens comes in over the gateway, calls go out over HTTP, and the truth of how it
 * stands.
 *
 * It holds nothing that a restart would miss: what it remembers it would only ask for again.
 */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  createHealth,
  type Logger,
  NAME_ROOM,
  type Wire,
} from "@bellhop/sdk";
import { createApi } from "./api.ts";
import { Application, User } from "./events.ts";
import { createHearing } from "./hearing.ts";
import { createListening, PACE, type Pace } from "./listening.ts";
import { createPlaces, isDirect, titleOf } from "./places.ts";
import { channelOf, createSender, MOST_BUTTONS, MOST_FILE_BYTES, MOST_TEXT } from "./send.ts";
import { createSlash } from "./slash.ts";

export interface DiscordOptions {
  readonly account: string;
  readonly token: string;
  readonly apiRoot: string;
  /** The gateway may be spoken to without encryption on another machine. */
  readonly allowPlain: boolean;
  readonly wire: Pick<Wire, "fetch" | "open">;
  /** How long an answer is waited for. */
  readonly callMs?: number | undefined;
  readonly pace?: Pace | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Logger;
}

/** As long as Discord knows a nonce again; it says "a few minutes". */
const NONCE_MS = 2 * 60_000;

export const ABILITIES: ChannelAbilities = {
  maxTextLength: MOST_TEXT - NAME_ROOM,
  lengthUnit: "utf16",
  resend: { how: "once", forMs: NONCE_MS },
  reactions: true,
  threads: true,
  buttons: { most: MOST_BUTTONS },
  quotes: true,
  edits: true,
  typingMs: 10_000,
  maxFileBytes: MOST_FILE_BYTES,
  rate: { chat: { calls: 5, perMs: 5_000 }, account: { calls: 50, perMs: 1_000 } },
};

export function createDiscord(options: DiscordOptions): Channel {
  const { account, token, apiRoot, allowPlain, wire, callMs, pace = PACE, now, random, log } = options;
  const api = createApi({ token, apiRoot, wire, callMs });
  const places = createPlaces(api);
  const sender = createSender(api);
  const slash = createSlash(api, log);
  const hearing = createHearing({ api, places, onElsewhere: slash.refused, log });
  const health = createHealth();
  let registered = false;

  const listening = createListening({
    token,
    allowPlain,
    api,
    hearing,
    onUp: health.up,
    onTaken: slash.taken,
    pace,
    now,
    random,
    log,
  });

  /** Once per process: what Discord has does not change by itself. */
  async function registerCommands(signal: AbortSignal): Promise<void> {
    if (registered) return;
    const what = "what the bot may do";
    const { id } = await api.ask({ method: "GET", path: "/applications/@me", what }, Application, signal);
    await slash.register(id, signal);
    registered = true;
  }

  async function listen(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    const me = await api.ask({ method: "GET", path: "/users/@me", what: "our account" }, User, signal);
    await registerCommands(signal);
    await listening.listen(cursor, me.id, accept, signal);
  }

  return {
    name: "discord",
    account,
    abilities: ABILITIES,
    health: health.now,
    listen: health.listening(listen),
    send: sender.send,
    edit: sender.edit,
    typing: sender.typing,

    async chatInfo(chat, signal) {
      const info = await places.look(channelOf(chat), signal);
      return { title: titleOf(info), direct: isDirect(info) };
    },
  };
}
