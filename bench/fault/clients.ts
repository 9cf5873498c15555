/**
 * People who write all the time, whatever becomes of the host. Each has one chat and a way with it:
 * some wait for an answer, some write a few messages in a row. What was not acknowledged is sent
 * again under the same id until it is, before anything newer.
 */
import { TemporaryError } from "@bellhop/sdk";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { ChatId } from "../../packages/host/src/core/ids.ts";
import type { Api } from "../api.ts";
import type { Chance } from "../random.ts";
import type { Watch } from "../watch.ts";
import type { Journal } from "./journal.ts";

/** How a client writes, and what it is to get for it. */
export interface Wording {
  /** @param token told apart from every other */
  compose(token: string, chance: Chance): { readonly text: string; readonly answer: string };
  /** Most messages of one chat that wait for their answer. */
  readonly most: number;
}

/** The echo agent's: it repeats the newest message of a batch; now and then it is made to take its time. */
export const ECHOED: Wording = {
  compose(token, chance) {
    // The agent reads the words after `sleep:` as a number of milliseconds: the token goes into its fraction.
    const slow = chance.happens(0.15);
    const text = slow ? `sleep: ${Math.round(chance.between(50, 400))}.${token}` : `echo ${token}`;
    return { text, answer: text };
  },
  most: 12,
};

/**
 * The rehearsal model's, through the Claude engine. One message at a time, because what joins a live
 * turn is answered in one piece with it.
 */
export const REHEARSED: Wording = {
  compose(token, chance) {
    const slow = chance.happens(0.3);
    return { text: `${slow ? "think: 0.3\n" : ""}say: said ${token}`, answer: `said ${token}` };
  },
  most: 1,
};

export interface ClientParts {
  readonly journal: Journal;
  readonly watch: Watch;
  readonly chance: Chance;
  readonly wording: Wording;
  /** The host that lives now, or the next one. */
  readonly api: () => Promise<Api>;
}

export interface Clients {
  /** They finish what they began: everything that was sent is acknowledged then. */
  stop(): Promise<void>;
}

const RETRY_PAUSE_MS = 20;

export function startClients(count: number, parts: ClientParts): Clients {
  const { journal, watch, chance, wording, api } = parts;
  const stop = new AbortController();
  const stopped = once(stop.signal, "abort");

  async function write(chat: ChatId, number: number): Promise<void> {
    const open: Promise<void>[] = [];
    for (let n = 0; !stop.signal.aborted; n += 1) {
      const message = await send(chat, `${String(number).padStart(3, "0")}${String(n).padStart(6, "0")}`);
      open.push(watch.settled(message));
      const most = chance.happens(1 / 3) ? 1 : wording.most;
      // A client whose answer does not come writes no more; the end of the run still finds it missing.
      while (open.length >= most && !stop.signal.aborted) await Promise.race([open.shift(), stopped]);
      await Promise.race([pause(chance.between(0, 60)), stopped]);
    }
  }

  async function send(chat: ChatId, token: string): Promise<string> {
    const id = `client-${token}`;
    const { text, answer } = wording.compose(token, chance);
    journal.write({ what: "sending", id, chat, text, answer });
    for (;;) {
      try {
        const { message } = await (await api()).post(chat, { id, text });
        journal.write({ what: "acked", id, message });
        return message;
      } catch (error) {
        if (!(error instanceof TemporaryError)) throw error;
        await pause(RETRY_PAUSE_MS); // it died just now: the next one is not there yet
      }
    }
  }

  const writing = Promise.all(
    Array.from({ length: count }, (_, number) => write(ChatId.parse(`web:person-${number}`), number)),
  );
  writing.catch(() => undefined); // told by `stop`
  return {
    async stop() {
      stop.abort();
      await writing;
    },
  };
}
