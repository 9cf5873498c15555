/** The store over a database in memory, with a clock that stands still. */
import { onTestFinished } from "vitest";
import { ChatId, GroupFolder, MAIN, SenderId } from "../../core/ids.ts";
import { newTaskId } from "../../core/task.ts";
import { type FakeClock, fakeClock } from "../../core/testing.ts";
import { createChats } from "../chats.ts";
import { openDatabase } from "../database.ts";
import { createFire, type Planned } from "../fire.ts";
import { createInbox, type Judged, type NewMessage, type RouteOf } from "../inbox.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { createOccurrences } from "../occurrences.ts";
import { createOutbox } from "../outbox.ts";
import { scopeOf, type Session } from "../sessions.ts";
import { createTasks, type NewTaskRow, type TaskRow } from "../tasks.ts";
import { createTimeline } from "../timeline.ts";
import type { Claim } from "../claims.ts";
import { createTurns } from "../turns.ts";

const MINUTE = 60_000;
/** The version of the zone data here. */
export const ZONE_DATA = "2026a";

export async function house({
  path = ":memory:",
  clock = fakeClock(),
  zoneData = ZONE_DATA,
}: { path?: string; clock?: FakeClock; zoneData?: string } = {}) {
  const { db, close } = await openDatabase(path, { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  const chats = createChats(db, clock);
  await chats.ensureGroup(MAIN);
  await chats.ensureGroup(GroupFolder.parse("family"));
  const speaks: { engine: Session["engine"]; provider: string } = { engine: "claude", provider: "test" };
  const turnsOf = (boot: string) =>
    createTurns(db, {
      clock,
      boot,
      modelOf: () => "a-model",
      speaks: () => speaks,
      contextOf: () => ({ messages: 50, tokens: 8_000 }),
    });
  const turns = turnsOf("this boot");
  const routeOf: RouteOf = ({ id, folder }) => ({ scope: scopeOf(id, folder), ...speaks });
  const inbox = createInbox(db, clock, routeOf);
  const tasks = createTasks(db, clock);
  const fireOf = () => createFire(db, { clock, routeOf, zoneData });
  return {
    clock,
    db,
    close,
    chats,
    /** Which engine and provider a new message is for. */
    speaks,
    inbox: { ...inbox, accept: (one: TestMessage) => inbox.accept(one, one.group) },
    outbox: createOutbox(db, clock),
    timeline: createTimeline(db),
    turns,
    turnsOf,
    tasks,
    occurrences: createOccurrences(db),
    ...fireOf(),
    /** The same of another host over this database. */
    fireOf,

    /** A task of the group `main` that runs every minute from now on, in the conversation of its chat. */
    async task(more: Partial<NewTaskRow> = {}): Promise<TaskRow> {
      const chat = await chats.ensure(more.chat_id ?? ChatId.parse("web:kitchen"), MAIN);
      return await tasks.insert(db, {
        ...everyMinute(clock.now()),
        group_id: chat.group_id,
        chat_id: chat.id,
        ...more,
      });
    },

    async taskNow({ id }: Pick<TaskRow, "id">): Promise<TaskRow> {
      const [row] = await tasks.read([id]);
      if (!row) throw new Error(`the task ${id} is gone`);
      return row;
    },

    /** All its occurrences, earliest time first. */
    runsOf: ({ id }: Pick<TaskRow, "id">) =>
      db.selectFrom("occurrences").selectAll().where("task_id", "=", id).orderBy("scheduled_for").execute(),

    /** The claim that must be there now. */
    async claimed(session: Claim["session"]["id"] | undefined, of = turns): Promise<Claim> {
      const claim = session && (await of.claim(session));
      if (!claim || "notBefore" in claim) throw new Error("there is no turn to claim");
      return claim;
    },

    inputs: () => db.selectFrom("inbox").selectAll().orderBy("seq").execute(),
    owed: () => db.selectFrom("outbox").selectAll().orderBy("seq").execute(),
  };
}

export type House = Awaited<ReturnType<typeof house>>;

/** As a row, but for the group and chat that it belongs to. */
export function everyMinute(now: number): Omit<NewTaskRow, "group_id" | "chat_id"> {
  return {
    id: newTaskId(),
    prompt: "Look at the oven.",
    script: null,
    gate: null,
    gate_failure: "notify",
    kind: "interval",
    cron: null,
    every_ms: MINUTE,
    anchor: now,
    timezone: "Europe/Berlin",
    context: "group",
    model: null,
    effort: null,
    announce: 1,
    misfire: "skip",
    overlap: "skip",
    retries: 2,
    at_most_once: 0,
    ends_at: null,
    max_runs: null,
    jitter_ms: 0,
    timeout_ms: null,
    max_tokens: null,
    max_micros: null,
    state: "active",
    note: null,
    next_at: now + MINUTE,
    due_at: now + MINUTE,
    last_at: now,
    zone_data: ZONE_DATA,
    created_by: "Ada",
    created_at: now,
    updated_at: now,
  };
}

/** What was planned for a task: by default one run at its next time, and the time after it a minute later. */
export function planned(row: TaskRow, firing: Partial<Planned["firing"]> = {}): Planned {
  const at = row.next_at ?? 0;
  const next = at + MINUTE;
  const runs = [{ scheduledFor: at, missed: 0 }];
  const whole = { runs, missed: undefined, times: 1, next, catchUp: false, ...firing };
  return { row, firing: whole, dueAt: whole.next };
}

let count = 0;

/** With the group that its chat is bound to if it is new. */
export type TestMessage = NewMessage & { readonly group: GroupFolder };

export function message(text: string, more: Partial<TestMessage & Judged> = {}): TestMessage {
  const {
    verdict = "admitted",
    reason = "test",
    role = "owner",
    tainted = false,
    context,
    command,
    ...rest
  } = more;
  count += 1;
  return {
    chat: ChatId.parse("web:kitchen"),
    group: MAIN,
    platformId: `message-${count}`,
    kind: "message",
    version: 0,
    sender: { id: SenderId.parse("web:ada"), name: "Ada" },
    text,
    judge: () => ({ verdict, reason, role, tainted, context, command }),
    ...rest,
  };
}
