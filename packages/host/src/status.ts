/** What `status` says of a running host: gathered from its parts at the moment it is asked. */
import type { Clock } from "./core/clock.ts";
import type { SessionId } from "./core/ids.ts";
import type { Status } from "./core/status.ts";
import type { Dispatcher } from "./dispatch/dispatcher.ts";
import type { HookedInbox } from "./store/hooked-inbox.ts";
import type { Outbox } from "./store/outbox.ts";
import type { Turns } from "./store/turns.ts";
import type { UsageStore } from "./store/usage.ts";
import type { Rooms } from "./turns/rooms.ts";

export interface StatusParts {
  readonly host: Omit<
    Status,
    | "rooms"
    | "turns"
    | "waiting"
    | "tasks"
    | "dead"
    | "outbox"
    | "stuck"
    | "usage"
    | "accounts"
    | "silent"
    | "mounts"
    | "gifts"
    | "revealed"
    | "pins"
    | "unregistered"
    | "senders"
    | "plugins"
  >;
  readonly rooms: Rooms;
  readonly turns: Turns;
  /** What plugins are still to look at. */
  readonly hooked: Pick<HookedInbox, "counts">;
  readonly dispatcher: Dispatcher;
  readonly tasks: () => Promise<Status["tasks"]>;
  readonly dead: () => Promise<Status["dead"]>;
  readonly outbox: Outbox;
  readonly stuck: () => Status["stuck"];
  readonly usage: UsageStore;
  readonly accounts: () => Status["accounts"];
  readonly silent: () => readonly Status["silent"][number][];
  readonly mounts: () => Promise<Status["mounts"]>;
  readonly gifts: () => Promise<Pick<Status, "gifts" | "revealed">>;
  readonly pins: () => Status["pins"];
  readonly unregistered: () => readonly unknown[];
  readonly senders: () => Promise<Status["senders"]>;
  readonly plugins: () => Status["plugins"];
  readonly clock: Clock;
}

const DAY_MS = 24 * 60 * 60_000;

export async function describeHost(parts: StatusParts): Promise<Status> {
  const { host, rooms, turns, dispatcher, outbox, usage, clock } = parts;
  const waiting = await turns.waitingByChat();
  const live = await turns.live();
  const heldFor = new Map(live.map((turn) => [turn.session_id, turn.held_for]));
  const why = (session: SessionId, groupId: number): string => {
    const provider = heldFor.get(session);
    return provider ? `held until ${provider} takes our key again` : dispatcher.explain(session, groupId);
  };
  return {
    ...host,
    rooms: rooms.list().map(({ group, scope, state, since }) => ({ group, scope, state, since })),
    turns: live.map((row) => ({
      turn: row.id,
      chat: row.chat_id,
      state: row.state === "waiting" ? "waiting" : "running",
      attempt: row.attempt,
      startedAt: row.started_at,
      note:
        row.state === "waiting"
          ? [row.failure_detail ?? [], why(row.session_id, row.group_id)].flat().join("; ")
          : row.kind === "task"
            ? "runs a task"
            : "is being answered",
    })),
    waiting: [
      ...waiting.map(({ chat, session, groupId, messages }) => ({
        chat,
        messages,
        why: session === null ? "no session yet" : why(session, groupId),
      })),
      ...(await parts.hooked.counts()).map(({ chat, messages, held }) => ({
        chat,
        messages,
        why: held > 0 ? "held by a plugin" : "plugins look at it first",
      })),
    ],
    tasks: await parts.tasks(),
    dead: await parts.dead(),
    outbox: await outbox.counts(),
    stuck: parts.stuck().map(({ account, why, until }) => ({ account, why, until })),
    usage: await usage.since(clock.now() - DAY_MS),
    accounts: parts.accounts(),
    silent: parts.silent().map(({ channel, account, why }) => ({ channel, account, why })),
    mounts: await parts.mounts(),
    ...(await parts.gifts()),
    pins: parts.pins(),
    unregistered: parts.unregistered().length,
    senders: await parts.senders(),
    plugins: parts.plugins(),
  };
}
