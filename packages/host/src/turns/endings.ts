/**
 * How a turn ends, or an attempt at it: what is written, what its chat is told, what its owner is told.
 *
 * - Each ending is one transaction under the turn's fence (store/turns.ts). Where the fence is no longer
 *   the latest it throws, and nothing was written.
 * - A chat is told one sentence, with what happens next; the owner gets the reason.
 */
import { BACKOFF_BASE_MS } from "../core/backoff.ts";
import { onlyButtons, type Step } from "../core/button.ts";
import type { Clock } from "../core/clock.ts";
import type { EventBus } from "../core/events.ts";
import { failpoint } from "../core/failpoint.ts";
import type { GroupFolder } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Answers } from "../outbox/answers.ts";
import type { Notices } from "../outbox/notices.ts";
import type { NewOutbound } from "../store/outbox.ts";
import type { Claim } from "../store/claims.ts";
import type { RunEnd } from "../store/occurrences.ts";
import type { Completion, Conversation, Turns } from "../store/turns.ts";
import type { EngineFailure, FailureClass } from "./engine.ts";
import { CUT_OFF, givenUp, HELD, DONE, NO_ANSWER, runGivenUp, waiting, whyGivenUp } from "./failure-words.ts";
import type { Admitted } from "./provider-health.ts";
import { retryAt } from "./retry-policy.ts";
import type { Routes } from "./routes.ts";

export interface TurnLimits {
  /** Until the engine's program is up. */
  readonly startMs: number;
  /** Without any event of the engine. */
  readonly silenceMs: number;
  /** Of one attempt; and how long a turn is tried again. */
  readonly totalMs: number;
  /** Attempts at one turn (G11). */
  readonly attempts: number;
}

export interface EndingParts {
  readonly turns: Turns;
  readonly bus: EventBus;
  /** There is something to deliver in this turn's chat. */
  readonly deliver: (claim: Claim) => void;
  /** From what the turn says to what its chat is owed. */
  readonly answers: Pick<Answers, "answer" | "stopped">;
  readonly timezoneOf: (group: GroupFolder) => string;
  readonly limitsOf: (group: GroupFolder) => TurnLimits;
  readonly routes: Pick<Routes, "health" | "elsewhere" | "standsInFor">;
  readonly notices: Pick<Notices, "tell">;
  readonly clock: Clock;
  /** From 0 to below 1, for the jitter of backoffs. */
  readonly random: () => number;
  readonly log: Log;
}

/** What holds for this turn: a task may have bounds of its own. */
export function limitsFor({ task }: Claim, limits: TurnLimits): TurnLimits {
  if (!task) return limits;
  return { ...limits, attempts: task.retries + 1, totalMs: task.timeoutMs ?? limits.totalMs };
}

/** Runs of tasks are tried again for so long at most, and not past the task's next time. */
const RUN_PATIENCE_MS = 60 * 60_000;

/** No attempt is made after this. */
function lastChance({ task, createdAt }: Claim, { totalMs }: TurnLimits): number {
  return task ? Math.min(createdAt + RUN_PATIENCE_MS, task.nextAt ?? Infinity) : createdAt + totalMs;
}

/** A run that no person has joined by writing meanwhile: nobody waits for its answer. */
export function isUnwatched({ task, inputs }: Claim): boolean {
  return task !== undefined && inputs.length === 0;
}

export interface TurnOver {
  /** It waits for another attempt until then; or it ended without writing how, and is claimed again then. */
  readonly retryAt?: number;
}

/** Whoever has to wait longer than that wants to hear why. */
const WORTH_A_WORD_MS = 5_000;

/** What the owner is told of beside the chat itself. The rest is between a person and the model. */
const OWNERS_BUSINESS: readonly FailureClass[] = [
  "transient",
  "permanent",
  "resource",
  "crashed",
  "stale_position",
  "stale_session",
];

