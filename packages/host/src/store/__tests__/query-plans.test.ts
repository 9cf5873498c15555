import { describe, expect, it } from "vitest";
import { ChatId, newId, OutboxId, SenderId, FileId } from "../../core/ids.ts";
import { newTaskId } from "../../core/task.ts";
import { UsageBy } from "../../core/usage.ts";
import { budgetsOver } from "../../budgets/__tests__/house.ts";
import { Kysely } from "kysely";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../core/clock.ts";
import { createChats } from "../chats.ts";
import { createCommandStore } from "../commands.ts";
import { createSqliteDialect } from "../dialect.ts";
import { createDead } from "../dead.ts";
import { createFiles } from "../files.ts";
import { createFire } from "../fire.ts";
import { createHookedInbox } from "../hooked-inbox.ts";
import { createInbox, type RouteOf } from "../inbox.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { claimedTask, createOccurrences, endWaiting, nextWaiting, openRuns } from "../occurrences.ts";
import { createOutbox, draftKey } from "../outbox.ts";
import { scopeOf } from "../sessions.ts";
import type { Database } from "../tables.ts";
import { createTasks } from "../tasks.ts";
import { createTimeline } from "../timeline.ts";
import { createTurns } from "../turns.ts";
import { createWhy } from "../why.ts";
import { everyMinute, message, planned, type TestMessage } from "./house.ts";
import { MAIN } from "../../core/ids.ts";

/** What grows for as long as somebody writes. */
const GROWS = ["inbox", "outbox", "events", "turns", "sessions", "usage", "files", "occurrences", "tasks"];
/** Indexes that hold only what is unfinished: reading all of one is what they are for. */
const SMALL = [
  "inbox_waiting",
  "inbox_waiting_in",
  "inbox_hooks",
  "outbox_open",
  "outbox_undelivered",
  "turns_live",
  "turns_failed",
  "sessions_in_use",
  "files_coming",
  "occurrences_waiting",
];
const CHAT = ChatId.parse("web:kitchen");

/**
 * The statements that `work` runs, and of each how SQLite goes about it. Nobody runs ANALYZE, so what
 * it chooses for an empty database is what it chooses after a year.
 */
async function given() {
  const connection = new DatabaseSync(":memory:");
  const statements = new Set<string>();
  let listening = false;
  const db = new Kysely<Database>({
    dialect: createSqliteDialect({
      writer: connection,
      reader: connection,
      clock: systemClock,
      patienceMs: 1_000,
    }),
    log(event) {
      if (listening && event.level === "query") statements.add(event.query.sql);
    },
  });
  await migrate(db, { migrations, clock: systemClock });
  const turns = createTurns(db, {
    clock: systemClock,
    boot: "boot",
    modelOf: () => "a-model",
    speaks: () => ({ engine: "claude", provider: "test" }),
    contextOf: () => ({ messages: 50, tokens: 8_000 }),
  });
  const routeOf: RouteOf = ({ id, folder }) => ({
    scope: scopeOf(id, folder),
    engine: "claude",
    provider: "test",
  });
  const { accept, receive, cursor } = createInbox(db, systemClock, routeOf);
  const inbox = { receive, cursor, accept: (one: TestMessage) => accept(one, one.group) };
  await createChats(db, systemClock).ensureGroup(MAIN);
  return {
    db,
    tasks: createTasks(db, systemClock),
    occurrences: createOccurrences(db),
    ...createFire(db, { clock: systemClock, routeOf, zoneData: "2026a" }),
    turns,
    inbox,
    chats: createChats(db, systemClock),
    dead: createDead(db, { clock: systemClock, routeOf, wake: () => undefined, deliver: () => undefined }),
    outbox: createOutbox(db, systemClock),
    files: createFiles(db, systemClock),
    hooked: createHookedInbox(db, systemClock, routeOf),
    timeline: createTimeline(db),
    commands: createCommandStore(db, systemClock),
    why: createWhy(db),
    async claimed(session: Awaited<ReturnType<typeof inbox.accept>>["session"]) {
      const claim = session && (await turns.claim(session));
      if (!claim || "notBefore" in claim) throw new Error("there is nothing to claim");
      return claim;
    },
    async plansOf(work: () => Promise<unknown>): Promise<string[]> {
      listening = true;
      await work();
      listening = false;
      return (
        [...statements]
          // An insert looks nothing up; the children that its plan lists are only read if a key is still open.
          .filter((sql) => /^\s*(select|update|delete)/i.test(sql))
          .flatMap((sql) =>
            connection
              .prepare(`explain query plan ${sql}`)
              .all()
              .map(({ detail }) => `${String(detail)} <- ${sql}`),
          )
      );
    },
  };
}

