/**
 * What people have chosen for a group by chat commands. It stands over what is configured.
 *
 * Kept in memory, since every message asks for it; whatever changes it, changes it here.
 */
import type { Kysely, Selectable } from "kysely";
import type { GroupFolder } from "../core/ids.ts";
import type { Database, GroupsTable } from "./tables.ts";

type Row = Pick<Selectable<GroupsTable>, "queue" | "model">;

/** What is absent is as configured. */
export interface Chosen {
  readonly queue?: NonNullable<Row["queue"]>;
  readonly model?: string;
}

export async function openGroupSettings(db: Kysely<Database>) {
  const rows = await db.selectFrom("groups").select(["folder", "queue", "model"]).execute();
  const chosen = new Map(rows.map(({ folder, ...row }) => [folder, toChosen(row)]));

  return {
    of: (group: GroupFolder): Chosen => chosen.get(group) ?? {},

    /** `null` goes back to what is configured; what is not named stays. */
    async choose(group: GroupFolder, change: Partial<Row>): Promise<void> {
      const row = await db
        .updateTable("groups")
        .set(change)
        .where("folder", "=", group)
        .returning(["queue", "model"])
        .executeTakeFirstOrThrow();
      chosen.set(group, toChosen(row));
    },
  };
}

function toChosen({ queue, model }: Row): Chosen {
  return { ...(queue !== null && { queue }), ...(model !== null && { model }) };
}
