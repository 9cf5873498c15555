import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { chatId, FileId, MAIN, newId, SenderId } from "../../core/ids.ts";
import { type FakeClock, fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { createChats } from "../../store/chats.ts";
import { openDatabase } from "../../store/database.ts";
import { createFiles } from "../../store/files.ts";
import type { MessageFile } from "../../store/message-files.ts";
import { createInbox } from "../../store/inbox.ts";
import { owe } from "../../store/outbox.ts";
import { migrate } from "../../store/migrate.ts";
import { migrations } from "../../store/migrations/index.ts";
import { createTurns } from "../../store/turns.ts";
import { createMedia, describeFile } from "../media.ts";

const KiB = 1_024;
const PNG = Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), Buffer.alloc(2_000, 7)]);
const chat = chatId({ channel: "web", account: "", native: "home" });

async function given() {
  const root = await mkdtemp(join(tmpdir(), "bellhop-media-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const clock = fakeClock();
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  const { group_id: groupId } = await chats.ensure(chat, MAIN);
  const inbox = createInbox(db, clock, () => ({
    scope: { kind: "chat", key: chat },
    engine: "claude",
    provider: "test",
  }));
  const accept = (files: readonly MessageFile[] = []) =>
    inbox.accept(
      {
        chat,
        platformId: crypto.randomUUID(),
        kind: "message",
        version: 0,
        sender: { id: SenderId.parse("web:ann"), name: "Ann" },
        text: "look",
        judge: () => ({ verdict: "admitted", reason: "test", role: "owner", tainted: false }),
        files,
      },
      MAIN,
    );
  const turns = createTurns(db, {
    clock,
    boot: "test",
    modelOf: () => "a-model",
    speaks: () => ({ engine: "claude", provider: "test" }),
    contextOf: () => ({ messages: 50, tokens: 8_000 }),
  });
  const files = createFiles(db, clock);
  const told: string[] = [];
  const start = async () => {
    const media = createMedia({
      root,
      files,
      limits: { fileBytes: 64 * KiB, groupBytes: 100 * KiB },
      deliver: (to) => told.push(to),
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    await media.recover();
    return media;
  };
  const media = await start();
  onTestFinished(media.close);

  return {
    root,
    clock,
    db,
    groupId,
    files,
    told,
    media,
    start,
    upload: (bytes: Buffer, name = "photo.png") =>
      media.receive({ groupId, name }, Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])),
    /** A message comes with a file that its platform gives as told. */
    async comes(open: () => Promise<Readable>, more: { bytes?: number; name?: string } = {}) {
      const id = newId(FileId);
      const source = { name: more.name ?? "photo.png", bytes: more.bytes, open };
      const { message } = await accept([
        { id, name: source.name, type: "application/octet-stream", bytes: 0 },
      ]);
      return { id, message, fetch: () => media.fetch([{ id, message, groupId, source }]) };
    },
    row: async (id: FileId) =>
      await db.selectFrom("files").selectAll().where("id", "=", id).executeTakeFirst(),
    notices: async () =>
      (await db.selectFrom("outbox").select(["kind", "text"]).execute()).map(
        ({ kind, text }) => `${kind}: ${text}`,
      ),
    async aTurn() {
      const { session } = await accept();
      const claim = session && (await turns.claim(session));
      if (!claim || "notBefore" in claim) throw new Error("there is no turn");
      return claim.turn;
    },
    lying: async () =>
      (await readdir(root, { recursive: true, withFileTypes: true })).filter((one) => one.isFile()),
  };
}

/** Patience runs on the test's clock. */
async function until(clock: FakeClock, done: Promise<void>): Promise<void> {
  const over = done.then(() => true);
  while (!(await Promise.race([over, sleep(1, false)]))) clock.advance(10_000);
}

describe("a file that is handed over", () => {
  it("lies in the group's folder under a safe name of its own, with type and checksum of its content", async () => {
    const { upload, media, root } = await given();

    const row = await upload(PNG, "../holiday\n.jpg");
    const again = await upload(PNG, "holiday.jpg");

    expect(row).toMatchObject({ name: "holiday.jpg", type: "image/png", bytes: PNG.length, state: "stored" });
    expect(row.sha256).toBe(createHash("sha256").update(PNG).digest("hex"));
    expect(row.path).toMatch(/^main\/[0-9a-f]{12}-holiday\.jpg$/);
    expect(again.path).not.toBe(row.path);
    expect(await readFile(join(root, row.path ?? ""))).toEqual(PNG);
    expect(await buffer((await media.outbound(row.id)).open())).toEqual(PNG);
    expect(statSync(join(root, row.path ?? "")).mode & 0o777).toBe(0o644);
    expect(describeFile(row)).toBe(
      `"holiday.jpg" (image/png, 2.0 KB) at "/workspace/media/${row.path?.slice("main/".length)}"`,
    );
  });

  it("is refused when it is too large, and leaves nothing", async () => {
    const { upload, lying, db } = await given();

    await expect(upload(Buffer.alloc(64 * KiB + 1))).rejects.toThrow("larger than the 64 KB allowed");

    expect(await lying()).toEqual([]);
    expect(await db.selectFrom("files").selectAll().execute()).toEqual([]);
  });

  it("is refused when its group has no room left, until something goes", async () => {
    const { upload, media } = await given();
    const first = await upload(Buffer.alloc(60 * KiB));

    await expect(upload(Buffer.alloc(60 * KiB))).rejects.toThrow("no room left");
    await upload(Buffer.alloc(40 * KiB));
    await media.drop(first.id);

    expect(await upload(Buffer.alloc(60 * KiB))).toMatchObject({ state: "stored" });
  });

  it("counts what is still coming against the room", async () => {
    const { media, groupId, upload } = await given();
    const [taken, rest] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = (async function* () {
      yield Buffer.alloc(60 * KiB);
      taken.resolve(); // more is asked for
      await rest.promise;
    })();
    const first = media.receive({ groupId, name: "slow" }, slow);
    await taken.promise;

    await expect(upload(Buffer.alloc(41 * KiB))).rejects.toThrow("no room left");
    rest.resolve();

    expect(await first).toMatchObject({ bytes: 60 * KiB });
  });

  it("is nothing when it breaks off", async () => {
    const { media, groupId, lying, upload } = await given();
    const broken = Readable.from(
      (function* () {
        yield Buffer.alloc(60 * KiB);
        throw new Error("the line went dead");
      })(),
    );

    await expect(media.receive({ groupId, name: "a" }, broken)).rejects.toThrow(TemporaryError);

    expect(await lying()).toEqual([]);
    expect(await upload(Buffer.alloc(60 * KiB))).toMatchObject({ state: "stored" });
  });

  it("goes after a day when no message brought it", async () => {
    const { upload, clock, files, lying } = await given();
    const old = await upload(PNG);

    clock.advance(25 * 60 * 60_000);
    const fresh = await upload(PNG);

    expect(await files.find(old.id)).toBeUndefined();
    expect(await files.find(fresh.id)).toBeDefined();
    expect(await lying()).toHaveLength(1);
  });

  it("that an agent sends lies where no sandbox sees it, and stays; one that was never owed goes at the start", async () => {
    const { media, groupId, root, clock, upload, aTurn, db, start, lying } = await given();
    const turn = await aTurn();

    const row = await media.receive(
      { groupId, turn, name: "report.txt" },
      Readable.from([Buffer.from("done")]),
    );
    clock.advance(25 * 60 * 60_000);
    await upload(PNG);

    expect(row.path).toMatch(/^\.sent\/main\//);
    expect(existsSync(join(root, row.path ?? ""))).toBe(true);
    expect(await media.outbound(row.id)).toMatchObject({ name: "report.txt", type: "text/plain", bytes: 4 });

    const owed = [{ key: "a", kind: "file", text: "", file: row.id }] as const;
    await owe(db, { chat, groupId, turn, now: clock.now() }, owed);
    await media.receive({ groupId, turn, name: "never owed" }, Readable.from([PNG]));
    await start();

    expect((await lying()).map(({ name }) => name.slice(13)).sort()).toEqual(["photo.png", "report.txt"]);
  });
});

describe("a file that came with a message", () => {
  it("is there when the turn has waited for it", async () => {
    const { comes, media, row } = await given();
    const { id, message, fetch } = await comes(async () => Readable.from([PNG]));

    fetch();
    await media.settled([message], 30_000);

    expect(await row(id)).toMatchObject({ state: "stored", type: "image/png", bytes: PNG.length });
    expect(await media.ofMessages([message])).toHaveLength(1);
  });

  it("is asked for again after a passing error", async () => {
    const { comes, media, row, clock } = await given();
    let asked = 0;
    const { id, message, fetch } = await comes(async () => {
      asked += 1;
      if (asked < 3) throw new TemporaryError("busy");
      return Readable.from([PNG]);
    });

    fetch();
    await until(clock, media.settled([message], 10 * 60_000));

    expect(asked).toBe(3);
    expect(await row(id)).toMatchObject({ state: "stored" });
  });

  it.each([
    ["it is not to be had", async () => Promise.reject(new RejectedError("it is gone")), {}, "it is gone"],
    [
      "it says that it is too large",
      async () => Readable.from([PNG]),
      { bytes: 65 * KiB },
      "larger than the 64 KB",
    ],
    [
      "it is larger than it said",
      async () => Readable.from([Buffer.alloc(65 * KiB)]),
      { bytes: 5 },
      "larger than",
    ],
    [
      "it cannot be had for long",
      async () => Promise.reject(new TemporaryError("busy")),
      {},
      "could not be fetched",
    ],
  ])("becomes a stub and one notice when %s", async (_why, open, more, reason) => {
    const { comes, media, row, clock, notices, told, lying, start } = await given();
    const { id, message, fetch } = await comes(open, { name: "clip.mp4", ...more });

    fetch();
    await until(clock, media.settled([message], 60 * 60_000));
    await start();

    expect(await row(id)).toMatchObject({ state: "stub", path: null });
    expect(await notices()).toEqual([
      expect.stringMatching(`^notice: I could not take the file “clip.mp4”: .*${reason}`),
    ]);
    expect(told).toEqual([chat]);
    expect(await lying()).toEqual([]);
  });

  it("does not keep a turn waiting for ever", async () => {
    const { comes, media, clock } = await given();
    const { message, fetch } = await comes(() => new Promise(() => undefined));
    fetch();
    const waited = media.settled([message], 30_000);

    clock.advance(30_000);

    await expect(waited).resolves.toBeUndefined();
  });

  it("that a dead host was fetching is a stub after the next start, and its bytes are gone", async () => {
    const { comes, files, root, start, row, notices, lying } = await given();
    const { id } = await comes(async () => Readable.from([]));
    await files.place(id, "main/abc-photo.png");
    await mkdir(join(root, "main"), { recursive: true });
    await writeFile(join(root, "main", "abc-photo.png"), "renamed, and then we died");
    await writeFile(join(root, ".incoming", id), "half");

    await start();
    await start();

    expect(await row(id)).toMatchObject({ state: "stub", path: null });
    expect(await notices()).toHaveLength(1);
    expect(await lying()).toEqual([]);
  });
});
