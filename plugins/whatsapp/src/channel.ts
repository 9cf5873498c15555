/** An account as a channel: what comes is heard over one connection, and what is owed goes out over the same. */
import {
  type Accept,
  type Channel,
  type ChannelAbilities,
  ConfigError,
  createHealth,
  type Logger,
  NAME_ROOM,
  RejectedError,
  TemporaryError,
} from "@bellhop/sdk";
import type { OpenedOnce } from "./account.ts";
import { baileys } from "./baileys.ts";
import { stayConnected } from "./connection.ts";
import { failed, NOT_LINKED, UnlinkedError } from "./errors.ts";
import { createGroups } from "./groups.ts";
import type { Here } from "./inbound.ts";
import { isLinked } from "./keys.ts";
import { openLeftOver } from "./left-over.ts";
import { type Download, openMedia } from "./media.ts";
import { createReceiving } from "./receiving.ts";
import { createSend, MOST_FILE_BYTES, MOST_TEXT } from "./send.ts";
import type { Settings } from "./settings.ts";
import type { MakeSocket, SocketOptions, WhatsAppSocket } from "./socket.ts";
import type { After } from "./undecrypted.ts";

/** How long is waited for what, ms. */
export interface Patience {
  /** Until it is connected and let in. */
  readonly openMs: number;
  /** A connection, before something is sent. */
  readonly readyMs: number;
  /** The server's word that it took a message. */
  readonly ackMs: number;
  /** Where the server asks to be slow. */
  readonly slowMs: number;
  /** A message that could not be opened, and is asked for again. */
  readonly undecryptedMs: number;
}

export const PATIENCE: Patience = {
  openMs: 120_000,
  readyMs: 5_000,
  ackMs: 30_000,
  slowMs: 30_000,
  undecryptedMs: 60_000,
};

export interface WhatsAppOptions {
  /** As it stands in the addresses of its chats. */
  readonly name: string;
  readonly settings: Settings;
  readonly account: OpenedOnce;
  readonly makeSocket: MakeSocket;
  readonly download: Download;
  readonly patience?: Patience | undefined;
  readonly rate?: ChannelAbilities["rate"];
  readonly after: After;
  readonly now: () => number;
  readonly log: Logger;
}

/** Slower than a person in a hurry: whoever writes like a machine is taken for one, and loses the number. */
const RATE = { chat: { calls: 3, perMs: 3_000 }, account: { calls: 20, perMs: 60_000 } };

function abilitiesOf({ mode }: Settings, rate: ChannelAbilities["rate"]): ChannelAbilities {
  return {
    maxTextLength: MOST_TEXT - NAME_ROOM,
    lengthUnit: "utf16",
    resend: { how: "once" },
    formatting: ["bold", "italic", "strikethrough", "code", "code-block", "quote", "list"],
    reactions: true,
    quotes: true,
    edits: true,
    editEveryMs: { direct: 1_500, shared: 4_000 },
    typingMs: 10_000,
    maxFileBytes: MOST_FILE_BYTES,
    maxCaptionLength: 1_024,
    rate,
    ...(mode === "shared" && { personal: true }),
  };
}

export function createWhatsApp(options: WhatsAppOptions): Channel {
  const { settings, account, makeSocket, download, patience = PATIENCE, after, now, log } = options;
  let open = Promise.withResolvers<WhatsAppSocket>();
  let socket: WhatsAppSocket | undefined;
  const health = createHealth();
  const groups = createGroups(() => socket);

  async function ready(signal: AbortSignal): Promise<WhatsAppSocket> {
    if (socket) return socket;
    const late = Promise.withResolvers<never>();
    const stop = after(patience.readyMs, () =>
      late.reject(new TemporaryError("There is no connection to WhatsApp just now")),
    );
    const aborted = (): void => late.reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    try {
      return await Promise.race([open.promise, late.promise]);
    } finally {
      stop();
      signal.removeEventListener("abort", aborted);
    }
  }

  function isOpen(one: WhatsAppSocket): void {
    socket = one;
    health.up();
    open.resolve(one);
  }

  function isClosed(): void {
    if (socket) open = Promise.withResolvers();
    socket = undefined;
    groups.forget();
  }

  const sender = createSend({ account: account.open, ready, ...patience, now });

  async function listen(_: string | undefined, accept: Accept, signal: AbortSignal): Promise<void> {
    const { keys, spool, people, messages } = await account.open();
    const here = (me: Here["me"]): Here => ({
      me,
      people,
      messages,
      titleOf: groups.titleOf,
      isAdmin: groups.isAdmin,
      open: (message, file, within) => openMedia(message, file, { download, socket: () => socket }, within),
    });
    const socketOptions: Omit<SocketOptions, "auth"> = {
      version: settings.version,
      markOnline: settings.markOnline,
      groupOf: groups.cached,
      log,
      async sentAs(jid, id) {
        const { proto } = await baileys();
        const chat = jid.endsWith("@g.us") ? jid : people.idOf({ jid });
        const content = chat === undefined ? undefined : messages.find(chat, id)?.content;
        return content && proto.Message.decode(content);
      },
    };
    let receiving: ReturnType<typeof createReceiving> | undefined;
    try {
      if (!isLinked(keys.creds())) throw new ConfigError(NOT_LINKED);
      const { readReceipts } = settings;
      const { undecryptedMs } = patience;
      receiving = createReceiving(
        { account: { spool }, here, accept, readReceipts, undecryptedMs, after, log },
        await spool.leftOver(),
      );
      const { onMade, onOpen, settled, handOverAll } = receiving;
      const over = await stayConnected(
        { makeSocket, keys, options: socketOptions, open: { ms: patience.openMs, after } },
        {
          onMade(one) {
            onMade(one);
            one.ev.on("groups.update", (changes) => changes.forEach(({ id }) => groups.changed(id)));
            one.ev.on("group-participants.update", ({ id }) => groups.changed(id));
          },
          onOpen(one) {
            isOpen(one);
            onOpen(one);
          },
          onUpdate: ({ connection }) => connection === "close" && isClosed(),
        },
        signal,
      ).catch((error: unknown) => error);
      if (over instanceof UnlinkedError) {
        await settled();
        await handOverAll(await openLeftOver({ keys, spool }, log), keys.creds().me);
        keys.forget();
      }
      throw over;
    } finally {
      void receiving?.settled();
      isClosed();
    }
  }

  return {
    name: "whatsapp",
    account: options.name,
    abilities: abilitiesOf(settings, options.rate ?? RATE),
    health: health.now,
    listen: health.listening(listen),
    send: sender.send,
    edit: sender.edit,
    typing: sender.typing,

    async chatInfo(chat, signal) {
      if (!chat.endsWith("@g.us")) {
        const { people } = await account.open();
        if (people.jidOf(chat) === undefined) throw new RejectedError(`"${chat}" is no chat of WhatsApp's`);
        return { title: people.nameOf(chat), direct: true };
      }
      await ready(signal);
      const group = await groups.find(chat).catch((cause: unknown) => {
        throw failed("a group's name", cause, { sent: false });
      });
      if (!group) throw new TemporaryError("There is no connection to WhatsApp just now");
      return { title: group.subject, direct: false, members: group.participants.length };
    },
  };
}
