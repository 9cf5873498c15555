import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { GroupFolder, MAIN } from "../../core/ids.ts";
import { fakeClock } from "../../core/testing.ts";
import { openDatabase } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { openGroupSettings } from "../group-settings.ts";
import { house } from "./house.ts";

describe("what people chose for a group", () => {
  it("survives the change of where it is kept", async () => {
    const { db, close } = await openDatabase(":memory:");
    onTestFinished(close);
    const clock = fakeClock();
    await migrate(db, { migrations: migrations.slice(0, 7), clock });
    for (const [folder, queue, model] of [
      ["family", "interrupt", "opus"],
      ["work", null, "haiku"],
      ["plain", null, null],
    ])
      await sql`insert into groups (folder, created_at, queue, model) values (${folder}, 1, ${queue}, ${model})`.execute(
        db,
      );

    await migrate(db, { migrations, clock });

    const settings = await openGroupSettings(db);
    expect(["family", "work", "plain"].map((name) => settings.of(GroupFolder.parse(name)))).toEqual([
      { queue: "interrupt", model: "opus" },
      { model: "haiku" },
      {},
    ]);
    expect(settings.made()).toEqual([]);
  });

  it("is passed over where it is nothing that we know", async () => {
    const { db } = await house();
    const chosen = JSON.stringify({ model: "opus", queue: "sideways", colour: "red" });
    await db.updateTable("groups").set({ chosen }).where("folder", "=", MAIN).execute();

    expect((await openGroupSettings(db)).of(MAIN)).toEqual({ model: "opus" });
  });

  it("holds for that group, from then on and after a restart, until it is taken back", async () => {
    const { db } = await house();
    const settings = await openGroupSettings(db);
    const family = GroupFolder.parse("family");

    await settings.choose(family, { queue: "interrupt" });
    await settings.choose(family, { model: "opus" });

    expect(settings.of(family)).toEqual({ queue: "interrupt", model: "opus" });
    expect(settings.of(MAIN)).toEqual({});
    expect((await openGroupSettings(db)).of(family)).toEqual({ queue: "interrupt", model: "opus" });

    await settings.choose(family, { queue: null });
    expect(settings.of(family)).toEqual({ model: "opus" });
  });

  it("is nothing in a group that was made later, and can be chosen there", async () => {
    const { db, chats } = await house();
    const settings = await openGroupSettings(db);
    const late = GroupFolder.parse("late");
    await chats.ensureGroup(late);

    expect(settings.of(late)).toEqual({});
    await settings.choose(late, { model: "opus" });
    expect(settings.of(late)).toEqual({ model: "opus" });
  });
});
