import { ConfigError } from "@bellhop/sdk";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { assertSqliteVersion, openDatabase } from "../database.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-database-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function given() {
  const home = scratch();
  for (const name of ["backups", "sessions"]) mkdirSync(join(home, name));
  const path = join(home, "bellhop.db");
  const marks = [join(home, "backups"), join(home, "sessions")];
  return { home, path, marks };
}

/** A database with some pages in it, closed. */
async function givenDatabase() {
  const place = given();
  const { db, close } = await openDatabase(place.path);
  await sql`create table notes (text text)`.execute(db);
  for (let i = 0; i < 100; i++) await sql`insert into notes values (${"x".repeat(1_000)})`.execute(db);
  await close();
  return place;
}

const pragma = (path: string, name: string) => {
  using connection = new DatabaseSync(path, { readOnly: true });
  return Object.values(connection.prepare(`pragma ${name}`).get() ?? {})[0];
};

describe("opening the database", () => {
  it("makes a file for its owner alone, with a write-ahead journal, marked as ours", async () => {
    const { path, marks } = given();

    const { db, close } = await openDatabase(path, { marks });
    await sql`create table notes (text text)`.execute(db);

    expect([path, `${path}-wal`, `${path}-shm`].map((file) => statSync(file).mode & 0o777)).toEqual([
      0o600, 0o600, 0o600,
    ]);
    await close();
    expect(pragma(path, "journal_mode")).toBe("wal");
    expect(pragma(path, "application_id")).toBe(0x42656c6c);
  });

  it("enforces references and leaves no journal behind once closed", async () => {
    const { path } = given();
    const { db, close } = await openDatabase(path);
    await sql`create table a (id integer primary key)`.execute(db);
    await sql`create table b (a integer references a (id))`.execute(db);

    await expect(sql`insert into b values (7)`.execute(db)).rejects.toThrow("FOREIGN KEY");
    await close();
    await close();

    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it("narrows the mode of a file that others could read", async () => {
    const { path } = await givenDatabase();
    chmodSync(path, 0o644);

    await (await openDatabase(path)).close();

    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["a smashed header", (path: string) => overwrite(path, 0, 100)],
    ["a smashed page", (path: string) => overwrite(path, 3 * 4096, 4096)],
    ["a truncated file", (path: string) => truncateSync(path, 5 * 4096)],
    ["a file that is no database", (path: string) => writeFileSync(path, "Dear diary,\n".repeat(1_000))],
  ])("refuses %s, names the file, and leaves every byte as it was", async (_, damage) => {
    const { path, home } = await givenDatabase();
    damage(path);
    const before = readFileSync(path);

    const opening = openDatabase(path);

    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(`${path} is damaged or cannot be read`);
    await expect(opening).rejects.toThrow("put a copy from backups/ in its place");
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(join(home, "bellhop.db"))).toBe(true);
  });

  it("does not write the journal of a crash back into a damaged file", async () => {
    const { path } = await givenDatabase();
    const crashed = given().path;
    const { db, close } = await openDatabase(path);
    await sql`insert into notes values ('in the journal')`.execute(db);
    for (const end of ["", "-wal"]) copyFileSync(path + end, crashed + end); // as kill -9 would leave it
    await close();
    overwrite(crashed, 3 * 4096, 4096);
    const before = [crashed, `${crashed}-wal`].map((file) => readFileSync(file));

    await expect(openDatabase(crashed)).rejects.toThrow("is damaged");

    expect(
      [crashed, `${crashed}-wal`].map((file, i) => readFileSync(file).equals(before[i] ?? Buffer.of())),
    ).toEqual([true, true]);
  });

  it("recovers what a crash left in the journal of a sound file", async () => {
    const { path } = await givenDatabase();
    const crashed = given().path;
    const first = await openDatabase(path);
    await sql`insert into notes values ('in the journal')`.execute(first.db);
    for (const end of ["", "-wal"]) copyFileSync(path + end, crashed + end);
    await first.close();

    const { db, close } = await openDatabase(crashed);

    const { rows } = await sql`select text from notes where text = 'in the journal'`.execute(db);
    expect(rows).toHaveLength(1);
    await close();
  });

  it.each(["backups", "sessions"])(
    "refuses to begin anew where %s show that there was a database",
    async (mark) => {
      const { home, path, marks } = given();
      writeFileSync(join(home, mark, "something"), "");

      await expect(openDatabase(path, { marks })).rejects.toThrow(
        `${path} is missing or empty, but ${join(home, mark)} show`,
      );
      expect(existsSync(path)).toBe(false);

      writeFileSync(path, "");
      await expect(openDatabase(path, { marks })).rejects.toThrow("is missing or empty");
      expect(statSync(path).size).toBe(0);
    },
  );

  it("takes an empty file as a first start that was cut short", async () => {
    const { path, marks } = given();
    writeFileSync(path, "");

    await (await openDatabase(path, { marks })).close();

    expect(pragma(path, "application_id")).toBe(0x42656c6c);
  });

  it("refuses the database of another program", async () => {
    const { path } = given();
    const other = new DatabaseSync(path);
    other.exec("pragma application_id = 7; create table theirs (x)");
    other.close();

    await expect(openDatabase(path)).rejects.toThrow("is the database of another program");
  });

  it("refuses a link, because locks and journals go by name", async () => {
    const { path, home } = await givenDatabase();
    symlinkSync(path, join(home, "soft.db"));

    await expect(openDatabase(join(home, "soft.db"))).rejects.toThrow("not a link");
    linkSync(path, join(home, "hard.db"));
    await expect(openDatabase(path)).rejects.toThrow("not a link");
  });

  it("says that another program holds the file, after the 2 s that a lock may cost", async () => {
    const { path } = await givenDatabase();
    using other = new DatabaseSync(path);
    other.exec("begin immediate");

    const opening = openDatabase(path);

    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(`${path} cannot be written (database is locked). Is the disk full`);
  });

  it("asks for the SQLite that G28 asks for", () => {
    expect(() => assertSqliteVersion("3.51.3")).not.toThrow();
    expect(() => assertSqliteVersion("4.0.0")).not.toThrow();
    expect(() => assertSqliteVersion("3.51.2")).toThrow(
      "this Node brings SQLite 3.51.2; Bellhop needs 3.51.3",
    );
    expect(() => assertSqliteVersion("3.40.99")).toThrow(ConfigError);
    expect(() => assertSqliteVersion(undefined)).toThrow(ConfigError);
  });
});

// With BELLHOP_CI=1 a machine without strace is a failure, elsewhere a skip that the summary shows.
const mustTrace = process.env["BELLHOP_CI"] === "1";
const canTrace = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;

describe("a commit", () => {
  it.skipIf(!canTrace && !mustTrace)(
    "is synced to the disk before it returns (G28): 50 commits, 50 syncs at least",
    async () => {
      const { path, home } = await givenDatabase();
      const trace = join(home, "trace");
      const url = JSON.stringify(new URL("../database.ts", import.meta.url).href);
      const source = `
      import { openDatabase } from ${url};
      import { sql } from "kysely";
      import { rmSync, writeFileSync } from "node:fs";
      const { db } = await openDatabase(process.argv[1]);
      await sql\`insert into notes values ('warm')\`.execute(db);
      for (let i = 0; i < 50; i++) {
        writeFileSync("/dev/null", "mark");
        await sql\`insert into notes values (\${i})\`.execute(db);
      }
      writeFileSync("/dev/null", "mark");
      process.kill(process.pid, "SIGKILL");
    `;

      const child = spawn(
        "strace",
        [
          "-f",
          "-o",
          trace,
          "-e",
          "trace=fdatasync,fsync,write,pwrite64",
          process.execPath,
          "--input-type=module",
          "-e",
          source,
          path,
        ],
        { stdio: "inherit", cwd: import.meta.dirname },
      );
      await once(child, "exit");

      const calls = readFileSync(trace, "utf8").split("\n");
      const marks = calls.flatMap((call, line) => (call.includes('"mark"') ? [line] : []));
      const between = marks
        .slice(1)
        .map((end, i) => calls.slice(marks[i], end).some((call) => /\bf(data)?sync\(/.test(call)));
      expect(between).toEqual(Array.from({ length: 50 }, () => true));
    },
  );
});

function overwrite(path: string, offset: number, length: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, offset, offset + length);
  writeFileSync(path, bytes);
}
