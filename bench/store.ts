/** Bellhop's store in a file of its own, for benches that need no host around it. */
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../packages/host/src/core/clock.ts";
import { type ChatId, GroupFolder, SenderId } from "../packages/host/src/core/ids.ts";
import { silentLog } from "../packages/host/src/log.ts";
import { createChats, ensureChat } from "../packages/host/src/store/chats.ts";
import { openDatabase } from "../packages/host/src/store/database.ts";
import { createHistory } from "../packages/host/src/store/history.ts";
import { createInbox } from "../packages/host/src/store/inbox.ts";
import { migrate } from "../packages/host/src/store/migrate.ts";
import { migrations } from "../packages/host/src/store/migrations/index.ts";
import { createOutbox } from "../packages/host/src/store/outbox.ts";
import { scopeOf } from "../packages/host/src/store/sessions.ts";
import { createTimeline } from "../packages/host/src/store/timeline.ts";
import { createTurns } from "../packages/host/src/store/turns.ts";

export type BenchStore = Awaited<ReturnType<typeof temporaryStore>>;

export async function temporaryStore() {
  const root = await mkdtemp(join(await realpath(tmpdir()), "bellhop-bench-"));
  const path = join(root, "bellhop.db");
  const { db, close } = await openDatabase(path, { clock: systemClock });
  await migrate(db, { migrations, clock: systemClock });
  const chats = createChats(db, systemClock);
  const speaks = { engine: "acp", provider: "bench" } as const;
  const inbox = createInbox(db, systemClock, ({ id, folder }) => ({ scope: scopeOf(id, folder), ...speaks }));
  const judged = { verdict: "admitted", reason: "bench", role: "owner", tainted: false } as const;
  let written = 0;
  return {
    db,
    path,
    chats,
    outbox: createOutbox(db, systemClock),
    timeline: createTimeline(db),
    history: createHistory(db, systemClock, silentLog),
    turns: createTurns(db, {
      clock: systemClock,
      boot: crypto.randomUUID(),
      modelOf: () => "echo",
      speaks: () => speaks,
      contextOf: () => ({ messages: 50, tokens: 8_000 }),
    }),

    /** Each chat to the group of this name, all in one commit. */
    async bind(pairs: readonly (readonly [ChatId, string])[]): Promise<void> {
      const now = systemClock.now();
      await db.transaction().execute(async (trx) => {
        for (const [id, group] of pairs) {
          const folder = GroupFolder.parse(group);
          await trx
            .insertInto("groups")
            .values({ folder, created_at: now })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
          await ensureChat(trx, { id, group: folder, now });
        }
      });
    },

    /** Somebody writes in a chat that is bound. */
    async write(chat: ChatId, text: string) {
      written += 1;
      const message = {
        chat,
        platformId: `bench-${written}`,
        kind: "message" as const,
        version: 0,
        sender: { id: SenderId.parse("web:owner"), name: "Owner" },
        text,
        judge: () => judged,
      };
      const accepted = await inbox.receive(message);
      if (!accepted || "not" in accepted) throw new Error(`nobody has bound ${chat}`);
      return accepted;
    },

    async [Symbol.asyncDispose](): Promise<void> {
      await close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
