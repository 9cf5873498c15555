import { ConfigError, TemporaryError } from "@bellhop/sdk";
import { type Generated, Kysely, sql } from "kysely";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { createSqliteDialect } from "../dialect.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-dialect-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

interface Tables {
  notes: { id: Generated<number>; text: string | null };
  big: { value: number | bigint };
}

const open: Kysely<Tables>[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((db) => db.destroy()));
});

function given({ inMemory = false } = {}) {
  const path = inMemory ? ":memory:" : join(scratch(), "a.db");
  const writer = new DatabaseSync(path, { timeout: 50 });
  writer.exec("pragma journal_mode = wal; create table notes (id integer primary key, text text) strict");
  const reader = inMemory ? writer : new DatabaseSync(path);
  const clock = fakeClock();
  const db = new Kysely<Tables>({
    dialect: createSqliteDialect({ writer, reader, clock, patienceMs: 1_000 }),
  });
  open.push(db);
  const texts = async () =>
    (await db.selectFrom("notes").select("text").orderBy("id").execute()).map(({ text }) => text);
  const add = (text: string) => db.insertInto("notes").values({ text }).execute();
  return { path, db, writer, clock, texts, add };
}

/** Something to wait for and to let go. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

describe.each([{ inMemory: false }, { inMemory: true }])(
  "the dialect (in memory: $inMemory)",
  ({ inMemory }) => {
    it("counts rows, names the inserted id, and answers RETURNING", async () => {
      const { db } = given({ inMemory });

      const inserted = await db
        .insertInto("notes")
        .values([{ text: "a" }, { text: "b" }])
        .executeTakeFirstOrThrow();
      const returned = await db.insertInto("notes").values({ text: "c" }).returning(["id", "text"]).execute();
      const updated = await db
        .updateTable("notes")
        .set({ text: "d" })
        .where("id", ">", 1)
        .executeTakeFirstOrThrow();
      const none = await db.deleteFrom("notes").where("id", "=", 99).executeTakeFirstOrThrow();

      expect(inserted).toMatchObject({ insertId: 2n, numInsertedOrUpdatedRows: 2n });
      expect(returned).toEqual([{ id: 3, text: "c" }]);
      expect(updated.numUpdatedRows).toBe(2n);
      expect(none.numDeletedRows).toBe(0n);
    });

    it("undoes a transaction that throws, and goes on", async () => {
      const { db, texts, add } = given({ inMemory });

      const failing = db.transaction().execute(async (trx) => {
        await trx.insertInto("notes").values({ text: "lost" }).execute();
        throw new Error("changed my mind");
      });

      await expect(failing).rejects.toThrow("changed my mind");
      await add("kept");
      expect(await texts()).toEqual(["kept"]);
    });

    it("lets transactions and single writes in one after the other, as they came", async () => {
      const { db, texts, add } = given({ inMemory });
      const both = (one: string, two: string) =>
        db.transaction().execute(async (trx) => {
          await trx.insertInto("notes").values({ text: one }).execute();
          await Promise.resolve();
          await trx.insertInto("notes").values({ text: two }).execute();
        });

      await Promise.all([both("a", "b"), add("c"), both("d", "e"), add("f"), both("g", "h")]);

      expect(await texts()).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
    });

    it("never shows half a transaction to those outside", async () => {
      const { db, texts } = given({ inMemory });
      const half = gate();
      const goOn = gate();

      const writing = db.transaction().execute(async (trx) => {
        await trx.insertInto("notes").values({ text: "a" }).execute();
        half.open();
        await goOn.opened;
        await trx.insertInto("notes").values({ text: "b" }).execute();
      });
      await half.opened;
      const seen = texts();
      goOn.open();
      await writing;

      expect([0, 2]).toContain((await seen).length);
      expect(await texts()).toEqual(["a", "b"]);
    });

    it("says so, instead of hanging, when a transaction waits for a statement that goes past it", async () => {
      const { db, clock, add, texts } = given({ inMemory });
      const inside = gate();

      const stuck = db.transaction().execute(async () => {
        const past = add("past the transaction");
        inside.open();
        await past;
      });
      await inside.opened;
      await new Promise(setImmediate); // the statement reaches the queue
      clock.advance(1_000);

      await expect(stuck).rejects.toThrow(TemporaryError);
      await expect(stuck).rejects.toThrow("does it wait for a statement that does not go through it?");
      await add("afterwards");
      expect(await texts()).toEqual(["afterwards"]);
    });

    it("refuses an integer that a number cannot hold instead of rounding it", async () => {
      const { db } = given({ inMemory });

      await expect(sql`select 9007199254740993 as value`.execute(db)).rejects.toThrow("too large");
      const { rows } = await sql`select ${2n ** 60n} = 1152921504606846976 as same`.execute(db);
      expect(rows).toEqual([{ same: 1 }]);
    });

    it("says which value it cannot store", async () => {
      const { db } = given({ inMemory });

      await expect(sql`select ${new Date()}`.execute(db)).rejects.toThrow("cannot store a Date");
      await expect(sql`select ${undefined}`.execute(db)).rejects.toThrow(
        "cannot store a value of type undefined",
      );
      expect((await sql`select ${true} as yes`.execute(db)).rows).toEqual([{ yes: 1 }]);
    });

    it("streams rows", async () => {
      const { db, add } = given({ inMemory });
      for (const text of ["a", "b", "c"]) await add(text);
      const query = db.selectFrom("notes").select("text").orderBy("id");

      const seen: unknown[] = [];
      for await (const row of query.stream()) {
        seen.push(row.text);
      }

      expect(seen).toEqual(["a", "b", "c"]);
    });

    it("keeps working over more different statements than it remembers", async () => {
      const { db } = given({ inMemory });

      for (let i = 0; i < 600; i++) {
        expect((await sql`select ${sql.lit(i)} as i`.execute(db)).rows).toEqual([{ i }]);
      }
      expect((await sql`select ${sql.lit(0)} as i`.execute(db)).rows).toEqual([{ i: 0 }]);
    });

    it("waits for a transaction under way before it closes", async () => {
      const { db } = given({ inMemory });
      const begun = gate();
      const writing = db.transaction().execute(async (trx) => {
        begun.open();
        await new Promise(setImmediate);
        await trx.insertInto("notes").values({ text: "in time" }).execute();
        return await trx.selectFrom("notes").selectAll().execute();
      });
      await begun.opened;

      await Promise.all([db.destroy(), writing]);

      expect(await writing).toHaveLength(1);
      await expect(db.selectFrom("notes").selectAll().execute()).rejects.toThrow("destroyed");
    });
  },
);

describe("the dialect on a file", () => {
  it("lets reads wait for nobody", async () => {
    const { db, texts } = given();

    await db.transaction().execute(async (trx) => {
      await trx.insertInto("notes").values({ text: "a" }).execute();

      expect(await texts()).toEqual([]);
    });

    expect(await texts()).toEqual(["a"]);
  });

  it("streams rows while the same query runs beside it", async () => {
    const { db, add } = given();
    for (const text of ["a", "b", "c"]) await add(text);
    const query = db.selectFrom("notes").select("text").orderBy("id");

    const beside: number[] = [];
    for await (const _ of query.stream()) beside.push((await query.execute()).length);

    expect(beside).toEqual([3, 3, 3]);
  });

  it("sees changes of the schema through statements it has prepared before", async () => {
    const { db, add } = given();
    await add("a");
    const all = () => db.selectFrom("notes").selectAll().execute();
    await all();

    await sql`alter table notes add column colour text default 'red'`.execute(db);

    expect(await all()).toEqual([{ id: 1, text: "a", colour: "red" }]);
  });

  it("calls a lock of another process temporary, and holds nothing afterwards", async () => {
    const { path, add, db, texts } = given();
    const other = new DatabaseSync(path);
    other.exec("begin immediate");

    await expect(add("a")).rejects.toThrow(TemporaryError);
    await expect(db.transaction().execute(async () => undefined)).rejects.toThrow("held by another process");
    other.exec("rollback");
    other.close();

    await add("b");
    expect(await texts()).toEqual(["b"]);
  });

  it("waits for a lock once, however many want to write, and again for the next lock", async () => {
    const { path, add, writer } = given();
    const other = new DatabaseSync(path);
    const patience = () => Number(Object.values(writer.prepare("pragma busy_timeout").get() ?? {})[0]);
    other.exec("begin immediate");

    await expect(add("a")).rejects.toThrow("held by another process");
    expect(patience()).toBe(0);
    await expect(add("b")).rejects.toThrow("held by another process");
    other.exec("rollback");
    other.close();

    await add("c");
    expect(patience()).toBe(50);
  });

  it("calls a full disk temporary, and writes nothing outside the transaction that SQLite gave up", async () => {
    const { db, writer, texts, add } = given();
    await add("before");
    const pages = Number(Object.values(writer.prepare("pragma page_count").get() ?? {})[0]);
    writer.exec(`pragma max_page_count = ${pages}`);
    const write = db.transaction().execute(async (trx) => {
      await trx.insertInto("notes").values({ text: "small" }).execute();
      await trx
        .insertInto("notes")
        .values({ text: "x".repeat(1_000_000) })
        .execute();
    });

    await expect(write).rejects.toThrow(TemporaryError);
    await expect(write).rejects.toThrow("the disk is full");

    writer.exec("pragma max_page_count = 1000000");
    await add("after");
    expect(await texts()).toEqual(["before", "after"]);
  });

  it("refuses further statements of a transaction that SQLite rolled back by itself", async () => {
    const { db, writer, texts } = given();

    const write = db.transaction().execute(async (trx) => {
      writer.exec("rollback"); // as after an input/output error
      await trx.insertInto("notes").values({ text: "would commit by itself" }).execute();
    });

    await expect(write).rejects.toThrow("SQLite has rolled this transaction back");
    expect(await texts()).toEqual([]);
  });

  it("calls damage a matter for the operator", async () => {
    const { db, writer } = given();
    writer.enableDefensive(false);
    writer.exec("pragma writable_schema = on; update sqlite_schema set rootpage = 99 where name = 'notes'");
    writer.exec("pragma writable_schema = reset");

    await expect(db.selectFrom("notes").selectAll().execute()).rejects.toThrow(ConfigError);
  });

  it("takes raw SQL that it cannot tell for a write, and a SELECT for a read", async () => {
    const { db } = given();

    await sql`with n as (select 'written' as text) insert into notes (text) select text from n`.execute(db);

    expect((await sql`select text from notes`.execute(db)).rows).toEqual([{ text: "written" }]);
  });
});
