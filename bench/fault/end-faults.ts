/** How a host ends, and how it is held: F26 and F27. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { homePaths } from "../../packages/host/src/config.ts";
import type { HostProcess } from "../host.ts";
import type { Finding } from "./check.ts";
import { type Outcome, rule, tried } from "./outcome.ts";
import { agentsOf } from "./processes.ts";
import { type Room, soon, type World } from "./world.ts";

const ROOMS: readonly Room[] = [
  { account: "once", room: "a" },
  { account: "lookup", room: "b" },
  { account: "once", room: "c" },
];
const PATIENCE_MS = 45_000;
/** G26: a drain of 60 s, 10 s to deliver, and 5 s to close. */
const EXIT_MS = 75_000;
const LOCKED_MS = 5_000;

/** F26: SIGTERM under load; twice; while somebody else holds the database. */
export function terminate(): Promise<Outcome> {
  const name = { fault: "F26", what: "SIGTERM under load, twice, with the database locked" };
  return tried(name, { rooms: ROOMS }, async (world) => {
    const findings: Finding[] = [];
    const took: string[] = [];
    for (const how of ["once", "twice", "locked"] as const) {
      const host = world.start();
      await host.ready;
      await load(world, 800);
      await pause(300);
      const unlocked = how === "locked" ? lock(world) : undefined;
      const began = performance.now();
      host.signal("SIGTERM");
      await load(world, 100);
      if (how === "twice") {
        await pause(400); // sooner they would be taken for one wish
        host.signal("SIGTERM");
      }
      const ended = await soon(host.exited, EXIT_MS);
      const ms = Math.round(performance.now() - began);
      took.push(`${how} ${ms} ms`);
      findings.push(...judged(how, ended));
      if (ended === undefined) await host.kill();
      await unlocked; // a host refuses to start on a database that is held
    }
    const last = world.start();
    await last.ready;
    await world.answered(world.written, PATIENCE_MS);
    await last.stop();
    const charged = mostAttempts(world);
    findings.push(...rule(charged === 1, "I2", `a turn was charged ${charged} attempts`));
    return { trials: 3, findings, notes: [`exits: ${took.join(", ")}`] };
  });
}

/** How fast everything has to be dead (G27). */
const DEAD_MS = 5_000;
/** Nothing is shown for so long while everything is held. */
const SILENT_MS = 2_000;
const DISK_MB = 48;

/**
 * F27: the emergency stop by its flag file, as `bellhop panic` makes it, with five sandboxes busy; while
 * somebody holds the database; on a full disk. Then a restart, which keeps it, and its end.
 */
export function emergencyStop(how: "busy" | "locked" | "full"): Promise<Outcome> {
  const name = { fault: "F27", what: `emergency stop with five busy sandboxes: ${how}` };
  const rooms = ["a", "b", "c", "d", "e"].map((room): Room => ({ account: "once", room }));
  const disk = how === "full" ? { diskMb: DISK_MB } : {};
  return tried(name, { rooms, settings: { limits: { sandboxes: 5 } }, ...disk }, async (world) => {
    const { paused } = homePaths(world.home);
    const filler = join(world.home, "filler");
    const host = world.start();
    const { pid } = await host.ready;
    await load(world, 4_000);
    const busy = await until(async () => (await agentsOf(pid)) === rooms.length);
    const unlocked = how === "locked" ? lock(world) : undefined;
    if (how === "full") fill(filler);

    const began = performance.now();
    closeSync(openSync(paused, "a", 0o600));
    const dead = await until(async () => (await agentsOf(pid)) === 0);
    const ms = Math.round(performance.now() - began);
    const shown = world.journal.filter(({ what }) => what === "shown").length;
    await pause(SILENT_MS);
    if (how === "full") rmSync(filler);
    await host.kill();
    await unlocked;
    const next = world.start();
    const { pid: heir } = await next.ready;
    await load(world, 100);
    await pause(SILENT_MS);
    const later = world.journal.filter(({ what }) => what === "shown").length;
    const agents = await agentsOf(heir);
    rmSync(paused);
    await world.answered(world.written, PATIENCE_MS);
    await next.stop();
    return {
      trials: 1,
      findings: [
        ...rule(busy, "I8", `there were never ${rooms.length} busy sandboxes to be stopped`),
        ...rule(dead && ms <= DEAD_MS, "I8", `the sandboxes were dead after ${ms} ms`),
        ...rule(later === shown, "I3", `${later - shown} messages were shown after the emergency stop`),
        ...rule(agents === 0, "I3", `${agents} agents ran after a restart that should keep the stop`),
      ],
      notes: [`${how}: all sandboxes dead after ${ms} ms`],
    };
  });
}

async function until(holds: () => Promise<boolean>): Promise<boolean> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await pause(20))
    if (await holds()) return true;
  return false;
}

/** Leaves no byte free. */
function fill(file: string): void {
  const handle = openSync(file, "w");
  for (let size = 1024 * 1024; size >= 1;) {
    try {
      writeSync(handle, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2); // the disk is full for so much
    }
  }
  closeSync(handle);
}

async function load(world: World, sleepMs: number): Promise<void> {
  for (const room of world.rooms) await world.write(room, `sleep:${sleepMs}`);
}

function judged(how: string, ended: Awaited<HostProcess["exited"]> | undefined): readonly Finding[] {
  if (ended === undefined) return rule(false, "I8", `${how}: it did not exit within ${EXIT_MS} ms`);
  const wanted = how === "twice" ? [143] : [0];
  return rule(
    wanted.includes(ended.code ?? -1),
    "I8",
    `${how}: it exited with ${ended.code ?? ended.signal}`,
  );
}

/** Somebody else writes, for a while. Resolves when they have done. */
async function lock(world: World): Promise<void> {
  const db = new DatabaseSync(homePaths(world.home).database, { timeout: 5_000 });
  db.exec("begin immediate");
  await pause(LOCKED_MS);
  db.exec("rollback");
  db.close();
}

const Most = z.object({ attempt: z.int() });

function mostAttempts(world: World): number {
  using db = new DatabaseSync(homePaths(world.home).database, { readOnly: true });
  return Most.parse(db.prepare("SELECT max(attempt) AS attempt FROM turns").get()).attempt;
}