export function createEndings(parts: EndingParts) {
  const { turns, bus, clock, log } = parts;

  function announce(claim: Claim): void {
    bus.publish({ type: "durable", chat: claim.chat.id });
    parts.deliver(claim);
  }

  /** A word on the way, with what may be done meanwhile. */
  function beside({ turn }: Claim, what: string, text: string, steps: readonly Step[]): NewOutbound {
    return { key: `${turn}:${what}`, kind: "notice", text, offer: onlyButtons(text, steps, clock.now()) };
  }

  /** It was given up, and this is what people may do about it. */
  function lastWord(claim: Claim, reason: string): NewOutbound {
    const seq = claim.inputs.at(-1)?.seq;
    const again = seq === undefined ? [] : [{ label: "Try again", command: `/retry #${seq}` }];
    const offer = onlyButtons(reason, [...again, ...whyStep(claim)], clock.now());
    return { ...notice(claim, "failed", reason), offer };
  }

  /** Until the key works again; nothing is lost, and the person knows. */
  async function hold(claim: Claim, detail: string): Promise<TurnOver> {
    await turns.hold(claim, claim.session.provider, {
      class: "auth",
      detail,
      reason: HELD,
      outbound: [beside(claim, "held", HELD, [...whyStep(claim)])],
    });
    announce(claim);
    return {};
  }

  /** People wait for their answer; the time of a task passes. Unless there is another to be asked. */
  async function refused(claim: Claim, detail: string): Promise<TurnOver> {
    const at = parts.routes.elsewhere(claim);
    if (at !== undefined) return await tryAgain(claim, { class: "auth", detail }, { at, charged: false });
    if (!isUnwatched(claim)) return await hold(claim, detail);
    await giveUp(claim, { class: "auth", detail });
    return {};
  }

  async function tryAgain(
    claim: Claim,
    failure: EngineFailure,
    { at, charged }: { at: number; charged: boolean },
  ): Promise<TurnOver> {
    if (at > lastChance(claim, parts.limitsOf(claim.chat.folder))) {
      await giveUp(claim, failure);
      return {};
    }
    const long = at - clock.now() >= WORTH_A_WORD_MS && !isUnwatched(claim);
    const reason = waiting(failure, at, parts.timezoneOf(claim.chat.folder));
    failpoint("retry.begin");
    await turns.retry(claim, {
      ...failure,
      at,
      charged,
      reason: long ? reason : undefined,
      outbound: long ? [beside(claim, "waiting", reason, [...whyStep(claim), STOP])] : [],
    });
    failpoint("retry.committed");
    announce(claim);
    return { retryAt: at };
  }

  /** For good, and the person is told. */
  async function giveUp(
    claim: Claim,
    failure: EngineFailure,
    {
      words = givenUp(failure),
      why = whyGivenUp(failure),
    }: { words?: string | undefined; why?: string } = {},
  ): Promise<void> {
    const { task } = claim;
    const reason = task ? runGivenUp(task, why) : words;
    await turns.fail(claim, {
      ...failure,
      reason,
      outbound: isIgnored(claim, failure) ? [] : [lastWord(claim, reason)],
    });
    announce(claim);
    if (task) return; // its chat was told, and `bellhop tasks` says more
    if (OWNERS_BUSINESS.includes(failure.class)) {
      const told = `A message in ${claim.chat.id} got no answer (${failure.class}: ${failure.detail}). To see it: bellhop dead show ${claim.turn}`;
      const again = { label: "Try again", command: `/retry ${claim.turn}` };
      await parts.notices.tell(
        `turn:${claim.turn}`,
        told,
        undefined,
        onlyButtons(told, [again], clock.now()),
      );
    }
  }

  return {
    announce,

    /** The answer is owed. Returns the claim on what the engine carried over, if it did. */
    async complete(
      claim: Claim,
      {
        answer,
        run = { state: "succeeded", result: answer },
        ...rest
      }: Conversation & { answer: string; carried: Completion["carried"]; run?: RunEnd },
    ): Promise<Claim | undefined> {
      const kept = isUnwatched(claim) && claim.task?.announce === false;
      const rows = kept ? [] : await parts.answers.answer(claim, answer);
      // Who wrote is answered; work that ended may have nothing to say to anybody.
      const silent = rows.length === 0 && claim.inputs.length > 0 && !(await turns.hasSpoken(claim));
      failpoint("complete.begin");
      const next = await turns.complete(claim, {
        outbound: silent ? [notice(claim, "silent", withoutWords(claim))] : rows,
        run,
        ...rest,
      });
      failpoint("complete.committed");
      announce(claim);
      return next;
    },

    /** Stopped by a person. What was taken in counts as answered. `shown`: what could be read by then. */
    async cancel(claim: Claim, why: string, shown: string, conversation: Conversation): Promise<void> {
      const outbound = parts.answers.stopped(claim, shown);
      await turns.cancel(claim, { ...conversation, reason: why, outbound });
      announce(claim);
    },

    /** The service is not to be asked just now: nothing is tried, and no attempt is charged. */
    async keepBack(claim: Claim, admitted: Exclude<Admitted, { may: true }>): Promise<TurnOver> {
      const { provider } = claim.session;
      // The claim found this route working; the next one finds another. One that must wait for a
      // conversation that already moved looks again in a second.
      const elsewhere = parts.routes.elsewhere(claim);
      if (elsewhere !== undefined && elsewhere <= clock.now()) {
        const failure: EngineFailure = { class: "transient", detail: `${provider} cannot be asked` };
        return await tryAgain(claim, failure, { at: clock.now() + BACKOFF_BASE_MS, charged: false });
      }
      switch (admitted.because) {
        case "refused":
          return await refused(claim, `${provider} refuses our key`);
        case "waiting":
          return await tryAgain(
            claim,
            { class: "rate_limited", detail: `${provider} asks us to wait` },
            { at: Math.min(admitted.until, elsewhere ?? Infinity), charged: false },
          );
        case "failing":
          return await tryAgain(
            claim,
            { class: "transient", detail: `${provider} keeps failing` },
            { at: Math.min(admitted.until, elsewhere ?? Infinity), charged: false },
          );
        default:
          return admitted satisfies never;
      }
    },

    /** After a failed attempt: another one, or none. `words` is what the chat is told if it is the last. */
    async giveBack(claim: Claim, failure: EngineFailure, words?: string): Promise<TurnOver> {
      log.warn({ turn: claim.turn, attempt: claim.attempt, failure }, "an attempt at a turn failed");
      if (failure.class === "auth") return await refused(claim, failure.detail);
      if (failure.class === "transient" || failure.class === "rate_limited") {
        const elsewhere = parts.routes.elsewhere(claim);
        if (elsewhere !== undefined && elsewhere <= clock.now())
          return await tryAgain(claim, failure, { at: elsewhere, charged: false });
      }
      const at = retryAt(failure, {
        attempt: claim.attempt,
        attempts: limitsFor(claim, parts.limitsOf(claim.chat.folder)).attempts,
        createdAt: claim.createdAt,
        now: clock.now(),
        random: parts.random,
      });
      if (at !== undefined) return await tryAgain(claim, failure, { at, charged: !WAITS.has(failure.class) });
      await giveUp(claim, failure, { words });
      return {};
    },

    /** A turn that took its host down with it again and again never comes back (poison). */
    async buryLost(claim: Claim): Promise<void> {
      const failure: EngineFailure = {
        class: "crashed",
        detail: `the host died ${claim.lost} times while it ran`,
      };
      log.error({ turn: claim.turn }, failure.detail);
      await giveUp(claim, failure, claim.task?.atMostOnce ? { why: CUT_OFF } : {});
    },
  };
}

/** Where nothing was tried: no attempt is charged. */
const WAITS: ReadonlySet<EngineFailure["class"]> = new Set(["rate_limited", "unready"]);

/** A gate that fails may be told to nobody, if its task wants that. */
function isIgnored({ task, inputs }: Claim, { class: kind }: EngineFailure): boolean {
  return inputs.length === 0 && kind === "script" && task?.gateFailure === "ignore" && task.gate !== null;
}

const STOP: Step = { label: "Stop", command: "/stop" };

/** Of the last message that the turn answers; none where nobody asked. */
function whyStep({ inputs }: Claim): Step[] {
  const seq = inputs.at(-1)?.seq;
  return seq === undefined ? [] : [{ label: "Why?", command: `/why #${seq}` }];
}

/** The last word of a turn: it takes the place of what was shown of an answer. */
function notice({ turn }: Claim, what: string, text: string): NewOutbound {
  return { key: `${turn}:${what}`, kind: "notice", text, overDraft: "if any" };
}

/** One of the engine's own commands does its work, and mostly says nothing of it. */
function withoutWords({ inputs }: Claim): string {
  return inputs.every(({ engine_command }) => engine_command === 1) ? DONE : NO_ANSWER;
}
