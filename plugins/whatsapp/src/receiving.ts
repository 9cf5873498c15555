/**
 * What comes, one thing after the other: written to the spool before Baileys confirms it, handed to Bellhop, and taken
 * from the spool once Bellhop has it. A message that nobody can read is one line in the log, and holds up nothing.
 */
import type { WAMessage } from "baileys";
import { type Accept, type Inbound, type Logger, RejectedError } from "@bellhop/sdk";
import { z } from "zod";
import type { Account } from "./account.ts";
import { type Here, toInbound, unreadable } from "./inbound.ts";
import type { WhatsAppSocket } from "./socket.ts";
import { type After, createUndecrypted } from "./undecrypted.ts";

export interface ReceivingParts {
  readonly account: Pick<Account, "spool">;
  /** @param me whom WhatsApp says that we are */
  readonly here: (me: Here["me"]) => Here;
  readonly accept: Accept;
  readonly readReceipts: boolean;
  readonly undecryptedMs: number;
  readonly after: After;
  readonly log: Logger;
}

/** @param leftOver of the spool, from before the connection */
export function createReceiving(
  parts: ReceivingParts,
  leftOver: readonly Parameters<Account["spool"]["put"]>[0][],
) {
  const { account, accept, readReceipts, log } = parts;
  const undecrypted = createUndecrypted({ afterMs: parts.undecryptedMs, after: parts.after });
  let tail = Promise.resolve();
  let isOver = false;

  function inTurn(socket: WhatsAppSocket, work: () => Promise<void>): void {
    tail = afterwards(tail, socket, work);
  }

  /** Where a message is not taken the connection ends, and nothing that came after it is taken before it. */
  async function afterwards(
    before: Promise<void>,
    socket: WhatsAppSocket,
    work: () => Promise<void>,
  ): Promise<void> {
    await before;
    if (isOver) return;
    try {
      await work();
    } catch (error) {
      isOver = true;
      void socket.end(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async function read(message: WAMessage, here: Here): Promise<Inbound | "undecrypted" | undefined> {
    try {
      return await toInbound(message, here);
    } catch (error) {
      if (!(error instanceof z.ZodError)) throw error;
      log.warn("a message that cannot be read was passed over", { why: z.prettifyError(error) });
      return undefined;
    }
  }

  async function take(message: WAMessage, socket: WhatsAppSocket): Promise<void> {
    const here = parts.here(socket.user ?? NOBODY);
    const inbound = await read(message, here);
    const name = nameOf(message);
    account.spool.begun(message.key);
    if (inbound === "undecrypted") {
      undecrypted.wait(name, () => inTurn(socket, () => giveUp(message, here)));
      return; // it stays in the spool
    }
    undecrypted.came(name);
    await handOver(message, inbound);
    if (inbound?.kind === "message" && readReceipts && inbound.sender.self !== true)
      void socket.readMessages([message.key]).catch(() => log.debug("a message could not be shown as read"));
  }

  async function giveUp(message: WAMessage, here: Here): Promise<void> {
    await handOver(message, await unreadable(message, here));
  }

  /** @throws what keeps Bellhop from taking it now */
  async function handOver(message: WAMessage, inbound: Inbound | undefined): Promise<void> {
    try {
      if (inbound) await accept(inbound);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error; // it is not on disk there: it must be brought again
      log.warn("a message that Bellhop cannot take was passed over", { why: error.message });
    }
    account.spool.done(message.key);
  }

  return {
    onMade(socket: WhatsAppSocket): void {
      socket.ws.prependListener("CB:message", (stanza) => {
        try {
          account.spool.put(stanza);
        } catch (error) {
          // Closed now, it confirms nothing: WhatsApp sends it again.
          log.error("a message could not be written down, so the connection is ended", {
            why: String(error),
          });
          void socket.end(error instanceof Error ? error : undefined);
        }
      });
      socket.ev.on("messages.upsert", ({ messages }) => {
        for (const message of messages) inTurn(socket, () => take(message, socket));
      });
    },
    onOpen(socket: WhatsAppSocket): void {
      const givenUp = leftOver.length === 0 ? 0 : account.spool.tried();
      if (givenUp > 0) log.warn("stanzas of which nothing could be made were given up", { givenUp });
      for (const stanza of leftOver) socket.ws.emit("CB:message", stanza);
    },
    /** Nothing more is taken, and nothing that is still to come is waited for. Resolves once what was begun is done. */
    async settled(): Promise<void> {
      isOver = true;
      undecrypted.stop();
      await tail;
    },
    /**
     * What there will be no connection for any more, in its order; of what cannot be opened people are told.
     * @throws what keeps Bellhop from taking it now
     */
    async handOverAll(messages: readonly WAMessage[], me: Here["me"] = NOBODY): Promise<void> {
      const here = parts.here(me);
      for (const message of messages) {
        const inbound = await read(message, here);
        if (inbound === "undecrypted") await giveUp(message, here);
        else await handOver(message, inbound);
      }
    },
  };
}

const NOBODY = { id: "" };

function nameOf({ key: { remoteJid, participant, id } }: WAMessage): string {
  return [remoteJid, participant, id].join("/");
}
