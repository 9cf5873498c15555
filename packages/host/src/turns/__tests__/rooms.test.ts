import { describe, expect, it } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { ChatId, GroupFolder, newId, SessionId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import { createRooms, type Room } from "../rooms.ts";
import { scriptedBroker, scriptedEngine, scriptedRuntime } from "../testing.ts";

const MINUTE = 60_000;
const GROUP = GroupFolder.parse("main");

describe("an idle room in which work goes on", () => {
  it("is open for as long as work may go on, and no longer", async () => {
    const { rooms, room, engine, clock, settled } = await given();
    engine.latest.emit({ type: "background", running: 2 });
    await settled();

    clock.advance(29 * MINUTE);
    expect(room.background).toBe(2);
    expect(rooms.list()).toEqual([room]);

    clock.advance(MINUTE);
    await settled();
    expect(rooms.list()).toEqual([]);
  });

  it("is not kept by work that follows work", async () => {
    const { rooms, engine, clock, settled } = await given();

    for (let minutes = 0; minutes < 30; minutes += 5) {
      engine.latest.emit({ type: "background", running: 0 }, { type: "background", running: 1 });
      await settled();
      clock.advance(5 * MINUTE);
    }
    await settled();

    expect(rooms.list()).toEqual([]);
  });

  it("is as idle as any once the work is over", async () => {
    const { rooms, engine, clock, settled } = await given();
    engine.latest.emit({ type: "background", running: 1 });
    await settled();
    clock.advance(20 * MINUTE);
    engine.latest.emit({ type: "background", running: 0 });
    await settled();

    clock.advance(9 * MINUTE);
    expect(rooms.list()).toHaveLength(1);
    clock.advance(MINUTE);
    await settled();
    expect(rooms.list()).toEqual([]);
  });

  it("tells what has ended, and leaves all that follows to the turn that is opened for it", async () => {
    const { room, rooms, engine, settled } = await given();
    const told: string[] = [];
    rooms.onGoesOn(({ room, chat, cause }) => {
      told.push(cause);
      setImmediate(() => rooms.busy(room, chat));
    });

    engine.latest.emit({ type: "background", running: 0, ended: "the search is done" });
    engine.latest.emit({ type: "delta", text: "Found" }, { type: "reply", text: "Found" });
    await settled();

    expect(told).toEqual(["the search is done"]);
    expect(room.state).toBe("busy");
    expect(await room.next()).toEqual({ type: "delta", text: "Found" });
  });

  it("goes when plugins give something else, and stays when they give the same", async () => {
    const { rooms, room, give, settled } = await given();

    give("");
    await settled();
    expect(rooms.list()).toEqual([room]);

    give("a skill");
    await settled();
    expect(rooms.list()).toEqual([]);
  });

  it("goes only after its turn when plugins change during it", async () => {
    const { rooms, room, give, settled } = await given();
    rooms.busy(room, ChatId.parse("web:main"));

    give("a skill");
    await settled();
    expect(room.state).toBe("busy");

    rooms.idle(room);
    await settled();
    expect(rooms.list()).toEqual([]);
  });

  it("stays while work goes on in it, whatever plugins give", async () => {
    const { rooms, room, engine, give, settled } = await given();
    engine.latest.emit({ type: "background", running: 1 });
    await settled();

    give("a skill");
    await settled();

    expect(rooms.list()).toEqual([room]);
  });

  it("tells what may be typed to the engine", async () => {
    const { engine, offered, settled } = await given();

    engine.latest.emit({ type: "offers", commands: ["compact"] });
    await settled();

    expect(offered).toEqual(["compact"]);
  });
});

describe("a room that does not start", () => {
  it("is opened bare at the third try, and whole again once one has started", async () => {
    const { room, again, furnished, settled } = await given();

    const second = await again(room);
    const third = await again(second);
    await third.next(); // that it is up
    const fourth = await again(third);
    await settled();

    expect([second.bare, third.bare, fourth.bare]).toEqual([false, true, false]);
    expect(furnished).toEqual([{ bare: false }, { bare: false }, { bare: true }, { bare: false }]);
  });
});

async function given() {
  const clock = fakeClock();
  const engine = scriptedEngine();
  const offered: string[] = [];
  const furnished: { readonly bare: boolean }[] = [];
  let gifts = "";
  const rooms = createRooms({
    runtime: scriptedRuntime(),
    broker: scriptedBroker(),
    engineOf: () => engine,
    engineHomeOf: () => "/nowhere",
    furnish: async (_group, _number, _session, bare) => {
      furnished.push({ bare });
      return [];
    },
    instructionsOf: () => "",
    giftsOf: () => gifts,
    toolsOf: () => [],
    onOffered: (_group, commands) => offered.push(...commands),
    uidOf: () => undefined,
    limitsOf: () => ({ cpus: 1, memoryBytes: 1, pids: 1, tmpBytes: 1 }),
    idleMs: 10 * MINUTE,
    backgroundMs: 30 * MINUTE,
    onCut: () => undefined,
    cores: 1,
    clock,
    log: silentLog,
  });
  const session = {
    id: newId(SessionId),
    group_id: 1,
    provider: "scripted",
    scope_key: "main",
    scope_kind: "group",
  } as const;
  const room = rooms.open({ session, group: GROUP, model: "m", resume: undefined });
  await room.next();
  rooms.busy(room, ChatId.parse("web:main"));
  rooms.idle(room);
  const settled = () => new Promise<void>((resolve) => void setTimeout(resolve, 10));
  return {
    rooms,
    room,
    engine,
    offered,
    furnished,
    /** The room's program ends before it is up, and another room is opened for its session. */
    async again(failed: Room): Promise<Room> {
      rooms.startFailed(failed);
      await rooms.close(failed);
      return rooms.open({ session, group: GROUP, model: "m", resume: undefined });
    },
    clock,
    settled,
    /** Plugins give something else now. */
    give(what: string): void {
      gifts = what;
      rooms.refresh();
    },
  };
}
