/**
 * The desk: what people and agents ask about tasks. One place for the agent's tools, the API, the command
 * line and the chat commands, so that none of them can forget the check.
 *
 * - A group has its own tasks; `main` has all. What is refused for that is recorded, as is what is done.
 * - Each change is one transaction. An agent's is written under the fence of its turn, together with its
 *   entry in the journal (G7, G11).
 * - What a request means in time (`17:00`, `in 10 minutes`) is settled here, once, and told back.
 */
import { RejectedError } from "@bellhop/sdk";
import type { Kysely } from "kysely";
import type { Clock } from "../core/clock.ts";
import { nextOf, planFrom } from "../core/firing.ts";
import { chatAddress, ChatId, type GroupFolder, MAIN } from "../core/ids.ts";
import {
  type NewTask,
  newTaskId,
  type Occurrence,
  type OccurrenceId,
  type OpenedTask,
  type Task,
  type TaskChange,
} from "../core/task.ts";
import type { Action } from "../policy/policy.ts";
import type { Audit } from "../store/audit.ts";
import { type Chat, ensureChat, findChat, lastSpokenIn } from "../store/chats.ts";
import { BusyTask, type Fire, type GivesWay, type Woken } from "../store/fire.ts";
import { endWaiting, type Occurrences, openRuns } from "../store/occurrences.ts";
import type { Database } from "../store/tables.ts";
import {
  type NewTaskRow,
  type TaskPatch,
  type TaskRow,
  type Tasks,
  timetableOf,
  toTask,
} from "../store/tasks.ts";
import { NoTaskError } from "./no-task.ts";
import { type Bounds, patchOf, valuesOf } from "./request.ts";
import { explain } from "./words.ts";

/** Who asks, and what follows from that. */
export interface Actor {
  /** In words: `the owner`, `Ann (telegram:7)`, `the agent of family`. */
  readonly who: string;
  /** Whose tasks are theirs. */
  readonly group: GroupFolder;
  /** Every group's tasks are. */
  readonly all: boolean;
  /** Where they ask from: where a new task answers, unless it says otherwise. */
  readonly chat?: ChatId | undefined;
  /** Most tasks that the group may have for them to make another one. */
  readonly most?: number | undefined;
  /** Whether what they make is tainted. */
  readonly tainted?: (() => boolean) | undefined;
  /**
   * Asked for what reaches beyond their group and their chat; what it gives is called in the transaction. Owners
   * need none. @throws RejectedError
   */
  readonly leave?: ((action: Action) => Promise<Leave>) | undefined;
  /** How what they do becomes true; a plain transaction where it is not said. */
  readonly commit?: Commit | undefined;
}

type Leave = (trx: Kysely<Database>) => Promise<void>;

export type Commit = (effect: (trx: Kysely<Database>) => Promise<Done>) => Promise<Done>;

/** What was done, as it stands in the transaction that does it. */
export interface Done {
  readonly task: Task;
  readonly next: readonly number[];
  /** A run that was begun by hand. */
  readonly run?: (Woken & { readonly giveWay: readonly GivesWay[] }) | undefined;
}

/**
 * What an actor may ask. An id may be the beginning of one that fits only one task. All throw RejectedError
 * with a sentence for a person, NoTaskError where there is no such task.
 */
export interface TaskPowers {
  /** With `all` also those that are done or cancelled. */
  list(query: { readonly group?: GroupFolder | undefined; readonly all: boolean }): Promise<readonly Task[]>;
  add(task: NewTask): Promise<OpenedTask>;
  show(id: string): Promise<OpenedTask>;
  edit(id: string, change: TaskChange): Promise<OpenedTask>;
  pause(id: string): Promise<OpenedTask>;
  resume(id: string): Promise<OpenedTask>;
  cancel(id: string): Promise<OpenedTask>;
  /** Now, beside its schedule. */
  run(id: string): Promise<Occurrence>;
  /** Newest first. */
  history(
    id: string,
    page: { readonly limit: number; readonly before?: OccurrenceId | undefined },
  ): Promise<{ readonly occurrences: readonly Occurrence[]; readonly more: boolean }>;
}

