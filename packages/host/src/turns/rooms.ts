/**
 * Rooms: the sandboxes that are alive, each with its session's engine and its door to the broker.
 *
 * - A room serves one session, from its cold start until it has been idle too long, makes room for
 *   another, or its program ends.
 * - Door, sandbox and engine start side by side; at most as many rooms start at once as there are
 *   cores (starts.ts).
 * - Work that goes on beside the conversation keeps a room from being closed, but not for ever. What has ended
 *   of it is told to whoever opens a turn for it, or else closes the room.
 * - A program that ends while nobody speaks with it takes its room with it; nobody else notices.
 * - However a start ends, its place among the starts is given back.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { Clock } from "../core/clock.ts";
import { type ChatId, type GroupFolder, newId, SandboxId, type SessionId } from "../core/ids.ts";
import type { Effort } from "../core/task.ts";
import type { Log } from "../log.ts";
import type { Session } from "../store/sessions.ts";
import type { Broker, Door } from "./broker.ts";
import type { AgentEngine, EngineEvent, EngineOpen, EngineSession, HostTool } from "./engine.ts";
import type { Mount, SandboxLimits, SandboxRuntime } from "./sandbox.ts";
import { createStarts } from "./starts.ts";
import { failpoint } from "../core/failpoint.ts";

export type RoomState = "starting" | "busy" | "idle" | "closing";

export interface Room {
  readonly session: SessionId;
  readonly groupId: number;
  readonly group: GroupFolder;
  readonly scope: string;
  /** Of a session of its own, for one task: it may stand beside the group's other one. */
  readonly isolated: boolean;
  /** Whom it answered last: who is told what comes of work that goes on in it. */
  readonly chat: ChatId | undefined;
  /** How much goes on in it without a turn: while it does, the room is busy. */
  readonly background: number;
  readonly model: string;
  readonly effort: Effort | undefined;
  readonly state: RoomState;
  /** When it last changed its state, by the wall clock. */
  readonly since: number;
  /** By the monotonic clock: who has been idle longest gives way first. */
  readonly idleSince: number;
  readonly door: Promise<Door>;
  readonly engine: EngineSession;
  readonly steers: boolean;
  /** Opened without the group's own settings and the machine's folders, because with them it did not start. */
  readonly bare: boolean;
  /** The engine's next event; `closed` for ever once the program is gone. */
  next(): Promise<EngineEvent>;
  /** The same, but it stays the next one. */
  watch(): Promise<EngineEvent>;
}

