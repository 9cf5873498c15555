/**
 * One turn, from its claim to its end: `done`, `failed`, `cancelled`, or waiting for another attempt.
 *
 * - Everything it causes is written under its fence. Where that fails, somebody else holds the turn:
 *   it stops, closes its room and writes nothing more (G7).
 * - Three clocks watch each of its attempts (clocks.ts).
 * - The ladder (design: stale resume): an unknown position resumes the session at its latest point;
 *   an unknown session starts afresh with a recap, once, and the person is told. Nobody sees the
 *   error itself, and no attempt is charged for it.
 * - It may be stopped (stopping.ts). What the engine had taken in by then counts as answered; the rest of
 *   what came waits for the next turn.
 */
import { StaleError } from "@bellhop/sdk";
import { BACKOFF_BASE_MS } from "../core/backoff.ts";
import type { LiveEvent } from "../core/events.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import type { ChatId, GroupFolder, InboxId } from "../core/ids.ts";
import type { Effort } from "../core/task.ts";
import { joined } from "../store/context.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { Claim } from "../store/claims.ts";
import type { Conversation, Turns } from "../store/turns.ts";
import type { ClaimedTask } from "../store/occurrences.ts";
import type { Door, Spending } from "./broker.ts";
import { type OutOfTime, startClocks } from "./clocks.ts";
import { createEndings, type EndingParts, isUnwatched, limitsFor, type TurnOver } from "./endings.ts";
import type { EngineEvent, EngineFailure, EngineOpen, FailureClass } from "./engine.ts";
import { BARE, NO_SANDBOX, standingIn, STARTED_AFRESH } from "./failure-words.ts";
import { createListening } from "./listening.ts";
import { createPrompting, type PromptingParts } from "./prompting.ts";
import { judged, nextRung } from "./retry-policy.ts";
import { createSteering, type SteeringParts } from "./steering.ts";
import { createTaskRun, type TaskRunParts } from "./task-run.ts";
import type { Room, Rooms } from "./rooms.ts";
import { createStopping, type CutShort, type Stopping } from "./stopping.ts";
import type { TurnLife } from "./turn-hooks.ts";
import { failpoint } from "../core/failpoint.ts";

export interface TurnParts extends EndingParts, PromptingParts, SteeringParts, TaskRunParts {
  readonly turns: Turns;
  readonly rooms: Rooms;
  readonly secrets: KnownSecrets;
  /** How hard the model thinks in this turn, where somebody has said it. */
  readonly effortOf: (claim: Claim) => Effort | undefined;
  /** What the turn may still spend. */
  readonly spendingOf: (claim: Claim) => Promise<Spending>;
  /** Whether an answer may be seen before it is whole; by default it may. */
  readonly mayGrow?: ((group: GroupFolder, chat: ChatId) => boolean) | undefined;
  /** Told when it begins and when it ends. */
  readonly life?: TurnLife | undefined;
  readonly taint: SteeringParts["taint"] & { begins(claim: Claim): Promise<void> };
}

/** A turn under way, as the dispatcher and the tools see it. */
export interface RunningTurn {
  /** The claim it holds now; another one once a carried message opened the next turn. */
  readonly claim: Claim;
  readonly state: Stopping["state"];
  /** What somebody who starts to watch now has missed. */
  snapshot(): readonly LiveEvent[];
  /** More messages have come for its session. */
  hint(): void;
  /** Ends it now and gives it back uncharged: we are shutting down (G26). */
  release(): void;
  /** Ends it now for good: cancelled. `why` is what those who watch are told. */
  stop(why: string): void;
  /** Never rejects. */
  readonly over: Promise<TurnOver>;
}

type Ended =
  | { readonly how: "done"; readonly carried: readonly InboxId[] }
  | { readonly how: "failed"; readonly failure: EngineFailure; readonly words?: string }
  | CutShort;