export interface DeskParts {
  readonly db: Kysely<Database>;
  readonly tasks: Tasks;
  readonly occurrences: Occurrences;
  readonly fireNow: Fire["fireNow"];
  readonly audit: Audit["write"];
  readonly groupExists: (folder: GroupFolder) => boolean;
  readonly timezoneOf: (folder: GroupFolder) => string;
  /** The chat of the owner's notices: no place for answers. */
  readonly notices: ChatId;
  /** What the operator allows. */
  readonly bounds: Bounds;
  /** When the first task is due may have changed. */
  readonly look: () => void;
  readonly wake: (woken: Woken) => void;
  readonly giveWay: (run: GivesWay) => void;
  /** Why a run that has not ended is not being done just now; undefined where it is. */
  readonly whyWaits: (run: Pick<Woken, "session" | "groupId" | "occurrence">) => string | undefined;
  /** The emergency stop is on. */
  readonly paused: () => boolean;
  readonly zoneData: string;
  readonly clock: Clock;
  /** From 0 to below 1, for jitter. */
  readonly random: () => number;
}

const NEXT_SHOWN = 3;
const RECENT_SHOWN = 5;
/** Where the owner's own tasks answer as long as there is no other chat. */
const DESK = ChatId.parse("terminal:tasks");

/** Whose a task is, and where it answers. */
interface Place {
  readonly group: GroupFolder;
  readonly chat: ChatId;
}

const NO_LEAVE: Leave = async () => undefined;

function beyond({ group, chat }: Actor, places: readonly Place[]): Place[] {
  return places.filter((place) => place.group !== group || place.chat !== chat);
}

/** @throws RejectedError when it was moved between the question and the deed */
function assertJudged(actor: Actor, judged: readonly Place[], { group, chat }: Task): void {
  const [place] = beyond(actor, [{ group, chat }]);
  if (place && !judged.some((one) => one.group === group && one.chat === chat))
    throw new RejectedError("The task was moved meanwhile; look at it again.");
}

/** In the words of the desk: what an owner is asked about. */
function actionOf(
  actor: Actor,
  action: string,
  { about, detail, place }: { about: string | undefined; detail: string; place: Place },
): Action {
  const what = about === undefined ? "a task" : `the task ${about.trim().toLowerCase()}`;
  const request = detail === "" ? "" : `: ${detail}`;
  return {
    effect: "schedule-elsewhere",
    target: place.group === actor.group ? `chat:${place.chat}` : `group:${place.group}`,
    words: `${action} ${what} that answers in ${place.chat}, of the group ${place.group}${request}`,
    detail: { action, task: about?.trim().toLowerCase() ?? null, request: detail, ...place },
  };
}

/** Refused because of who asks. It is recorded. */
class NotYoursError extends RejectedError {}

