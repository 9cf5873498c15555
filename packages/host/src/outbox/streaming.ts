/**
 * Streaming: an answer grows before people's eyes on platforms where a sent message can be changed.
 *
 * - Once something has been visible for a second, its beginning is owed as the turn's draft, in the order
 *   of the chat. From then on the draft is edited as the text grows, at most every 1.5 s or as seldom as the
 *   platform wants it, and only where the account's rate has room. What is said between tool calls is shown there and replaced.
 * - A draft is best effort and one part long. What counts is the answer, which takes its place, exact,
 *   through the same lane (outbox/deliver.ts): no edit of a draft can come after it.
 * - There is one draft to a turn: a later attempt takes up the one that an earlier showed.
 */
import { type ChannelAbilities, StaleError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import type { EventBus, LiveEvent } from "../core/events.ts";
import type { ChatId, GroupFolder, OutboxId, TurnId } from "../core/ids.ts";
import { splitText } from "../core/split.ts";
import type { Log } from "../log.ts";
import { draftKey, type Outbox } from "../store/outbox.ts";
import type { Claim } from "../store/claims.ts";
import type { Turns } from "../store/turns.ts";
import type { Answers } from "./answers.ts";
import type { Delivery } from "./deliver.ts";

/** A turn under way, as it is watched here. */
export interface Watched {
  /** Another one once a carried message opened the next turn. */
  readonly claim: Claim;
  readonly state: "running" | "stopping" | "releasing";
  readonly over: Promise<unknown>;
}

export interface StreamingParts {
  readonly bus: EventBus;
  readonly turns: Pick<Turns, "say">;
  readonly outbox: Pick<Outbox, "draftOf">;
  readonly delivery: Pick<Delivery, "wake" | "grow">;
  readonly answers: Pick<Answers, "quoteOf" | "sizeOf">;
  /** Whether what was sent to this chat can be changed, and how often. */
  readonly abilitiesOf: (chat: ChatId) => Pick<ChannelAbilities, "edits" | "editEveryMs"> | undefined;
  /** Whether answers may be seen before they are whole; by default they may. */
  readonly mayGrow?: ((group: GroupFolder, chat: ChatId) => boolean) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_MS = 1_000;
const EVERY_MS = 1_500;

export function createStreaming(parts: StreamingParts) {
  const { bus, turns, outbox, delivery, answers, clock, log } = parts;
  const streams = new Map<ChatId, (event: LiveEvent) => void>();
  const unsubscribe = bus.subscribe((signal) => {
    if (signal.type === "live") streams.get(signal.event.chat)?.(signal.event);
  });

  function watch(running: Watched): void {
    const { id: chat, direct } = running.claim.chat;
    const abilities = parts.abilitiesOf(chat);
    if (abilities?.edits !== true) return;
    const everyMs = abilities.editEveryMs?.[direct === 1 ? "direct" : "shared"] ?? EVERY_MS;
    const mayGrow = () => parts.mayGrow?.(running.claim.chat.folder, chat) !== false;
    const size = answers.sizeOf(chat);
    /** More than the first part can depend on. */
    const enough = size.limit * 2;
    let turn: TurnId | undefined;
    let text = "";
    let shown = "";
    let draft: OutboxId | undefined;
    let cancel: (() => void) | undefined;

    function hear(event: LiveEvent): void {
      if (event.type !== "delta") return;
      if (event.turn !== turn) {
        turn = event.turn;
        [text, shown, draft] = ["", "", undefined];
      }
      if (event.reset) text = event.text;
      else if (text.length < enough) text += event.text;
      if (text.trim() !== "") cancel ??= clock.after(draft ? everyMs : FIRST_MS, tick);
    }

    function tick(): void {
      cancel = undefined;
      show().catch((error: unknown) => {
        if (!(error instanceof StaleError)) log.warn({ err: error, chat }, "a draft could not be shown");
      });
    }

    async function show(): Promise<void> {
      const { claim } = running;
      const [beginning] = splitText(text, size);
      if (running.state !== "running" || claim.turn !== turn || !mayGrow()) return;
      if (beginning === undefined || beginning === shown) return;
      shown = beginning;
      draft ??= await outbox.draftOf(claim.turn);
      if (draft) return delivery.grow(chat, draft, beginning);
      const row = { key: draftKey(claim.turn), kind: "draft", text: beginning } as const;
      await turns.say(claim, claim.chat, [{ ...row, replyTo: await answers.quoteOf(claim) }]);
      draft = await outbox.draftOf(claim.turn);
      delivery.wake(chat);
    }

    streams.set(chat, hear);
    void running.over.finally(() => {
      cancel?.();
      if (streams.get(chat) === hear) streams.delete(chat);
    });
  }

  return { watch, close: unsubscribe };
}