export interface RoomParts {
  readonly runtime: SandboxRuntime;
  readonly broker: Broker;
  readonly engineOf: (group: GroupFolder) => AgentEngine;
  /** Host path of what is `~/.claude` inside. */
  readonly engineHomeOf: (group: GroupFolder) => string;
  /** The engine has said which commands of its own it offers. */
  readonly onOffered: (group: GroupFolder, commands: readonly string[]) => void;
  /** Composes the group's memory and says what is mounted: of the group, and unless it is bare of the machine. */
  readonly furnish: (
    group: GroupFolder,
    groupNumber: number,
    session: SessionId,
    bare: boolean,
  ) => Promise<readonly Mount[]>;
  /** Who the assistant is, for the engine's system prompt. */
  readonly instructionsOf: (group: GroupFolder) => string;
  readonly toolsOf: (session: SessionId, group: GroupFolder) => readonly HostTool[];
  /** What plugins give the group, as a mark that changes when that does. A room that has another one is not used again. */
  readonly giftsOf: (group: GroupFolder) => string;
  /** The owner of the door's socket, where the host runs as root. */
  readonly uidOf: (groupNumber: number) => number | undefined;
  readonly limitsOf: (group: GroupFolder) => SandboxLimits;
  readonly idleMs: number;
  /** How long work may go on after its turn. */
  readonly backgroundMs: number;
  /** It went on for too long and is ended now, with its room: somebody waits to hear of it. */
  readonly onCut: (room: Room) => void;
  readonly cores: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RoomRequest {
  readonly session: Pick<Session, "id" | "group_id" | "provider" | "scope_key" | "scope_kind">;
  readonly group: GroupFolder;
  readonly model: string;
  readonly effort?: Effort | undefined;
  /** Overrides what the session itself says: the resume ladder's rungs. */
  readonly resume: EngineOpen["resume"];
}

/** So many failed starts in a row, and the next one is bare (design: engines). */
const STARTS_WITH_ALL = 2;

export type Rooms = ReturnType<typeof createRooms>;

/** What the rooms know of one beyond what others see. */
interface Lived {
  state: RoomState;
  chat: ChatId | undefined;
  since: number;
  idleSince: number;
  cancelIdle: () => void;
  background: number;
  closed: Promise<void> | undefined;
  /** What plugins gave when it opened (`RoomParts.giftsOf`). */
  readonly gifts: string;
  /** Lets the next start begin. Safe to call again. */
  readonly started: () => void;
}

export function createRooms(parts: RoomParts) {
  const { runtime, broker, clock, log } = parts;
  const starts = createStarts(parts.cores);
  const rooms = new Map<SessionId, Room & { lived: Lived }>();
  const listeners = new Set<() => void>();
  const goingOn = new Set<(goesOn: { room: Room; chat: ChatId; cause: string }) => void>();
  /** Starts in a row that came to nothing. */
  const failedStarts = new Map<SessionId, number>();

  function open({ session, group, model, effort, resume }: RoomRequest): Room {
    const id = newId(SandboxId);
    const adapter = parts.engineOf(group);
    const bare = (failedStarts.get(session.id) ?? 0) >= STARTS_WITH_ALL;
    const place = starts.enter();
    const door = place.then(() => {
      if (lived.state === "closing") throw new TemporaryError("the sandbox was closed before it started");
      const { id: own, provider, group_id: groupId } = session;
      return broker.openDoor({ sandbox: id, group, session: own, provider, uid: parts.uidOf(groupId) });
    });
    const furnished = place.then(() => parts.furnish(group, session.group_id, session.id, bare));
    const plugins = furnished.then(pluginFolders);
    plugins.catch(() => undefined); // the sandbox tells of it
    const sandbox = Promise.all([door, furnished]).then(([{ directory }, mounts]) => {
      failpoint("sandbox.prepare");
      return runtime.prepare({
        id,
        group,
        groupNumber: session.group_id,
        mounts: [...mounts, ...adapter.mounts],
        doorDirectory: directory,
        limits: parts.limitsOf(group),
      });
    });
    const engine = adapter.open({
      sandbox,
      withoutSettings: bare,
      resume,
      model,
      effort,
      instructions: parts.instructionsOf(group),
      tools: parts.toolsOf(session.id, group),
      plugins,
    });
    const lived: Lived = {
      state: "starting",
      chat: undefined,
      since: clock.now(),
      idleSince: clock.monotonic(),
      cancelIdle: () => undefined,
      background: 0,
      closed: undefined,
      gifts: parts.giftsOf(group),
      started: () => void place.then((leave) => leave()),
    };
    const events = engine.events[Symbol.asyncIterator]();
    let ahead: Promise<EngineEvent> | undefined;

    async function read(): Promise<EngineEvent> {
      const { value, done } = await events.next();
      failpoint("engine.heard");
      const event: EngineEvent = done ? { type: "closed" } : value;
      if (event.type === "ready") failedStarts.delete(session.id);
      if (event.type === "ready" || event.type === "closed") lived.started();
      if (event.type === "offers") parts.onOffered(group, event.commands);
      if (event.type === "background" || event.type === "closed") await goesOn(event);
      return event;
    }

    /** Before anybody hears of it, so that the door never lags behind. */
    async function goesOn(event: Extract<EngineEvent, { type: "background" | "closed" }>): Promise<void> {
      lived.background = event.type === "background" ? event.running : 0;
      if (event.type === "background") (await door).setBackground(event.running);
      if (lived.state === "idle") awaitEnd(room);
    }

    const room: Room & { lived: Lived } = {
      session: session.id,
      groupId: session.group_id,
      group,
      scope: session.scope_key,
      isolated: session.scope_kind === "occurrence",
      get background() {
        return lived.background;
      },
      model,
      effort,
      get chat() {
        return lived.chat;
      },
      get state() {
        return lived.state;
      },
      get since() {
        return lived.since;
      },
      get idleSince() {
        return lived.idleSince;
      },
      door,
      engine,
      steers: adapter.steers,
      bare,
      lived,
      next() {
        const event = ahead ?? read();
        ahead = undefined;
        return event;
      },
      watch() {
        ahead ??= read();
        return ahead;
      },
    };
    rooms.set(session.id, room);
    return room;
  }

  function change(room: Room & { lived: Lived }, state: RoomState): void {
    room.lived.cancelIdle();
    Object.assign(room.lived, {
      state,
      since: clock.now(),
      idleSince: clock.monotonic(),
      cancelIdle: () => undefined,
    });
  }

  function own(room: Room): (Room & { lived: Lived }) | undefined {
    const found = rooms.get(room.session);
    return found === room ? found : undefined;
  }

  /** Resolves when the room's process tree is gone and its place is free. */
  async function close(room: Room): Promise<void> {
    const found = own(room);
    if (!found) return;
    if (found.lived.closed === undefined) {
      change(found, "closing");
      found.lived.closed = tearDown(found);
    }
    await found.lived.closed;
  }

  async function tearDown(room: Room & { lived: Lived }): Promise<void> {
    // A room that will not close keeps no place: what is left of it dies with the host at the latest.
    const unclean = (error: unknown) =>
      log.warn({ err: error, group: room.group }, "a sandbox did not close cleanly");
    await room.engine.close().catch(unclean);
    await room.door.then((door) => door.close()).catch(unclean);
    room.lived.started();
    rooms.delete(room.session);
    for (const listener of listeners) listener();
  }

  return {
    open,
    close,

    /** How long the engine's own record of the conversation is, if it keeps one (`AgentEngine.measure`). */
    measure: async (group: GroupFolder, engineSession: string): Promise<number | undefined> =>
      await parts.engineOf(group).measure?.({ home: parts.engineHomeOf(group), engineSession }),

    of: (session: SessionId): Room | undefined => rooms.get(session),
    list: (): readonly Room[] => [...rooms.values()],

    /** The room serves a turn of this chat. */
    busy(room: Room, chat: ChatId): void {
      const found = own(room);
      if (!found || found.lived.state === "closing") return;
      change(found, "busy");
      found.lived.chat = chat;
    },

    /** The room stays warm for a while. If its program ends meanwhile, or speaks unasked, that is seen here. */
    idle(room: Room): void {
      const found = own(room);
      if (!found || found.lived.state === "closing") return;
      change(found, "idle");
      if (outdated(found)) return void close(found);
      awaitEnd(found);
      void attend(found);
    },

    /** What plugins give has changed: who sees the old things goes, at once or after what it does now. */
    refresh(): void {
      for (const room of rooms.values()) if (room.state === "idle" && outdated(room)) void close(room);
    },

    /** The room's program was given its first prompt, and never came up. */
    startFailed({ session }: Room): void {
      failedStarts.set(session, (failedStarts.get(session) ?? 0) + 1);
    },

    /** Called when an idle room's engine goes on by itself, because work ended that was left running in it. */
    onGoesOn(listener: (goesOn: { room: Room; chat: ChatId; cause: string }) => void): void {
      goingOn.add(listener);
    },

    /** Called whenever a room has gone. */
    onGone(listener: () => void): void {
      listeners.add(listener);
    },
  };

  /** Work that goes on in it is not ended for that. */
  function outdated(room: Room & { lived: Lived }): boolean {
    return room.background === 0 && room.lived.gifts !== parts.giftsOf(room.group);
  }

  /** Counted from its last turn: work that follows work does not keep a room for ever. */
  function awaitEnd(room: Room & { lived: Lived }): void {
    room.lived.cancelIdle();
    const left = parts.backgroundMs - (clock.monotonic() - room.idleSince);
    const busy = room.background > 0;
    room.lived.cancelIdle = clock.after(busy ? Math.max(0, left) : parts.idleMs, () => {
      if (busy) parts.onCut(room);
      void close(room);
    });
  }

  async function attend(room: Room & { lived: Lived }): Promise<void> {
    while (room.lived.state === "idle") {
      const event = await room.watch();
      if (room.lived.state !== "idle") return; // it is the turn's to read
      await room.next();
      if (event.type === "background" && event.ended !== undefined && room.lived.chat !== undefined) {
        const { chat } = room.lived;
        for (const listener of goingOn) listener({ room, chat, cause: event.ended });
        return; // what follows is for the turn that takes it on
      }
      if (event.type !== "closed") continue;
      log.info({ group: room.group, failure: event.failure }, "an idle sandbox ended by itself");
      await close(room);
    }
  }
}

const PLUGIN_FOLDER = /^\/workspace\/plugins\/[^/]+$/;

/** Of what is mounted, the folders that a plugin's things lie in. */
function pluginFolders(mounts: readonly Mount[]): readonly string[] {
  return mounts.flatMap(({ target }) => (PLUGIN_FOLDER.test(target) ? target : []));
}
