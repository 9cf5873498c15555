/**
 * The journal: what an agent's tools have done in a turn, by the id of the call (G11).
 *
 * - A row is written by the transaction that makes the effect true, so there is one exactly if the
 *   tool has acted. What acts where no transaction of ours reaches is written before, and amended by what
 *   came of it.
 * - The same call again is answered with the result of the first time; a later attempt is told what
 *   was done before it.
 */
import type { Kysely } from "kysely";
import type { TurnId } from "../core/ids.ts";
import type { Database } from "./tables.ts";

/** One call of a tool that acts. */
export interface Act {
  readonly toolUseId: string;
  readonly tool: string;
  readonly input: unknown;
  /** What the agent is told. */
  readonly result: string;
}

export interface Done {
  readonly tool: string;
  /** JSON. */
  readonly input: string;
  readonly result: string;
}

/** Inputs may hold whole messages; who is told of them needs to recognise them, not to read them. */
const INPUT_LENGTH = 2_000;

export async function record(
  trx: Kysely<Database>,
  turn: TurnId,
  { toolUseId, tool, input, result }: Act,
  now: number,
): Promise<void> {
  await trx
    .insertInto("journal")
    .values({
      turn_id: turn,
      tool_use_id: toolUseId,
      tool,
      input: JSON.stringify(input).slice(0, INPUT_LENGTH).toWellFormed(),
      result,
      at: now,
    })
    .execute();
}

/** What came of a call that was recorded as begun; undefined: nothing was done. */
export async function amend(
  trx: Kysely<Database>,
  turn: TurnId,
  toolUseId: string,
  result: string | undefined,
): Promise<void> {
  if (result === undefined) {
    await trx
      .deleteFrom("journal")
      .where("turn_id", "=", turn)
      .where("tool_use_id", "=", toolUseId)
      .execute();
    return;
  }
  await trx
    .updateTable("journal")
    .set({ result })
    .where("turn_id", "=", turn)
    .where("tool_use_id", "=", toolUseId)
    .execute();
}

/** What this call was answered with, if it was made before. */
export async function recorded(
  db: Kysely<Database>,
  turn: TurnId,
  toolUseId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom("journal")
    .select("result")
    .where("turn_id", "=", turn)
    .where("tool_use_id", "=", toolUseId)
    .executeTakeFirst();
  return row?.result;
}

/** Everything that the turn's tools have done, oldest first. */
export async function doneBy(db: Kysely<Database>, turn: TurnId): Promise<Done[]> {
  return await db
    .selectFrom("journal")
    .select(["tool", "input", "result"])
    .where("turn_id", "=", turn)
    .orderBy("at")
    .execute();
}