/** @param goesOn the engine has begun the answer by itself, and waits for nobody's prompt */
export function startTurn(first: Claim, parts: TurnParts, goesOn = false): RunningTurn {
  const { turns, rooms, bus, clock, log } = parts;
  const limits = limitsFor(first, parts.limitsOf(first.chat.folder));
  const { batchPrompt, promptOf } = createPrompting(parts);
  const endings = createEndings(parts);
  const taskRun = createTaskRun(parts);
  const stopping = createStopping(clock, (error) =>
    log.warn({ err: error, turn: claim.turn }, "an engine did not take the stop; it is killed"),
  );
  const steering = createSteering(parts, {
    claim: () => claim,
    promptOf,
    interrupt: () => stop("interrupted by a newer message"),
  });
  let claim = first;
  /** What this attempt's engine says to people, and of the conversation: that is stored if the turn completes. */
  let listening = createListening(parts.secrets);
  let heard: { engineSession?: string; position?: string } = {};
  let room: Room | undefined;
  /** Of a task: what its gate said. */
  let gateSaid: string | undefined;
  /** Rungs of the ladder that this turn has been on. */
  let tried = new Set<FailureClass>();

  const mayGrow = () => parts.mayGrow?.(claim.chat.folder, claim.chat.id) !== false;
  const live = () => ({ chat: claim.chat.id, turn: claim.turn });
  function show(event: LiveEvent): void {
    // What is sent to nobody is shown to nobody while it grows.
    if (isUnwatched(claim) && claim.task?.announce === false) return;
    if (event.type === "delta" && !mayGrow()) return;
    bus.publish({ type: "live", event });
  }

  async function run(): Promise<TurnOver> {
    parts.life?.began(claim);
    await parts.taint.begins(claim);
    const over = claim.task && (await precede(claim.task));
    if (over) return over;
    const admitted = healthNow().admit();
    if (!admitted.may) return await endings.keepBack(claim, admitted);
    await tellRoute();
    let carriedOn = goesOn;
    for (;;) {
      const ended = await attempt(carriedOn);
      if (ended.how === "done") {
        const { answer } = listening;
        const next = await endings.complete(claim, {
          answer,
          ...(await conversation()),
          carried: ended.carried,
        });
        if (!next) {
          // A program that goes on with what nobody claimed would speak for no turn.
          if (ended.carried.length > 0) await closeRoom();
          else if (room) rooms.idle(room);
          return {};
        }
        parts.life?.left(claim);
        claim = next;
        parts.life?.began(claim);
        await parts.taint.begins(claim);
        carriedOn = true;
        tried = new Set();
        continue;
      }
      carriedOn = false;
      if (ended.how !== "released" && stopping.why !== undefined) {
        // First what people see, then the work of ending a program.
        const kept = heard.position === undefined ? {} : await conversation();
        await endings.cancel(claim, stopping.why, listening.shown, kept);
        await closeRoom();
        return {};
      }
      await closeRoom();
      if (ended.how !== "failed") {
        await turns.release(claim);
        return {};
      }
      const rung = nextRung(ended.failure, tried);
      if (rung === undefined) return await endings.giveBack(claim, ended.failure, ended.words);
      tried.add(rung);
      if (rung === "stale_session") await startAfresh();
      // It may have failed in the middle.
      const [alreadySent, alreadyDone] = [await turns.alreadySent(claim), await turns.alreadyDone(claim)];
      claim = { ...claim, alreadySent, alreadyDone };
      room = open(rung === "stale_position" ? resumeOf(claim, false) : undefined);
    }
  }

  const healthNow = () => parts.routes.health(claim.session.provider);

  /** Somebody who knows nothing of it would wonder at another model's answers. */
  async function tellRoute(): Promise<void> {
    const usual = parts.routes.standsInFor(claim);
    if (usual === undefined || claim.session.engine_session !== null || isUnwatched(claim)) return;
    await notify("route", standingIn(claim.session.provider, usual));
  }

  /** What a task wants done before its model is asked, or instead. Undefined: the model is asked. */
  async function precede(task: ClaimedTask): Promise<TurnOver | undefined> {
    if (task.cancelled) {
      // Between two attempts; nobody waits for another one.
      await endings.cancel(claim, "Its task was cancelled.", "", {});
      return {};
    }
    const before = await taskRun.before(claim, task, limits.totalMs, stopping.signal);
    switch (before.next) {
      case "ask":
        gateSaid = before.told;
        return undefined;
      case "over":
        await endings.complete(claim, { answer: before.answer, run: before.run, carried: [] });
        return {};
      case "failed":
        return await endings.giveBack(claim, before.failure);
      case "end":
        if (stopping.why === undefined) await turns.release(claim);
        else await endings.cancel(claim, stopping.why, "", {});
        return {};
      default:
        return before satisfies never;
    }
  }

  function open(resume: EngineOpen["resume"]): Room {
    const { session, chat, model } = claim;
    return rooms.open({ session, group: chat.folder, model, effort: parts.effortOf(claim), resume });
  }

  async function closeRoom(): Promise<void> {
    if (room) await rooms.close(room);
    room = undefined;
  }

  /** The engine's conversation is lost: a new one, which begins with a recap. */
  async function startAfresh(): Promise<void> {
    tried.add("stale_session");
    failpoint("afresh.begin");
    claim = await turns.startAfresh(claim);
    await parts.taint.begins(claim);
    failpoint("afresh.committed");
    await notify("afresh", STARTED_AFRESH);
  }

  /** A record that is shorter than it was would be resumed without any error, as if it were all. */
  async function isCut(): Promise<boolean> {
    const { engine_session, transcript_bytes } = claim.session;
    if (engine_session === null || transcript_bytes === null) return false;
    const bytes = await rooms.measure(claim.chat.folder, engine_session);
    return bytes !== undefined && bytes < transcript_bytes;
  }

  /** The session's warm room, or a new one. */
  async function enter(): Promise<Room> {
    const warm = rooms.of(claim.session.id);
    if (warm?.state === "idle" && warm.model === claim.model && warm.effort === parts.effortOf(claim))
      return warm;
    if (warm) await rooms.close(warm); // on its way out, or with another model
    if (await isCut()) await startAfresh();
    return open(resumeOf(claim, true));
  }

  /** One attempt: opens a room if there is none, gives it the batch, listens until the engine is done. */
  async function attempt(carriedOn: boolean): Promise<Ended> {
    bus.publish({ type: "durable", chat: claim.chat.id }); // that it has started
    const spending = await parts.spendingOf(claim);
    const usedUp = carriedOn ? undefined : spending.usedUp(); // no sandbox is opened for nothing
    if (usedUp) return { how: "failed", failure: usedUp };
    room ??= await enter();
    const here = room;
    const cold = here.state === "starting";
    if (!cold) rooms.busy(here, claim.chat.id);
    listening = createListening(parts.secrets);
    heard = {};
    steering.begin(carriedOn);
    let door: Door;
    try {
      const opened = await stopping.or(here.door);
      if ("how" in opened) return opened;
      door = opened;
    } catch (cause) {
      const detail = `the sandbox could not be opened: ${words(cause)}`;
      return { how: "failed", failure: { class: "transient", detail, words: NO_SANDBOX } };
    }
    if (cold) await absorb();
    steering.batch(claim.inputs);
    // The engine itself has begun, or it is given the batch: which waits a while for files that are coming.
    const prepared = carriedOn && !cold ? undefined : batchPrompt(claim, gateSaid);
    prepared?.catch(() => undefined); // whoever is stopped meanwhile does not hear of it
    const prompt = await stopping.or(prepared);
    if (prompt && "how" in prompt) return prompt;
    if (stopping.cutShort) return stopping.cutShort;
    door.setTurn(claim.turn, spending);
    if (prompt) here.engine.prompt(prompt);
    steering.open(here);
    const clocks = startClocks({ room: here, door, cold, limits, stopping, clock });
    const ended = await listen(clocks.next).finally(steering.close);
    if (cold && ended.how === "failed" && heard.engineSession === undefined) rooms.startFailed(here);
    const failureSeen = door.lastFailure();
    if (ended.how === "done" || failureSeen) healthNow().heard(failureSeen);
    else healthNow().unheard();
    // What is carried over goes on at once: its model calls belong to the turn that is about to be claimed.
    if (ended.how !== "done" || ended.carried.length === 0) door.setTurn(undefined);
    return ended.how === "failed" ? { ...ended, failure: judged(ended.failure, failureSeen) } : ended;
  }

  async function listen(next: () => Promise<EngineEvent | OutOfTime | CutShort>): Promise<Ended> {
    for (;;) {
      const event = await next();
      const ended = "how" in event ? event : await hear(event);
      if (ended) return ended;
    }
  }

  async function hear(event: EngineEvent): Promise<Extract<Ended, { how: "done" | "failed" }> | undefined> {
    switch (event.type) {
      case "ready":
        if (room) rooms.busy(room, claim.chat.id);
        if (room?.bare) await notify("bare", BARE);
        heard.engineSession = event.engineSession;
        return undefined;
      case "position":
        heard.position = event.position;
        return undefined;
      case "consumed":
        await takeIn(steering.consumed(event.prompts));
        return undefined;
      case "delta":
      case "reply": {
        const piece = event.type === "delta" ? listening.delta(event.text) : listening.reply(event.text);
        if (listening.overflowed)
          return { how: "failed", failure: { class: "crashed", detail: "the answer has no end" } };
        if (piece) show({ type: "delta", ...live(), ...piece });
        return undefined;
      }
      case "activity":
        if (listening.activity(event.tool)) show({ type: "activity", ...live(), tool: event.tool });
        return undefined;
      case "done":
        return event.failure
          ? { how: "failed", failure: event.failure }
          : { how: "done", carried: steering.carried(event.carried) };
      case "closed":
        return {
          how: "failed",
          failure: event.failure ?? { class: "crashed", detail: "the engine ended in the middle of a turn" },
        };
      case "background":
      case "offers": // the rooms keep these
        return undefined;
      default:
        return event satisfies never;
    }
  }

  /** What arrived while the sandbox started joins its first prompt. */
  async function absorb(): Promise<void> {
    await takeIn(await turns.followUps(claim));
  }

  /** From here on the turn answers for these, whichever attempt it is that ends it. */
  async function takeIn(rows: readonly InboxRow[]): Promise<void> {
    failpoint("consume.begin");
    const context = await turns.consume(
      claim,
      rows.map(({ id }) => id),
    );
    failpoint("consume.committed");
    await parts.taint.takes(claim, [...rows, ...context.rows]);
    claim = { ...claim, inputs: [...claim.inputs, ...rows], context: joined(claim.context, context) };
  }

  /** Where the next turn takes up: what the engine said in this one, else what was known. */
  async function conversation(): Promise<Conversation> {
    const { engine_session, position } = claim.session;
    const engineSession = heard.engineSession ?? engine_session ?? undefined;
    if (engineSession === undefined) return {};
    return {
      engineSession,
      position: heard.position ?? position ?? undefined,
      transcriptBytes: await rooms.measure(claim.chat.folder, engineSession),
    };
  }

  function stop(why: string): void {
    stopping.stop(why, steering.answering?.engine);
  }

  async function notify(what: string, text: string): Promise<void> {
    await turns.say(claim, claim.chat, [{ key: `${claim.turn}:${what}`, kind: "notice", text }]);
    endings.announce(claim);
  }

  const ran = run().catch(async (error: unknown) => {
    // Either the claim is somebody else's now, or the database failed: nothing can be written here.
    log.error({ err: error, turn: claim.turn }, "a turn was abandoned");
    endings.announce(claim); // a commit that failed may be on disk all the same, and nobody else tells of it
    await closeRoom();
    return error instanceof StaleError ? {} : { retryAt: clock.now() + BACKOFF_BASE_MS };
  });

  return {
    get claim() {
      return claim;
    },
    get state() {
      return stopping.state;
    },
    snapshot() {
      const events: LiveEvent[] = [];
      if (listening.shown !== "" && mayGrow())
        events.push({ type: "delta", ...live(), text: listening.shown, reset: true });
      const { tool } = listening;
      if (tool !== undefined) events.push({ type: "activity", ...live(), tool });
      return events;
    },
    hint: steering.hint,
    release: stopping.release,
    stop,
    over: ran.finally(() => {
      stopping.over();
      parts.life?.left(claim);
    }),
  };
}

/** Where a fresh program takes the conversation up. */
function resumeOf({ session }: Claim, atPosition: boolean): EngineOpen["resume"] {
  if (session.engine_session === null) return undefined;
  return {
    engineSession: session.engine_session,
    position: atPosition ? (session.position ?? undefined) : undefined,
  };
}

function words(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
