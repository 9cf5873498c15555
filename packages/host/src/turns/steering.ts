/**
 * What an engine is given during an attempt: the batch, and what comes in the same chat while it answers.
 *
 * - What comes is given to it at once, one after the other, so that order is kept; or it stops the engine; or
 *   it waits: its group's choice.
 * - Given is not taken in: the turn answers for a message only once the engine says so (G10). What it never
 *   took in is for the next turn.
 */
import type { GroupFolder, InboxId } from "../core/ids.ts";
import type { Log } from "../log.ts";
import type { Claim } from "../store/claims.ts";
import type { InboxRow } from "../store/inbox.ts";
import type { Turns } from "../store/turns.ts";
import type { Prompting } from "./prompting.ts";
import type { Room } from "./rooms.ts";

export interface SteeringParts {
  readonly turns: Pick<Turns, "followUps" | "contextOf">;
  /** What a message does that comes while its chat is being answered. */
  readonly queueOf: (group: GroupFolder) => "steer" | "queue" | "interrupt";
  /** Told of everything before it is given to an engine: it may be tainted (policy/taint.ts). */
  readonly taint: { takes(claim: Claim, rows: readonly InboxRow[]): Promise<void> };
  readonly log: Log;
}

export interface SteeredTurn {
  /** The one that it holds now. */
  readonly claim: () => Claim;
  readonly promptOf: Prompting["promptOf"];
  /** Something newer has come, and its group wants that to end the answer. */
  readonly interrupt: () => void;
}

export function createSteering(parts: SteeringParts, { claim, promptOf, interrupt }: SteeredTurn) {
  const { turns, queueOf, taint, log } = parts;
  /** Handed to the engine, whether it took them in or not. */
  let given = new Map<InboxId, InboxRow>();
  /** Taken in: the turn answers for them. */
  let taken = new Set<InboxId>();
  let answering: Room | undefined;
  let looking = false;
  let lookAgain = false;

  async function steer(): Promise<void> {
    const here = answering;
    const queue = queueOf(claim().chat.folder);
    if (!here || queue === "queue" || (queue === "steer" && !here.steers)) return;
    const came = await turns.followUps(claim());
    if (queue === "interrupt") {
      if (came.length > 0 && answering === here) interrupt();
      return;
    }
    for (const row of came) {
      const afterSeq = Math.max(0, ...[...given.values()].map(({ seq }) => seq)); // with them it was given before
      const context = await turns.contextOf(claim(), { afterSeq, beforeSeq: row.seq });
      await taint.takes(claim(), [row, ...context.rows]);
      const prompt = await promptOf(claim(), [row], { steering: true, context });
      // Its answer may have ended while we read; then the message is for the next turn.
      if (answering !== here || given.has(row.id)) continue;
      given.set(row.id, row);
      here.engine.prompt(prompt, true);
    }
  }

  /** Steers, and again if more came meanwhile. */
  function look(): void {
    if (looking || !lookAgain || !answering) return;
    looking = true;
    lookAgain = false;
    steer()
      .catch((error: unknown) =>
        log.error({ err: error, turn: claim().turn }, "follow-ups could not be read"),
      )
      .finally(() => {
        looking = false;
        look();
      });
  }

  return {
    /** The room whose engine answers the turn just now: only that one is given more. */
    get answering(): Room | undefined {
      return answering;
    },

    /**
     * An attempt begins, and its engine was given nothing yet.
     * @param carriedOn in the room of the one before: what that was given, and neither took in nor carried
     * over, is void and has to be looked for again
     */
    begin(carriedOn: boolean): void {
      given = new Map();
      if (carriedOn) lookAgain = true;
    },

    /** These are the batch, which the turn answers for whatever the engine says of them. */
    batch(rows: readonly InboxRow[]): void {
      taken = new Set(rows.map(({ id }) => id));
      for (const row of rows) given.set(row.id, row);
    },

    /** Its engine is at work from now on, and is given what came since the batch was read. */
    open(room: Room): void {
      answering = room;
      look();
    },

    /** Its engine is given no more. */
    close(): void {
      answering = undefined;
    },

    /** The engine took these in. Returns those that the turn did not answer for yet. */
    consumed(prompts: readonly InboxId[]): readonly InboxRow[] {
      const fresh = prompts.flatMap((id) => (taken.has(id) ? [] : (given.get(id) ?? [])));
      for (const { id } of fresh) taken.add(id);
      return fresh;
    },

    /** What it says that it carries over, if it was given that and did not take it in. */
    carried(prompts: readonly InboxId[]): readonly InboxId[] {
      return prompts.filter((id) => given.has(id) && !taken.has(id));
    },

    /** More may have come. */
    hint(): void {
      lookAgain = true;
      look();
    },
  };
}