/** Steps that read all of what grows. */
function scans(plans: readonly string[]): string[] {
  return plans.filter((plan) => {
    const [, table = "", index] = /^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?/.exec(plan) ?? [];
    return GROWS.includes(table === "newest" ? "events" : table) && !SMALL.includes(index ?? "");
  });
}

const stepOf = (plan: string) => plan.split(" <- ", 1)[0];

/** Steps that may read all of one chat's past to find one row; the timeline's pages are not such. */
function chatWalks(plans: readonly string[]): string[] {
  return plans.filter((plan) => /INDEX (?:inbox|outbox)_order \(chat_id=\?\)/.test(plan));
}

describe("the queries of every file", () => {
  it("never read all of what grows", async () => {
    const { inbox, files, timeline, claimed, plansOf } = await given();

    const plans = await plansOf(async () => {
      const coming = { id: newId(FileId), name: "a", type: "image/png", bytes: 1 };
      const { groupId, ...handedOver } = await inbox.accept(message("here", { files: [coming] }));
      await files.place(coming.id, "main/a");
      await files.stored(coming.id, { type: "image/png", bytes: 1, sha256: "" });
      const more = { id: newId(FileId), name: "b", type: "image/png", bytes: 1 };
      await inbox.accept(message("there", { files: [more] }));
      await files.stub(more.id, "gone", () => "gone");
      const { turn } = await claimed(handedOver.session);
      const sent = await files.add({ groupId, turn, name: "c", pathOf: (id) => id });
      await files.ofMessages([handedOver.message]);
      await files.find(sent.id);
      await files.coming();
      await files.unattached(Date.now());
      await files.bytesOf(groupId);
      await timeline.before(CHAT, undefined, 10);
      await files.drop(sent.id);
    });

    expect(plans.length).toBeGreaterThan(10);
    expect(scans(plans)).toEqual([]);
  });
});

describe("the queries of messages that plugins look at", () => {
  it("find what waits in an index that holds nothing else", async () => {
    const { inbox, hooked, outbox, plansOf } = await given();
    const judged = { verdict: "admitted", reason: "", role: "owner", tainted: false } as const;
    const judge = () => ({ ...judged, hooks: "hooks" as const });
    for (const text of ["one", "two", "three"]) await inbox.accept(message(text, { judge }));
    const nothing = { notes: [], told: [] };

    const plans = await plansOf(async () => {
      await hooked.chats();
      await hooked.counts();
      const first = await hooked.next(CHAT);
      if (!first) throw new Error("nothing waits");
      await hooked.hold(first.row, "1", { ...nothing, hold: { by: "a", until: 0, reason: "b" } });
      const held = await hooked.held(first.row.id);
      if (!held) throw new Error("nothing is held");
      await hooked.goOn(held.row, "1", nothing);
      const again = await hooked.next(CHAT);
      if (again) await hooked.release(again, "1", nothing);
      const next = await hooked.next(CHAT);
      if (next) await hooked.drop(next.row, "no", nothing);
      const owed = await outbox.unhooked(CHAT);
      if (owed) await outbox.hooked(owed, "2", nothing);
      if (owed) await outbox.suppress(owed, "no", nothing);
    });

    expect(plans.length).toBeGreaterThan(10);
    expect(scans(plans)).toEqual([]);
    expect(chatWalks(plans)).toEqual([]);
  });
});

