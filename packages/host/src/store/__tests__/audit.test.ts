import fc from "fast-check";
import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { type Audited, createAudit } from "../audit.ts";
import { openDatabase } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import type { Database } from "../tables.ts";

const SECRET = "sk-very-secret-0123";
const redact = (text: string) => text.replaceAll(SECRET, "***");
const entry = (detail: string): Audited => ({
  actor: "Ada",
  groupId: null,
  action: "test",
  subject: "thing:1",
  allowed: true,
  detail,
});

async function given() {
  const clock = fakeClock();
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  const audit = createAudit(db, { clock, redact });
  return { clock, db, audit, rows: () => db.selectFrom("audit").selectAll().orderBy("id").execute() };
}

describe("the audit", () => {
  it("numbers its rows without gaps and is whole", async () => {
    const { audit, rows } = await given();

    for (const detail of ["one", "two", "three"]) await audit.note(entry(detail));

    expect((await rows()).map(({ id, detail }) => [id, detail])).toEqual([
      [1, "one"],
      [2, "two"],
      [3, "three"],
    ]);
    expect(await audit.verify()).toMatchObject({ ok: true, rows: 3 });
  });

  it("keeps one chain, however many write at once", async () => {
    const { audit } = await given();

    await Promise.all(Array.from({ length: 50 }, (_, i) => audit.note(entry(`row ${i}`))));

    expect(await audit.verify()).toMatchObject({ ok: true, rows: 50 });
  });

  it("writes a row with the transaction that it tells of, or not at all", async () => {
    const { audit, db, rows } = await given();

    await db
      .transaction()
      .execute(async (trx) => {
        await audit.write(trx, entry("undone"));
        throw new Error("it went wrong");
      })
      .catch(() => undefined);
    await audit.note(entry("after it"));

    expect((await rows()).map(({ id, detail }) => [id, detail])).toEqual([[1, "after it"]]);
    expect(await audit.verify()).toMatchObject({ ok: true });
  });

  it("tells the end of what it saw begin, in a row of its own", async () => {
    const { audit, rows } = await given();

    const end = await audit.begin(entry("about to"));
    const before = await rows();
    await end({ allowed: false, detail: "refused" });

    expect(before).toMatchObject([{ phase: "begun", begun: null, detail: "about to" }]);
    expect((await rows())[1]).toMatchObject({ phase: "done", begun: 1, allowed: 0, detail: "refused" });
  });

  it("holds no secret that is known", async () => {
    const { audit, rows } = await given();

    const end = await audit.begin(entry(`the key is ${SECRET}`));
    await end({ allowed: true, detail: `${SECRET} again` });

    expect(JSON.stringify(await rows())).not.toContain(SECRET);
  });

  it("lets nobody change or delete a row", async () => {
    const { audit, db } = await given();
    await audit.note(entry("as it was"));

    await expect(sql`UPDATE audit SET detail = 'otherwise'`.execute(db)).rejects.toThrow(
      /only ever added to/,
    );
    await expect(sql`DELETE FROM audit`.execute(db)).rejects.toThrow(/only ever added to/);
  });
});

