/** How a host ends: F26. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { homePaths } from "../../packages/host/src/config.ts";
import type { HostProcess } from "../host.ts";
import type { Finding } from "./check.ts";
import { type Outcome, rule, tried } from "./outcome.ts";
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
      if (how === "locked") lock(world);
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

/** Somebody else writes, for a while. */
function lock(world: World): void {
  const db = new DatabaseSync(homePaths(world.home).database, { timeout: 5_000 });
  db.exec("begin immediate");
  setTimeout(() => {
    db.exec("rollback");
    db.close();
  }, LOCKED_MS);
}

const Most = z.object({ attempt: z.int() });

function mostAttempts(world: World): number {
  using db = new DatabaseSync(homePaths(world.home).database, { readOnly: true });
  return Most.parse(db.prepare("SELECT max(attempt) AS attempt FROM turns").get()).attempt;
}