describe("the queries of usage", () => {
  it("read what a month or a group has, never all that was ever used", async () => {
    const { db, inbox, chats, claimed, plansOf } = await given();
    await chats.ensure(CHAT, MAIN);
    const { session } = await inbox.accept(message("one"));
    await claimed(session);

    const plans = await plansOf(async () => {
      const budgets = await budgetsOver(db, systemClock);
      for (const by of UsageBy.options) await budgets.report({ by, since: "7d" });
      await budgets.lately(MAIN);
      await budgets.lately(undefined);
    });

    expect(plans.length).toBeGreaterThan(10);
    expect(scans(plans)).toEqual([]);
    expect(plans.map(stepOf)).toContain("SEARCH usage USING INDEX usage_by_group (group_id=? AND at>?)");
  });
});

describe("the queries of tasks", () => {
  it("never read all tasks, or all that they ever did", async () => {
    const { db, tasks, occurrences, fire, fireNow, turns, chats, why, claimed, plansOf } = await given();
    const chat = await chats.ensure(CHAT, MAIN);

    const plans = await plansOf(async () => {
      const now = systemClock.now();
      const of = { group_id: chat.group_id, chat_id: chat.id, overlap: "allow" } as const;
      const row = await tasks.insert(db, { ...everyMinute(now), ...of });
      await tasks.beginningWith(db, row.id.slice(0, 3));
      await tasks.count(db, chat.group_id);
      await tasks.due(now, 100);
      await tasks.misplanned({ zoneData: "2026b", markAfter: now }, 100);
      const { woken } = await fire([planned(row)]);
      const session = woken[0]?.session;
      if (session === undefined) throw new Error("nothing was fired");
      await nextWaiting(db, session);
      const { task, turn, ...claim } = await claimed(session);
      if (!task) throw new Error("it is no task's");
      await claimedTask(db, task.occurrence);
      await turns.due();
      await turns.fail({ ...claim, task, turn }, { class: "x", detail: "", outbound: [] });
      await turns.waitsIn(session);
      await fireNow(db, row);
      await openRuns(db, [row.id]);
      await endWaiting(db, { task: row.id }, { state: "cancelled" }, now);
      const { occurrences: runs } = await occurrences.history(row.id, { limit: 10 });
      await occurrences.history(row.id, { limit: 10, before: runs[0]?.id });
      await occurrences.find(task.occurrence);
      await occurrences.prune({ after: "", keep: 5, before: now });
      await why.find(CHAT, { before: 100 });
      await tasks.replan(row, { zone_data: "2026b" });
      await tasks.change(db, row.id, { state: "cancelled" });
    });

    expect(plans.length).toBeGreaterThan(40);
    expect(scans(plans)).toEqual([]);
  });

  it("find what is due, and which runs are open, in indexes that hold nothing else", async () => {
    const { db, tasks, plansOf } = await given();

    const due = await plansOf(async () => {
      await tasks.firstDue();
      await tasks.due(systemClock.now(), 100);
    });
    const task = newTaskId();
    const open = await plansOf(async () => {
      await openRuns(db, [task]);
      await openRuns(db, [task, newTaskId()]);
      await endWaiting(db, { task }, { state: "cancelled" }, 0);
    });

    expect(due.map(stepOf)).toEqual([
      "SEARCH tasks USING COVERING INDEX tasks_due (due_at>?)", // in its order, and only the first
      "SEARCH tasks USING COVERING INDEX tasks_due (due_at>? AND due_at<?)",
    ]);
    expect(open.map(stepOf).filter((step) => step?.includes(" occurrences "))).toEqual(
      Array<string>(3).fill("SEARCH occurrences USING INDEX occurrences_open (task_id=?)"),
    );
  });
});

