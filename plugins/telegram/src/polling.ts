/**
 * Updates by long polling. Asking for those from N on confirms all below N, so N moves only after `accept`
 * resolved (G1); a crash in between brings them again, and the inbox knows them.
 *
 * The cursor is N and when it was taken. Telegram numbers anew after a week without updates, below N too: whoever
 * has heard nothing for six days asks without N, and what comes twice by it the inbox knows (G4). What was sent
 * while nobody asked for more than a day is gone; Telegram has no way to read it later.
 */
import { type Accept, type Logger, TemporaryError } from "@bellhop/sdk";
import type { BotApi } from "./api.ts";
import { WebhookSetError } from "./errors.ts";
import { UpdateId, UPDATES } from "./update.ts";

export interface PollingParts {
  readonly api: Pick<BotApi, "call">;
  /** What of the update, parsed, is to be accepted; it must not throw. */
  readonly take: (update: unknown, cursor: string, accept: Accept) => Promise<void>;
  /** Updates can be had just now. */
  readonly onUp: () => void;
  readonly now: () => number;
  readonly log: Pick<Logger, "warn" | "info">;
  readonly pace?: Pace | undefined;
}

export interface Pace {
  /** So long Telegram keeps a question without an answer. */
  readonly pollSeconds: number;
  /** An answer that is longer under way than that will not come. */
  readonly graceMs: number;
}

const PACE: Pace = { pollSeconds: 30, graceMs: 15_000 };
const RENUMBERED_MS = 6 * 24 * 60 * 60_000;

export async function poll(
  cursor: string | undefined,
  accept: Accept,
  { api, take, onUp, now, log, pace = PACE }: PollingParts,
  signal: AbortSignal,
): Promise<never> {
  let { offset, takenAt } = parseCursor(cursor);
  // The first answer comes at once, and tells whether it works.
  for (let timeout = 0; ; timeout = pace.pollSeconds) {
    const from = now() - takenAt < RENUMBERED_MS ? offset : undefined;
    const updates = await api
      .call(
        "getUpdates",
        (raw, within) =>
          raw.getUpdates(
            {
              timeout,
              limit: 100,
              allowed_updates: UPDATES,
              ...(from === undefined ? {} : { offset: from }),
            },
            within,
          ),
        signal,
        timeout * 1_000 + pace.graceMs,
      )
      .catch(async (error: unknown) => {
        if (!(error instanceof WebhookSetError)) throw error;
        log.info("the bot's updates went to a webhook; the settings ask for polling, so it is taken away");
        await api.call("deleteWebhook", (raw, within) => raw.deleteWebhook({}, within), signal);
        return [];
      });
    onUp();
    if (updates.length === 0) continue;
    const numbered = updates.flatMap((update) => {
      const id = UpdateId.safeParse(update);
      return id.success ? { id: id.data.update_id, update } : [];
    });
    if (numbered.length === 0) throw new TemporaryError("Telegram sends updates that have no number");
    if (numbered.length < updates.length) log.warn("updates without a number were passed over");
    for (const { id, update } of numbered) {
      const time = now();
      await take(update, `${id + 1}@${time}`, accept);
      [offset, takenAt] = [id + 1, time];
    }
  }
}

function parseCursor(cursor: string | undefined): { offset: number | undefined; takenAt: number } {
  const [, offset, takenAt] = /^(\d+)@(\d+)$/.exec(cursor ?? "") ?? [];
  return offset === undefined
    ? { offset: undefined, takenAt: 0 }
    : { offset: Number(offset), takenAt: Number(takenAt) };
}
