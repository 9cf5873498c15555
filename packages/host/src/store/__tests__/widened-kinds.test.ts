import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { openDatabase } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";

const LAST = migrations.findIndex(({ name }) => name === "buttons");

describe("the migration that lets the inbox hold reactions and presses", () => {
  it("keeps every row, what refers to it, and every index, and takes the new kinds", async () => {
    const clock = fakeClock();
    const { db, close } = await openDatabase(":memory:", { clock });
    onTestFinished(close);
    await migrate(db, { migrations: migrations.slice(0, LAST), clock });
    const run = async (text: string) => (await sql.raw<Record<string, unknown>>(text).execute(db)).rows;
    await run("INSERT INTO groups (folder, created_at) VALUES ('main', 1)");
    await run(
      "INSERT INTO chats (id, channel, account, native, group_id, created_at) VALUES ('a:b', 'a', '', 'b', 1, 1)",
    );
    const columns =
      "id, chat_id, group_id, seq, platform_id, kind, version, sender_id, sender_name, sender_role, text, verdict, reason, tainted, state, accepted_at, sender_bot";
    const row = (id: string, seq: number, kind: string) =>
      `INSERT INTO inbox (${columns}) VALUES ('${id}', 'a:b', 1, ${seq}, 'p', '${kind}', ${seq}, 'a:c', 'C', 'member', 'hi', 'noted', 'r', 1, 'note', 9, 1)`;
    await run(row("one", 1, "message"));
    await run(row("two", 2, "edit"));
    await run(
      "INSERT INTO files (id, group_id, inbox_id, name, type, bytes, state, created_at) VALUES ('f', 1, 'two', 'n', 't', 1, 'coming', 1)",
    );
    const made = async () =>
      await run(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'inbox' AND name <> 'inbox_reactions' ORDER BY name",
      );
    const before = {
      rows: await run(`SELECT ${columns} FROM inbox`),
      files: await run("SELECT * FROM files"),
      made: await made(),
    };

    await migrate(db, { migrations: migrations.slice(0, LAST + 1), clock });

    const after = {
      rows: await run(`SELECT ${columns} FROM inbox`),
      files: await run("SELECT * FROM files"),
      made: await made(),
    };
    expect(after).toEqual(before);
    await run(row("three", 3, "reaction"));
    await run(row("four", 4, "button"));
    await expect(run(row("five", 5, "poke"))).rejects.toThrow(/CHECK constraint failed/);
    await expect(run("DELETE FROM inbox WHERE id = 'two'")).rejects.toThrow(/FOREIGN KEY constraint failed/);
    expect(await run("SELECT * FROM pragma_integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });
});