describe("the queries of every message", () => {
  it("never read all of what grows", async () => {
    const { inbox, turns, outbox, timeline, chats, dead, claimed, plansOf } = await given();

    const plans = await plansOf(async () => {
      const one = message("one", { cursor: "1" });
      const bot = { id: SenderId.parse("web:robot"), name: "Robot", bot: true };
      const around = message("around", { verdict: "noted", context: true, sender: bot, replyTo: "p" });
      await chats.ensure(CHAT, MAIN);
      await inbox.receive(around);
      await inbox.receive({ ...around, kind: "edit", version: 1 });
      const { session, message: id } = await inbox.accept(one);
      await inbox.accept(one);
      let claim = await claimed(session);
      await inbox.receive({ ...around, kind: "delete", version: 2 });
      await inbox.receive({ ...one, kind: "edit", version: 3 });
      await turns.contextOf(claim, { afterSeq: 0, beforeSeq: 100 });
      await chats.bind(CHAT, MAIN);
      await turns.quoted(CHAT, "some platform id");
      await turns.numbered(CHAT, 1);
      const more = await inbox.accept(message("two"));
      await turns.followUps(claim);
      await turns.consume(claim, [more.message]);
      await turns.say(claim, claim.chat, [{ key: "k", kind: "text", text: "hi", replyTo: id }]);
      await turns.say(claim, claim.chat, [{ key: draftKey(claim.turn), kind: "draft", text: "h" }]);
      const draft = await outbox.draftOf(claim.turn);
      await turns.hasSpoken(claim);
      await turns.hasWaiting(claim.session.id);
      await turns.alreadySent(claim);
      await turns.retry(claim, { class: "x", detail: "", outbound: [], at: 0, charged: true });
      claim = await claimed(session);
      claim = await turns.startAfresh(claim);
      await turns.recap(claim, 20);
      await turns.complete(claim, {
        engineSession: "s",
        position: "p",
        carried: [],
        outbound: [{ key: newId(OutboxId), kind: "text", text: "answer", overDraft: "if any" }],
      });
      const failed = await claimed((await inbox.accept(message("three"))).session);
      await turns.fail(failed, { class: "x", detail: "", outbound: [] });
      await turns.due();
      await turns.live();
      await turns.waitingByChat();
      for (let next = await outbox.claim(CHAT); next && "row" in next; next = await outbox.claim(CHAT))
        await outbox.sent(next.row, "p");
      await outbox.chatsOwed();
      await outbox.firstDue(CHAT);
      await outbox.firstDue(CHAT, "answers to commands");
      await outbox.draftOf(claim.turn);
      await outbox.shownDraft(draft ?? newId(OutboxId));
      await outbox.oweNotice({ chat: CHAT, groupId: claim.chat.group_id, key: "notice", text: "n" });
      await turns.marksOf(claim.turn);
      await turns.fateOf([id]);
      await outbox.counts();
      const newest = await timeline.latest();
      await timeline.after(CHAT, newest, 100);
      await timeline.after(undefined, newest, 100);
      await timeline.before(CHAT, undefined, 100);
      await chats.list();
      await dead.summary();
      await dead.list({ limit: 10, before: failed.turn });
      await dead.show(failed.turn);
      await dead.retry(failed.turn, false);
    });

    expect(plans.length).toBeGreaterThan(40);
    expect(scans(plans)).toEqual([]);
    expect(chatWalks(plans)).toEqual([]);
  });

  it("nor do those of chat commands", async () => {
    const { inbox, turns, chats, claimed, commands, why, plansOf } = await given();
    await chats.ensure(CHAT, MAIN);
    const { session } = await inbox.accept(message("one"));
    const claim = await claimed(session);
    await turns.say(claim, claim.chat, [{ key: "k", kind: "text", text: "hi" }]);

    const plans = await plansOf(async () => {
      const command = { name: "new", startsAfresh: true };
      const { message: id, seq } = await inbox.accept(message("/new", { verdict: "noted", command }));
      await commands.unanswered(0);
      await commands.answer(await commands.find(id), ["done"]);
      await turns.cancelWaiting(claim.session.id, "stopped");
      for (const which of [{ before: seq }, { seq }, { seq: 1 }, { ref: id }, { ref: "p" }])
        await why.find(CHAT, which);
    });

    expect(plans.length).toBeGreaterThan(20);
    expect(scans(plans)).toEqual([]);
    expect(chatWalks(plans)).toEqual([]);
  });

  it("are told apart by this test: a query that reads everything is found", async () => {
    const { outbox, plansOf } = await given();

    expect(scans(["SCAN inbox <- x", "SCAN outbox USING INDEX outbox_open <- x"])).toEqual([
      "SCAN inbox <- x",
    ]);
    expect(await plansOf(() => outbox.counts())).not.toEqual([]);
  });
});
