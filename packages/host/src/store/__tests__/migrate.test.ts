import { ConfigError } from "@bellhop/sdk";
import { sql } from "kysely";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { openDatabase } from "../database.ts";
import { migrate, type Migration } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { frozen, sources } from "../migrations/freeze.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-migrate-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const first: Migration = {
  id: 1,
  name: "first",
  async up(db) {
    await sql`create table notes (id integer primary key, text text)`.execute(db);
    await sql`insert into notes (text) values ('kept')`.execute(db);
  },
};
const second: Migration = {
  id: 2,
  name: "second",
  up: async (db) => void (await sql`alter table notes add colour`.execute(db)),
};

async function given() {
  const home = scratch();
  const backups = join(home, "backups");
  mkdirSync(backups);
  const path = join(home, "bellhop.db");
  const opened = await openDatabase(path);
  const run = (migrations: Migration[]) => migrate(opened.db, { migrations, backups, clock: fakeClock() });
  const rows = async () => (await sql`select * from notes`.execute(opened.db)).rows;
  return { ...opened, home, path, backups, run, rows };
}

describe("migrating", () => {
  it("applies what is pending, once, and says what it did", async () => {
    const { run, rows, close, backups } = await given();

    expect(await run([first])).toEqual({ from: 0, to: 1, copies: [] });
    const again = await run([first, second]);

    expect(again).toMatchObject({
      from: 1,
      to: 2,
      copies: [join(backups, "before-0002-2026-01-01T12-00-00-000Z.db")],
    });
    expect(await run([first, second])).toEqual({ from: 2, to: 2, copies: [] });
    expect(await rows()).toEqual([{ id: 1, text: "kept", colour: null }]);
    await close();
  });

  it("copies the database before it changes it: whole, private, and of the old schema", async () => {
    const { run, close, backups } = await given();
    await run([first]);
    writeFileSync(join(backups, ".before-0002.partial"), "of a start that was killed");

    const { copies } = await run([first, second]);
    await close();

    const [copy = ""] = copies;
    using connection = new DatabaseSync(copy, { readOnly: true });
    expect(connection.prepare("select * from notes").all()).toEqual([{ id: 1, text: "kept" }]);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    expect(readdirSync(backups)).toHaveLength(1);
    await expect(openDatabase(copy).then(({ close }) => close())).resolves.toBeUndefined(); // it can take the place of the file
  });

  it("leaves the old schema when a migration fails", async () => {
    const { run, rows, close } = await given();
    await run([first]);
    const broken: Migration = {
      ...second,
      async up(db) {
        await second.up(db);
        await sql`update notes set text = 'changed'`.execute(db);
        throw new Error("halfway");
      },
    };

    await expect(run([first, broken])).rejects.toThrow("halfway");

    expect(await rows()).toEqual([{ id: 1, text: "kept" }]);
    expect(await run([first, second])).toMatchObject({ from: 1, to: 2 });
    await close();
  });

  it("does not commit a migration that leaves a reference to nothing", async () => {
    const { db, run, close } = await given();
    const dangling: Migration = {
      id: 1,
      name: "first",
      async up(db) {
        await sql`pragma defer_foreign_keys = on`.execute(db);
        await sql`create table a (id integer primary key, a integer references a (id))`.execute(db);
        await sql`insert into a values (1, 7)`.execute(db);
      },
    };

    await expect(run([dangling])).rejects.toThrow("dangling references");

    expect((await sql`select name from sqlite_schema where name = 'a'`.execute(db)).rows).toEqual([]);
    await close();
  });

  it("refuses a database of a newer version, and changes nothing", async () => {
    const { path, run, close } = await given();
    await run([first, second]);
    const before = readFileSync(path);

    await expect(run([first])).rejects.toThrow(ConfigError);
    await expect(run([first])).rejects.toThrow("the database has schema 2; this version of Bellhop knows 1");

    expect(readFileSync(path).equals(before)).toBe(true);
    await close();
  });

  it("refuses a database with another history", async () => {
    const { run, close } = await given();
    await run([{ ...first, name: "other" }]);

    await expect(run([first])).rejects.toThrow('a migration 1 "other" that this version does not know');
    await close();
  });

  it("leaves the old schema or the new one when its process is killed at any moment", async () => {
    const { path, run, close } = await given();
    await run([first]);
    await close();
    const outcomes = new Set<number>();

    for (const point of ["before", "middle", "after-statements", "after"]) {
      outcomes.add(await killedAt(path, point));
    }

    expect(outcomes).toEqual(new Set([2, 3]));
  });
});

/** Runs a second migration in a child that kills itself at `point`. @returns the number of columns found afterwards */
async function killedAt(path: string, point: string): Promise<number> {
  const source = `
    import { sql } from "kysely";
    import { openDatabase } from ${JSON.stringify(new URL("../database.ts", import.meta.url).href)};
    import { migrate } from ${JSON.stringify(new URL("../migrate.ts", import.meta.url).href)};
    const [path, point] = process.argv.slice(1);
    const die = (at) => at === point && process.kill(process.pid, "SIGKILL");
    const second = { id: 2, name: "second", async up(db) {
      die("before");
      await sql\`alter table notes add colour\`.execute(db);
      die("middle");
      await sql\`update notes set colour = 'red'\`.execute(db);
      die("after-statements");
    } };
    const { db } = await openDatabase(path);
    await migrate(db, { migrations: [{ id: 1, name: "first" }, second], clock: { now: () => 1 } });
    die("after");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source, path, point], {
    stdio: "inherit",
    cwd: import.meta.dirname,
  });
  const [, signal] = await once(child, "exit");
  expect(signal).toBe("SIGKILL");

  const { db, close } = await openDatabase(path); // which checks the file too
  const { rows } = await sql`select * from pragma_table_info('notes')`.execute(db);
  const recorded = (await sql`select id from schema_migrations`.execute(db)).rows.length;
  await close();
  expect(rows.length).toBe(recorded + 1);
  return rows.length;
}

describe("our own migrations", () => {
  it("make the schema from nothing", async () => {
    const { db, close } = await openDatabase(":memory:");

    await migrate(db, { migrations, clock: fakeClock() });

    expect(await db.selectFrom("groups").selectAll().execute()).toEqual([]);
    await close();
  });

  it("are all in the list, under the name and number of their file", () => {
    const names = migrations.map(({ id, name }) => `${String(id).padStart(4, "0")}-${name}.ts`);

    expect([...sources().keys()]).toEqual(names);
  });

  it("never change once they are released: mend what is wrong in the next one", () => {
    const files = sources();

    for (const [file, hash] of Object.entries(frozen())) {
      expect({
        file,
        hash: createHash("sha256")
          .update(files.get(file) ?? "")
          .digest("hex"),
      }).toEqual({ file, hash });
    }
  });
});
