import { TemporaryError } from "@bellhop/sdk";
import { Kysely, sql } from "kysely";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { armFailpoints } from "../../core/failpoint.ts";
import { fakeClock } from "../../core/testing.ts";
import { createSqliteDialect } from "../dialect.ts";

function given() {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-shared-"));
  const path = join(directory, "a.db");
  const writer = new DatabaseSync(path);
  writer.exec("pragma journal_mode = wal; create table notes (text text not null) strict");
  const reader = new DatabaseSync(path);
  const db = new Kysely<{ notes: { text: string } }>({
    dialect: createSqliteDialect({ writer, reader, clock: fakeClock(), patienceMs: 1_000 }),
  });
  let commits = 0;
  const seen: string[][] = [];
  let strike = (): void => undefined;
  armFailpoints((place) => {
    if (place !== "db.commit") return;
    commits += 1;
    seen.push([...settled]);
    strike();
  });
  onTestFinished(async () => {
    armFailpoints(() => undefined);
    await db.destroy();
    rmSync(directory, { recursive: true });
  });
  const settled: string[] = [];

  /** A transaction that writes this. */
  async function write(text: string, more: () => void = () => undefined): Promise<void> {
    await db.transaction().execute(async (trx) => {
      await trx.insertInto("notes").values({ text }).execute();
      more();
    });
    settled.push(text);
  }

  return {
    path,
    db,
    writer,
    write,
    settled,
    /** What was told to be committed, at each commit. */
    seen,
    commits: () => commits,
    atCommit: (what: () => void) => void (strike = what),
    texts: async () => (await db.selectFrom("notes").select("text").execute()).map(({ text }) => text),
  };
}

const letters = (count: number) => Array.from({ length: count }, (_, n) => `note ${n}`);

describe("transactions that wait for each other", () => {
  it("share a commit, in their order, and none is told before it", async () => {
    const { write, commits, texts, seen, settled } = given();

    await Promise.all(letters(10).map((text) => write(text)));

    expect(commits()).toBe(1);
    expect(seen).toEqual([[]]);
    expect(settled).toEqual(letters(10));
    expect(await texts()).toEqual(letters(10));
  });

  it("make a new commit once enough share one", async () => {
    const { write, commits } = given();

    await Promise.all(letters(150).map((text) => write(text)));

    expect(commits()).toBe(3);
  });

  it("wait for nobody when nobody waits", async () => {
    const { write, commits } = given();

    for (const text of letters(3)) await write(text);

    expect(commits()).toBe(3);
  });

  it("see what those before them have done", async () => {
    const { db, write } = given();

    const [, count] = await Promise.all([
      write("first"),
      db.transaction().execute(async (trx) => (await trx.selectFrom("notes").selectAll().execute()).length),
    ]);

    expect(count).toBe(1);
  });

  it("take back their own work alone when they fail", async () => {
    const { write, texts, commits } = given();
    const no = () => {
      throw new Error("no");
    };

    const written = await Promise.allSettled([write("a"), write("b", no), write("c"), write("d", no)]);

    expect(written.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    expect(await texts()).toEqual(["a", "c"]);
    expect(commits()).toBe(1);
  });

  it("all fail with the commit that they share, and those after it do not", async () => {
    const { write, texts, atCommit } = given();
    let left = 1;
    atCommit(() => {
      if (left-- > 0) throw new Error("the disk says no");
    });

    const written = await Promise.allSettled(letters(3).map((text) => write(text)));
    await write("after");

    expect(written.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await texts()).toEqual(["after"]);
  });

  it("are all told when SQLite gives up the whole of it", async () => {
    const { write, writer, texts } = given();

    const [first, second, third] = await Promise.allSettled([
      write("first"),
      write("second", () => writer.exec("rollback")), // as after an input/output error
      write("third"),
    ]);

    expect(first).toMatchObject({ status: "rejected", reason: expect.any(TemporaryError) });
    expect(second.status).toBe("rejected");
    expect(third.status).toBe("fulfilled");
    expect(await texts()).toEqual(["third"]);
  });

  it("are on disk before a statement that runs by itself, such as VACUUM", async () => {
    const { db, write, texts } = given();

    await Promise.all([
      write("a"),
      sql`vacuum`.execute(db),
      write("b"),
      db.insertInto("notes").values({ text: "c" }).execute(),
    ]);

    expect(await texts()).toEqual(["a", "b", "c"]);
  });

  it("are on disk before the database is closed", async () => {
    const { db, path } = given();
    const go = Promise.withResolvers<void>();
    const written = db.transaction().execute(async (trx) => {
      await trx.insertInto("notes").values({ text: "last" }).execute();
      await go.promise;
    });
    await setImmediate();

    const closed = db.destroy();
    await setImmediate();
    go.resolve();
    await Promise.all([written, closed]);

    expect(new DatabaseSync(path).prepare("select text from notes").all()).toMatchObject([{ text: "last" }]);
  });
});