export function createDesk(parts: DeskParts) {
  const { db, tasks, occurrences, clock } = parts;

  /** The first time after `after`, with its jitter. */
  function planOf(row: TaskRow, after: number) {
    const next = nextOf(timetableOf(row), after);
    if (next === undefined) return undefined;
    const jitter = Math.floor(parts.random() * row.jitter_ms);
    return { next_at: next, due_at: next + jitter, zone_data: parts.zoneData };
  }

  function nextTimes(row: TaskRow): number[] {
    const timetable = timetableOf(row);
    const times: number[] = [];
    let [at, fired] = [row.next_at, row.fired];
    while (at !== null && times.length < NEXT_SHOWN) {
      times.push(at);
      fired += 1;
      at = nextOf({ ...timetable, fired }, at) ?? null;
    }
    return times;
  }

  const done = (row: TaskRow): Done => ({ task: toTask(row), next: nextTimes(row) });

  async function open(row: TaskRow): Promise<OpenedTask> {
    const task = toTask(row);
    const next = nextTimes(row);
    const { occurrences: recent } = await occurrences.history(row.id, { limit: RECENT_SHOWN });
    const [run] = await openRuns(db, [row.id]);
    const waits = run?.session_id
      ? parts.whyWaits({ session: run.session_id, groupId: row.group_id, occurrence: run.id })
      : undefined;
    const explained = explain(task, { next, recent, now: clock.now(), waits, paused: parts.paused() });
    return { ...task, next, explained, recent };
  }

  /** @throws NoTaskError, NotYoursError, or RejectedError where more than one task is meant */
  async function named(trx: Kysely<Database>, actor: Actor, id: string): Promise<TaskRow> {
    const wanted = id.trim().toLowerCase();
    if (!/^[a-z0-9]{1,8}$/.test(wanted)) throw new NoTaskError(id);
    const [row, other] = await tasks.beginningWith(trx, wanted, actor.all ? undefined : actor.group);
    if (row && other)
      throw new RejectedError(`More than one task's id begins with ${wanted}; write more of it.`);
    if (row) return row;
    const [theirs] = await tasks.beginningWith(trx, wanted);
    if (!theirs) throw new NoTaskError(id);
    throw new NotYoursError(
      `The task ${wanted} belongs to another group; yours is ${actor.group}, and only ${MAIN} looks after those of others.`,
    );
  }

  /**
   * Does it for whoever may, and keeps a record either way. `places` are those that it touches: whoever needs
   * leave for other ones than their own is asked before, and nothing else may turn out in the transaction.
   */
  async function act(
    actor: Actor,
    action: string,
    {
      about,
      detail = "",
      places,
    }: {
      readonly about?: string;
      readonly detail?: string;
      readonly places: () => Promise<readonly Place[]>;
    },
    effect: (trx: Kysely<Database>) => Promise<Done>,
  ): Promise<Done> {
    const commit: Commit = actor.commit ?? ((run) => db.transaction().execute(run));
    try {
      const leaves: Leave[] = [];
      const judged = actor.leave ? await places() : [];
      for (const place of beyond(actor, judged))
        leaves.push((await actor.leave?.(actionOf(actor, action, { about, detail, place }))) ?? NO_LEAVE);
      const result = await commit(async (trx) => {
        const made = await effect(trx);
        if (actor.leave) assertJudged(actor, judged, made.task);
        for (const leave of leaves) await leave(trx);
        await record(trx, actor, { action, subject: `task:${made.task.id}`, allowed: true, detail });
        return made;
      });
      parts.look();
      if (result.run) {
        for (const run of result.run.giveWay) parts.giveWay(run);
        parts.wake(result.run);
      }
      return result;
    } catch (error) {
      if (error instanceof NotYoursError) await recordRefusal(actor, action, about, error.message);
      throw error;
    }
  }

  async function record(
    trx: Kysely<Database>,
    { who, group }: Actor,
    what: { action: string; subject: string; allowed: boolean; detail: string },
  ): Promise<void> {
    const row = await trx.selectFrom("groups").select("id").where("folder", "=", group).executeTakeFirst();
    await parts.audit(trx, { actor: who, groupId: row?.id ?? null, ...what });
  }

  async function recordRefusal(actor: Actor, action: string, about: string | undefined, why: string) {
    const subject = about === undefined ? "task" : `task:${about.slice(0, 8)}`;
    await record(db, actor, { action, subject, allowed: false, detail: why });
  }

  async function read(actor: Actor, action: string, id: string): Promise<TaskRow> {
    try {
      return await named(db, actor, id);
    } catch (error) {
      if (error instanceof NotYoursError) await recordRefusal(actor, action, id, error.message);
      throw error;
    }
  }

  const placesOf = (actor: Actor, id: string) => async (): Promise<readonly Place[]> => {
    const row = await named(db, actor, id);
    return [{ group: row.folder, chat: row.chat_id }];
  };

  /** The group that a new task is for: as said, else that of its chat, for whoever has all groups. */
  async function groupFor(
    trx: Kysely<Database>,
    actor: Actor,
    { group: wanted, chat }: Pick<NewTask, "group" | "chat">,
  ): Promise<GroupFolder> {
    const known = wanted === undefined && actor.all && chat !== undefined && (await findChat(trx, chat));
    const group = wanted ?? (known ? known.folder : actor.group);
    if (group !== actor.group && !actor.all)
      throw new NotYoursError(`Only ${MAIN} may make tasks for other groups; yours is ${actor.group}.`);
    if (!parts.groupExists(group)) throw new RejectedError(`There is no group ${group}.`);
    return group;
  }

  /** Where it answers: as said, else where it was asked for, else where the group spoke last. */
  async function chatFor(
    trx: Kysely<Database>,
    actor: Actor,
    group: GroupFolder,
    wanted: ChatId | undefined,
  ): Promise<Chat> {
    const asked = wanted ?? (group === actor.group ? actor.chat : undefined);
    if (asked !== undefined) return await chatOf(trx, group, asked);
    const last = await lastSpokenIn(trx, group, parts.notices);
    if (last) return await chatOf(trx, group, last);
    if (group === MAIN) return await ensureChat(trx, { id: DESK, group, now: clock.now() });
    throw new RejectedError(
      `The group ${group} has no chat to answer in: bind one (bellhop chats bind CHAT ${group}) or name one.`,
    );
  }

  /** @throws RejectedError when it is no chat of the group's */
  async function chatOf(trx: Kysely<Database>, group: GroupFolder, id: ChatId): Promise<Chat> {
    const { channel, account } = chatAddress(id);
    const desk = (channel === "web" || channel === "terminal") && account === "";
    const known = await findChat(trx, id);
    const chat =
      known ?? (desk && group === MAIN ? await ensureChat(trx, { id, group, now: clock.now() }) : undefined);
    if (!chat) throw new RejectedError(`There is no chat ${id}.`);
    if (chat.folder !== group)
      throw new RejectedError(`The chat ${id} belongs to the group ${chat.folder}, not to ${group}.`);
    return chat;
  }

  async function add(actor: Actor, task: NewTask): Promise<Done> {
    const places = async (): Promise<readonly Place[]> => {
      const group = await groupFor(db, actor, task);
      return [{ group, chat: (await chatFor(db, actor, group, task.chat)).id }];
    };
    return await act(actor, "add", { detail: JSON.stringify(task), places }, async (trx) => {
      const group = await groupFor(trx, actor, task);
      const chat = await chatFor(trx, actor, group, task.chat);
      if (actor.most !== undefined && (await tasks.count(trx, chat.group_id)) >= actor.most)
        throw new RejectedError(
          `The group ${group} has ${actor.most} tasks, which is the most an agent may make; cancel some first.`,
        );
      const now = clock.now();
      const values = valuesOf(task, { now, timezone: parts.timezoneOf(group), bounds: parts.bounds });
      const row: NewTaskRow = {
        ...values,
        id: newTaskId(),
        group_id: chat.group_id,
        chat_id: chat.id,
        state: "active",
        note: null,
        next_at: null,
        due_at: null,
        last_at: now,
        zone_data: parts.zoneData,
        created_by: actor.who,
        created_at: now,
        updated_at: now,
        tainted: actor.tainted?.() ? 1 : 0,
      };
      const inserted = await tasks.insert(trx, row);
      return done(await plan(trx, inserted));
    });
  }

  /** Its next time from now on. @throws RejectedError where none is left */
  async function plan(trx: Kysely<Database>, row: TaskRow, patch: TaskPatch = {}): Promise<TaskRow> {
    const merged: TaskRow = { ...row, ...patch };
    const due = planOf(merged, planFrom(row.last_at, clock.now()));
    if (!due)
      throw new RejectedError(
        "No time of this schedule is left: look at the time itself, at its end date, and at how often it may run.",
      );
    return await tasks.change(trx, row.id, { ...patch, ...due, state: "active" });
  }

  async function edit(actor: Actor, id: string, change: TaskChange): Promise<Done> {
    const places = async (): Promise<readonly Place[]> => {
      const [before] = await placesOf(actor, id)();
      if (!before || change.chat === undefined) return before ? [before] : [];
      return [before, { group: before.group, chat: (await chatOf(db, before.group, change.chat)).id }];
    };
    return await act(actor, "edit", { about: id, detail: JSON.stringify(change), places }, async (trx) => {
      const row = await named(trx, actor, id);
      if (row.state === "cancelled")
        throw new RejectedError(`The task ${row.id} is cancelled; make a new one.`);
      const { patch, replan } = patchOf(row, change, { now: clock.now(), bounds: parts.bounds });
      const chat = change.chat === undefined ? undefined : await chatOf(trx, row.folder, change.chat);
      const all = {
        ...patch,
        ...(chat && { chat_id: chat.id }),
        ...(actor.tainted?.() && { tainted: 1 }),
      };
      const plans = replan && row.state !== "paused"; // a paused one is planned when it is resumed
      return done(plans ? await plan(trx, row, all) : await tasks.change(trx, row.id, all));
    });
  }

  async function pause(actor: Actor, id: string): Promise<Done> {
    return await act(actor, "pause", { about: id, places: placesOf(actor, id) }, async (trx) => {
      const row = await named(trx, actor, id);
      if (row.state === "paused") return done(row);
      if (row.state !== "active")
        throw new RejectedError(`The task ${row.id} is ${row.state}; there is nothing to pause.`);
      if (row.next_at === null)
        throw new RejectedError(
          `Nothing of the schedule of ${row.id} is left to pause: its last run has not ended. /stop in its chat ends that.`,
        );
      await endWaiting(
        trx,
        { task: row.id },
        { state: "skipped", reason: "The task was paused." },
        clock.now(),
      );
      const note = `Paused by ${actor.who}.`;
      return done(await tasks.change(trx, row.id, { state: "paused", note, next_at: null, due_at: null }));
    });
  }

  async function resume(actor: Actor, id: string): Promise<Done> {
    return await act(actor, "resume", { about: id, places: placesOf(actor, id) }, async (trx) => {
      const row = await named(trx, actor, id);
      if (row.state === "active") return done(row);
      if (row.state !== "paused")
        throw new RejectedError(`The task ${row.id} is ${row.state}; it cannot be resumed.`);
      const last_at = planFrom(row.last_at, clock.now()); // nothing is made up for the time of the pause
      return done(await plan(trx, row, { failures: 0, note: null, last_at }));
    });
  }

  async function cancel(actor: Actor, id: string): Promise<Done> {
    return await act(actor, "cancel", { about: id, places: placesOf(actor, id) }, async (trx) => {
      const row = await named(trx, actor, id);
      if (row.state === "cancelled") return done(row);
      await endWaiting(
        trx,
        { task: row.id },
        { state: "cancelled", reason: "The task was cancelled." },
        clock.now(),
      );
      const note = `Cancelled by ${actor.who}.`;
      return done(await tasks.change(trx, row.id, { state: "cancelled", note, next_at: null, due_at: null }));
    });
  }

  async function run(actor: Actor, id: string): Promise<Done> {
    return await act(actor, "run", { about: id, places: placesOf(actor, id) }, async (trx) => {
      const row = await named(trx, actor, id);
      if (row.state === "cancelled") throw new RejectedError(`The task ${row.id} is cancelled.`);
      const begun = await parts.fireNow(trx, row);
      if (begun instanceof BusyTask)
        throw new RejectedError(`The task ${row.id} is not run now. ${begun.why}`);
      return { ...done(row), run: begun };
    });
  }

  return {
    /** What this actor may do. */
    as(actor: Actor): TaskPowers {
      const opened = async ({ task: { id } }: Done) =>
        await open(await named(db, { ...actor, all: true }, id));
      return {
        async list({ group, all }) {
          if (group !== undefined && group !== actor.group && !actor.all) {
            const why = `Only ${MAIN} sees the tasks of other groups; yours is ${actor.group}.`;
            await recordRefusal(actor, "list", undefined, why);
            throw new RejectedError(why);
          }
          const rows = await tasks.list({ group: actor.all ? group : actor.group, all });
          return rows.map(toTask);
        },
        add: async (task) => await opened(await add(actor, task)),
        show: async (id) => await open(await read(actor, "show", id)),
        edit: async (id, change) => await opened(await edit(actor, id, change)),
        pause: async (id) => await opened(await pause(actor, id)),
        resume: async (id) => await opened(await resume(actor, id)),
        cancel: async (id) => await opened(await cancel(actor, id)),
        async run(id) {
          const { run: begun } = await run(actor, id);
          const found = begun && (await occurrences.find(begun.occurrence));
          if (!found) throw new Error(`the run of ${id} is not there`);
          return found;
        },
        async history(id, page) {
          return await occurrences.history((await read(actor, "history", id)).id, page);
        },
      };
    },
  };
}