describe("verifying it", () => {
  const change = fc.record({
    id: fc.integer({ min: 1, max: 12 }),
    what: fc.constantFrom("changed", "removed", "inserted", "swapped", "moved", "re-numbered" as const),
    column: fc.constantFrom(
      "at",
      "actor",
      "action",
      "subject",
      "allowed",
      "detail",
      "hash",
      "phase" as const,
    ),
  });

  it("finds any row that was changed, removed, added or moved by whoever can write the file", async () => {
    await fc.assert(
      fc.asyncProperty(change, async ({ id, what, column }) => {
        const { audit, db } = await given();
        for (let i = 1; i <= 12; i += 1) await audit.note(entry(`row ${i}`));
        const head = await audit.verify();
        if (!head.ok || !head.head) throw new Error("it was not whole before");
        await sql`DROP TRIGGER audit_stays_as_it_is`.execute(db);
        await sql`DROP TRIGGER audit_keeps_all`.execute(db);

        await tamper(db, what, id, column);

        // A removed last row alone cannot be seen from the rows: the head that was kept shows it.
        expect(await audit.verify(head.head)).toMatchObject({ ok: false });
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it("finds a tail that was cut off by a head that was kept, and only by that", async () => {
    const { audit, db } = await given();
    for (let i = 1; i <= 5; i += 1) await audit.note(entry(`row ${i}`));
    const { head } = await audit.tail(1);
    await sql`DROP TRIGGER audit_keeps_all`.execute(db);
    await sql`DELETE FROM audit WHERE id > 3`.execute(db);

    expect(await audit.verify()).toMatchObject({ ok: true, rows: 3 });
    expect(await audit.verify(head ?? undefined)).toEqual({
      ok: false,
      id: 4,
      why: "the rows after 3 are gone; there were 5",
    });
  });
});

describe("the audit of an earlier version", () => {
  it("is chained by the migration, in its order, with its gaps closed", async () => {
    const clock = fakeClock();
    const { db, close } = await openDatabase(":memory:", { clock });
    onTestFinished(close);
    await migrate(db, { migrations: migrations.slice(0, 4), clock });
    for (const [id, detail] of [
      [1, "first"],
      [4, "second"],
      [9, "third"],
    ] as const)
      await sql`INSERT INTO audit (id, at, actor, group_id, action, subject, allowed, detail)
        VALUES (${id}, 1, 'Ada', NULL, 'add', 'task', 1, ${detail})`.execute(db);

    await migrate(db, { migrations, clock });

    const audit = createAudit(db, { clock, redact });
    await audit.note(entry("fourth"));
    expect((await audit.tail(10)).rows.map(({ id, detail }) => [id, detail])).toEqual([
      [1, "first"],
      [2, "second"],
      [3, "third"],
      [4, "fourth"],
    ]);
    expect(await audit.verify()).toMatchObject({ ok: true, rows: 4 });
  });
});

async function tamper(
  db: Awaited<ReturnType<typeof given>>["db"],
  what: "changed" | "removed" | "inserted" | "swapped" | "moved" | "re-numbered",
  id: number,
  column: "at" | "actor" | "action" | "subject" | "allowed" | "detail" | "hash" | "phase",
): Promise<void> {
  const other = id === 12 ? 1 : id + 1;
  const otherwise: Partial<Record<keyof Database["audit"], string>> = {
    at: "at + 1",
    allowed: "1 - allowed",
    phase: "'begun'",
  };
  switch (what) {
    case "changed":
      return void (await sql`UPDATE audit SET ${sql.ref(column)} = ${sql.raw(otherwise[column] ?? `${column} || 'x'`)} WHERE id = ${id}`.execute(
        db,
      ));
    case "removed":
      return void (await sql`DELETE FROM audit WHERE id = ${id}`.execute(db));
    case "inserted":
      await sql`INSERT INTO audit SELECT id + 1000, at, actor, group_id, action, subject, phase, begun, allowed, detail, hash
        FROM audit WHERE id >= ${id}`.execute(db);
      await sql`DELETE FROM audit WHERE id < 1000 AND id > ${id}`.execute(db);
      return void (await sql`UPDATE audit SET id = id - 999 WHERE id >= 1000`.execute(db));
    case "swapped":
      await sql`UPDATE audit SET id = 5000 WHERE id = ${id}`.execute(db);
      await sql`UPDATE audit SET id = ${id} WHERE id = ${other}`.execute(db);
      return void (await sql`UPDATE audit SET id = ${other} WHERE id = 5000`.execute(db));
    case "moved":
      return void (await sql`UPDATE audit SET id = 13 WHERE id = ${id}`.execute(db));
    case "re-numbered":
      await sql`DELETE FROM audit WHERE id = ${id}`.execute(db);
      return void (await sql`UPDATE audit SET id = id - 1 WHERE id > ${id}`.execute(db));
    default:
      what satisfies never;
  }
}
