/** An account of the fake platform as a channel. */
import {
  type Channel,
  type InboundFile,
  RejectedError,
  TemporaryError,
  UnknownOutcomeError,
  type ChannelAbilities,
} from "@bellhop/sdk";
import { Readable } from "node:stream";
import { z } from "zod";
import type { Account, PlatformCall } from "./words.ts";

const Updates = z.object({
  updates: z.array(z.object({ id: z.int(), room: z.string(), text: z.string() })),
});
const Found = z.object({ id: z.string().optional() });
const SentMessage = z.object({ id: z.string() });
const Wait = z.object({ retryAfterMs: z.number() });

/** Comes along with each message that says `file`. */
const NOTE: InboundFile = {
  name: "note.txt",
  type: "text/plain",
  open: () => Promise.resolve(Readable.from([Buffer.from("a note\n".repeat(1_000))])),
};

/** Short, so that a long answer has many parts. */
const MAX_TEXT = 1_000;
const PATIENCE_MS = 15_000;

export function platformChannel(account: Account, url: string): Channel {
  async function call<T>(asked: PlatformCall, result: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const response = await fetch(url, {
      method: "POST",
      body: JSON.stringify(asked),
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    }).catch((cause: unknown) => {
      throw new UnknownOutcomeError("the platform gave no answer", { cause });
    });
    if (response.status === 429) {
      const { retryAfterMs } = Wait.parse(await response.json());
      throw new TemporaryError("the platform wants us to wait", { retryAfterMs });
    }
    if (response.status >= 500) throw new UnknownOutcomeError(`the platform answered ${response.status}`);
    if (response.status >= 400) throw new RejectedError(`the platform answered ${response.status}`);
    return result.parse(await response.json());
  }

  return {
    name: "fault",
    account,
    abilities: {
      maxTextLength: MAX_TEXT,
      lengthUnit: "utf16",
      resend: RESEND[account],
      reactions: false,
      quotes: false,
      edits: false,
    },
    async listen(cursor, accept, signal) {
      for (let after = Number(cursor ?? 0); !signal.aborted;) {
        const { updates } = await call({ call: "updates", account, after }, Updates, signal);
        for (const { id, room, text } of updates) {
          await accept(
            {
              platformId: `${account}-${id}`,
              kind: "message",
              version: 0,
              chat: room,
              direct: true,
              sender: { id: "person", name: "Person" },
              text,
              ...(text.includes("file") && { files: [NOTE] }),
            },
            String(Math.max(after, id)),
          );
          after = Math.max(after, id);
        }
      }
    },
    async send(message, signal) {
      if (message.kind !== "text") throw new RejectedError(`this platform takes no ${message.kind}`);
      const { key, chat: room, text } = message;
      const { id } = await call({ call: "send", account, room, key, text }, SentMessage, signal);
      return { platformId: id };
    },
    async find({ chat: room, key }, signal) {
      const { id } = await call({ call: "find", account, room, key }, Found, signal);
      return id === undefined ? undefined : { platformId: id };
    },
  };
}

const RESEND = {
  once: { how: "once" },
  lookup: { how: "lookup" },
  twice: { how: "twice" },
} as const satisfies Record<Account, ChannelAbilities["resend"]>;
