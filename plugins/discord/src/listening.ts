/**
 * Listening: takes up the session of the cursor, or begins one, and brings what happens, one thing after the other.
 *
 * - The number in the cursor moves only with what is on disk (G1). What was not accepted, Discord brings again when
 *   the session is taken up from the older number.
 * - Where Discord does not know the session any more, a new one begins, and what was written meanwhile is read (G4).
 *   Until that is on disk, the cursor does not know of the new session.
 * - At most one new session per call, none where Discord has few left for today, and none within five seconds of
 *   the one before: whoever begins too many loses his token.
 */
import { type Accept, type Logger, safeRoot, TemporaryError } from "@bellhop/sdk";
import { setTimeout as pause } from "node:timers/promises";
import type { Api } from "./api.ts";
import { afterMessage, afterSeq, cursorOf, NOWHERE, type Place, placeFrom } from "./cursor.ts";
import { SessionOverError } from "./errors.ts";
import { GatewayBot, type Interaction, Ready } from "./events.ts";
import { type Dispatch, gateway } from "./gateway.ts";
import { type Hearing, INTENTS, isUnreadable } from "./hearing.ts";
import { messagesAfter, unheard } from "./history.ts";

export interface Pace {
  /** So long the gateway may take for its first word, and then to let us in. */
  readonly helloMs: number;
  /** Between two sessions that begin. */
  readonly identifyEveryMs: number;
  /** Before a session begins in place of one that was refused: at least, and at most so much more. */
  readonly refusedMs: { readonly least: number; readonly more: number };
}

export const PACE: Pace = {
  helloMs: 20_000,
  identifyEveryMs: 5_000,
  refusedMs: { least: 1_000, more: 4_000 },
};

/** With fewer left for today we wait for the next day: who uses them up loses the token. */
const SPARE_STARTS = 5;

export interface ListeningParts {
  readonly token: string;
  readonly allowPlain: boolean;
  readonly api: Api;
  readonly hearing: Hearing;
  /** It is connected, and hears. */
  readonly onUp: () => void;
  /** What somebody waits for is on disk. It must not throw. */
  readonly onTaken: (waits: Interaction) => void;
  readonly pace: Pace;
  readonly now: () => number;
  readonly random: () => number;
  readonly log: Pick<Logger, "warn" | "info">;
}

export function createListening(parts: ListeningParts) {
  const { token, allowPlain, api, hearing, onUp, onTaken, pace, now, random, log } = parts;
  let begunAt = Number.NEGATIVE_INFINITY;
  /** Sessions and addresses that were of no use the last time. */
  let lostSession: string | undefined;
  let deadAddress: string | undefined;

  const addressOf = (url: string) => safeRoot(url, { who: "Discord's gateway", allowPlain });

  async function gatewayBot(signal: AbortSignal) {
    return await api.ask({ method: "GET", path: "/gateway/bot", what: "the gateway" }, GatewayBot, signal);
  }

  /** Where a session may begin. @throws TemporaryError not now */
  async function placeToBegin(signal: AbortSignal): Promise<string> {
    const { url, session_start_limit: limit } = await gatewayBot(signal);
    if (limit.remaining < SPARE_STARTS)
      throw new TemporaryError("Discord lets this bot connect only so often a day, and it did; it waits", {
        retryAfterMs: limit.reset_after,
      });
    const waitMs = begunAt + pace.identifyEveryMs - now();
    if (waitMs > 0) await pause(waitMs, undefined, { signal });
    begunAt = now();
    return url;
  }

  async function resumeAddress({ url }: { readonly url: string }, signal: AbortSignal): Promise<string> {
    return url === deadAddress ? (await gatewayBot(signal)).url : url;
  }

  /** One connection, until it ends. */
  async function hear(from: Place, me: string, accept: Accept, signal: AbortSignal): Promise<never> {
    const { session } = from;
    const address = session ? await resumeAddress(session, signal) : await placeToBegin(signal);
    const options = {
      url: addressOf(address),
      token,
      intents: INTENTS,
      session,
      helloMs: pace.helloMs,
      random,
      log,
    };
    let place = from;
    let connected = false;
    try {
      for await (const dispatch of gateway(options, signal)) {
        connected = true;
        if (dispatch.t === "READY") place = await begun(dispatch, place, me, accept, signal);
        else if (dispatch.t === "RESUMED") onUp();
        else place = await take(dispatch, place, me, accept, signal);
      }
      throw new TemporaryError("Discord's gateway has ended");
    } catch (error) {
      if (session && !connected && !signal.aborted) deadAddress = session.url;
      throw error;
    }
  }

  /** A session has begun: first what was written meanwhile, then the place in it. */
  async function begun(dispatch: Dispatch, before: Place, me: string, accept: Accept, signal: AbortSignal) {
    const ready = Ready.safeParse(dispatch.d);
    if (!ready.success) throw new TemporaryError("Discord's session cannot be read", { cause: ready.error });
    const { session_id: id, resume_gateway_url: url } = ready.data;
    let { heard } = before;
    for (const [channel, last] of [...before.heard, ...(await unheard(before.heard, { api, log }, signal))]) {
      for await (const message of messagesAfter(channel, last, { api, log }, signal)) {
        const [found] = await hearing.message(message, "message", me, signal);
        heard = afterMessage({ heard }, channel, message.id).heard;
        if (found) await accept(found.inbound, cursorOf({ heard }));
      }
    }
    const place: Place = { session: { id, seq: dispatch.s, url }, heard };
    await accept.keep?.(cursorOf(place));
    onUp();
    return place;
  }

  async function take(dispatch: Dispatch, before: Place, me: string, accept: Accept, signal: AbortSignal) {
    const all = await hearing
      .heard(dispatch, before.session?.id ?? "", me, signal)
      .catch((error: unknown) => {
        if (!isUnreadable(error)) throw error;
        log.warn("something that Discord told cannot be read and was passed over", { what: dispatch.t });
        return [];
      });
    let place = before;
    for (const [index, { inbound, message, waits }] of all.entries()) {
      if (message) place = afterMessage(place, message.channel, message.id);
      if (index === all.length - 1) place = afterSeq(place, dispatch.s);
      await accept(inbound, cursorOf(place));
      if (waits) onTaken(waits);
    }
    return place;
  }

  return {
    /** @param me our id */
    async listen(
      cursor: string | undefined,
      me: string,
      accept: Accept,
      signal: AbortSignal,
    ): Promise<never> {
      const { session, heard } = placeFrom(cursor);
      const lost = session === undefined || session.id === lostSession;
      const place: Place = lost ? { ...NOWHERE, heard } : { session, heard };
      try {
        return await hear(place, me, accept, signal);
      } catch (error) {
        if (!(error instanceof SessionOverError) || place.session === undefined) throw error;
        log.info("Discord does not know our session any more; a new one begins");
        lostSession = place.session.id;
        await pause(pace.refusedMs.least + random() * pace.refusedMs.more, undefined, { signal });
        return await hear({ heard }, me, accept, signal);
      }
    },
  };
}
