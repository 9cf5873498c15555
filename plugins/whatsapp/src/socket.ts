/**
 * As much of Baileys as we use, behind a function that makes one connection: tests give another one.
 */
import type { AuthenticationState, GroupMetadata, proto, WASocket, WAVersion } from "baileys";
import type { Logger } from "@bellhop/sdk";
import { baileys } from "./baileys.ts";
import { quietly } from "./logging.ts";
import { rememberingRepository } from "./spool.ts";

export interface SocketOptions {
  readonly auth: AuthenticationState;
  readonly version: WAVersion | undefined;
  readonly markOnline: boolean;
  /** Another server than WhatsApp's own. */
  readonly url?: string | undefined;
  /** What we sent under that id, for a device that could not open it. */
  readonly sentAs: (chat: string, id: string) => Promise<proto.IMessage | undefined>;
  readonly groupOf: (jid: string) => Promise<GroupMetadata | undefined>;
  readonly log: Logger;
}

export type MakeSocket = (options: SocketOptions) => Promise<WhatsAppSocket>;

/** One connection: when it ends, it is over, and another one is made. */
export type WhatsAppSocket = Pick<
  WASocket,
  | "ev"
  | "user"
  | "end"
  | "relayMessage"
  | "waitForMessage"
  | "waUploadToServer"
  | "updateMediaMessage"
  | "sendPresenceUpdate"
  | "groupMetadata"
  | "readMessages"
  | "onWhatsApp"
  | "requestPairingCode"
> & {
  /** What comes, stanza by stanza, as `CB:NAME`. */
  readonly ws: Pick<WASocket["ws"], "emit" | "on" | "prependListener" | "removeAllListeners">;
};

export const connectBaileys: MakeSocket = async (options) => {
  const { Browsers, DEFAULT_CONNECTION_CONFIG, makeWASocket } = await baileys();
  const { auth, version, markOnline, url, sentAs, groupOf, log } = options;
  return makeWASocket({
    auth,
    logger: quietly(log),
    browser: Browsers.ubuntu("Bellhop"),
    markOnlineOnConnect: markOnline,
    // Its history is its owner's; what is wanted is what comes from now on.
    syncFullHistory: false,
    emitOwnEvents: false,
    ...(version && { version }),
    ...(url !== undefined && { waWebSocketUrl: url }),
    shouldIgnoreJid: (jid) => jid.endsWith("@newsletter") || jid === "status@broadcast",
    getMessage: async ({ remoteJid, id }) => await sentAs(remoteJid ?? "", id ?? ""),
    cachedGroupMetadata: groupOf,
    makeSignalRepository: rememberingRepository(DEFAULT_CONNECTION_CONFIG.makeSignalRepository),
  });
};
