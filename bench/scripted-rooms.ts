/** Rooms without sandboxes: they keep the books as real ones do, and cost nothing. */
import { GroupFolder, type SessionId } from "../packages/host/src/core/ids.ts";
import type { Room, RoomState } from "../packages/host/src/turns/rooms.ts";

interface ScriptedRoom extends Room {
  state: RoomState;
  idleSince: number;
}

const GROUP = GroupFolder.parse("bench");

export function scriptedRooms() {
  const rooms = new Map<SessionId, ScriptedRoom>();
  const listeners: (() => void)[] = [];
  let ticks = 0;

  function open(session: SessionId, groupId: number): ScriptedRoom {
    return {
      session,
      groupId,
      group: GROUP,
      scope: session,
      isolated: false,
      chat: undefined,
      background: 0,
      model: "echo",
      effort: undefined,
      state: "busy",
      since: 0,
      idleSince: 0,
      steers: false,
      bare: false,
      get door(): never {
        throw new Error("nobody goes in");
      },
      get engine(): never {
        throw new Error("nobody is in there");
      },
      next: () => Promise.reject(new Error("nobody is in there")),
      watch: () => Promise.reject(new Error("nobody is in there")),
    };
  }

  return {
    of: (session: SessionId): Room | undefined => rooms.get(session),
    list: (): readonly Room[] => [...rooms.values()],
    onGoesOn: () => undefined, // nothing does
    onGone: (listener: () => void) => void listeners.push(listener),

    async close({ session }: Room): Promise<void> {
      const room = rooms.get(session);
      if (!room || room.state === "closing") return;
      room.state = "closing";
      await Promise.resolve();
      rooms.delete(session);
      for (const listener of listeners) listener();
    },

    enter(session: SessionId, groupId: number): ScriptedRoom {
      const room = rooms.get(session) ?? open(session, groupId);
      room.state = "busy";
      rooms.set(session, room);
      return room;
    },

    idle(room: ScriptedRoom): void {
      room.state = "idle";
      room.idleSince = ticks++;
    },
  };
}
