/**
 * What was chosen for groups while we run: which there are beside the configured ones, and their settings, by
 * chat commands, `bellhop groups` and the agent of `main`. It stands over what is configured.
 *
 * - Kept in memory, since every message asks for it. Who changes it in a transaction of their own calls
 *   `refresh` once that is committed; until then what was there holds.
 * - What a newer version chose and this one does not know is left out, not an error.
 */
import type { Kysely, Selectable } from "kysely";
import { z } from "zod";
import { GroupChoices, type GroupChange } from "../config/sections.ts";
import type { GroupFolder } from "../core/ids.ts";
import { jsonText } from "../core/json-text.ts";
import type { Database, GroupsTable } from "./tables.ts";

type Row = Pick<Selectable<GroupsTable>, "chosen" | "made" | "guest">;

export type GroupSettings = Awaited<ReturnType<typeof openGroupSettings>>;

export async function openGroupSettings(db: Kysely<Database>) {
  const known = new Map<
    GroupFolder,
    { readonly chosen: GroupChoices; readonly made: boolean; readonly guest: boolean }
  >();

  async function refresh(): Promise<void> {
    const rows = await db.selectFrom("groups").select(["folder", "chosen", "made", "guest"]).execute();
    for (const { folder, ...row } of rows) known.set(folder, toKnown(row));
  }
  await refresh();

  return {
    /** What is absent is as configured. */
    of: (group: GroupFolder): GroupChoices => known.get(group)?.chosen ?? {},

    /** It was made while we ran. */
    isMade: (group: GroupFolder): boolean => known.get(group)?.made ?? false,
    /** It was made for somebody who was let in. */
    isGuest: (group: GroupFolder): boolean => known.get(group)?.guest ?? false,
    /** All that were made while we ran, by the owner's word or for guests. */
    made: (): GroupFolder[] =>
      [...known].flatMap(([folder, { made, guest }]) => (made || guest ? folder : [])),

    /** `null` goes back to what is configured; what is not named stays. */
    async choose(group: GroupFolder, change: GroupChange): Promise<void> {
      await db.transaction().execute((trx) => chooseIn(trx, group, change));
      await refresh();
    },

    refresh,
  };
}

/** The same inside a transaction; `refresh` once it is committed. */
export async function chooseIn(
  trx: Kysely<Database>,
  group: GroupFolder,
  change: GroupChange,
): Promise<void> {
  const row = await trx
    .selectFrom("groups")
    .select("chosen")
    .where("folder", "=", group)
    .executeTakeFirstOrThrow();
  const merged = Object.entries({ ...toChoices(row.chosen), ...change }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  const chosen = merged.length === 0 ? null : JSON.stringify(Object.fromEntries(merged));
  await trx.updateTable("groups").set({ chosen }).where("folder", "=", group).execute();
}

function toKnown({ chosen, made, guest }: Row) {
  return { chosen: toChoices(chosen), made: made === 1, guest: guest === 1 };
}

function toChoices(chosen: string | null): GroupChoices {
  if (chosen === null) return {};
  const holds = Object.entries(Kept.parse(chosen)).filter(
    ([name, value]) => GroupChoices.safeParse({ [name]: value }).success,
  );
  return GroupChoices.parse(Object.fromEntries(holds));
}

const Kept = jsonText(z.record(z.string(), z.unknown()));
