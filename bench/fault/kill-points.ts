/**
 * F1: kill -9 of the host at every failpoint, the first time it is passed, the second, … until a life
 * ends without reaching it; then at chance. Every life goes on where the one before was killed.
 *
 * In each life a message is written in every room; some make their agent take its time, die, or lose
 * its conversation, so that retries and fresh starts are killed too. A life in which everything was
 * answered is drained by SIGTERM, so that the drain's places are passed as well.
 */
import { FAILPOINTS, type Failpoint } from "../../packages/host/src/core/failpoint.ts";
import { type Chance, createChance } from "../random.ts";
import { type Outcome, rule, through, tried } from "./outcome.ts";
import { type Room, soon, type World, type WorldOptions } from "./world.ts";

export interface KillPointsOptions {
  readonly trials: number;
  readonly seed: number;
  /** Only these; default: all. */
  readonly places?: readonly Failpoint[] | undefined;
  readonly channels?: WorldOptions["channels"];
  /** Called after each kill. */
  readonly onKill?: ((kills: number, place: Failpoint, nth: number) => void) | undefined;
}

interface Place {
  readonly place: Failpoint;
  nth: number;
  /** The most that it was ever passed in a life, once a life has ended without reaching `nth`. */
  most: number | undefined;
  kills: number;
}

const ROOMS: readonly Room[] = [
  { account: "once", room: "a" },
  { account: "lookup", room: "b" },
  { account: "twice", room: "c" },
];
/** A life that shows nothing for so long is stuck; the last one tells whether something was lost by it. */
const STUCK_MS = 45_000;
const LAST_PATIENCE_MS = 60_000;
/** A turn that loses its host ten times is given up as poison; no host dies ten times in a row of itself. */
const BREATHE_EVERY = 6;
/** Places that a life comes to only when its people make it; for that nothing else may wait. */
const PROVOKED = /^(retry|afresh|file)/;
const DRAIN_MS = 75_000;
/** What people may be told beside answers: that a conversation was lost, or that an attempt is made again. */
const NOTICES =
  /could not take the file|afresh|anew|try again|lost|may not have arrived|could not be delivered/i;

/**
 * Without those of tasks, at which the suite of the scheduler kills (scheduler/race.ts), of strangers
 * (packages/host/test/senders-killed.test.ts): here are none. And without those of settings that are kept, at which
 * the tests of `bellhop secrets` kill.
 */
const PLACES: readonly Failpoint[] = FAILPOINTS.filter((place) => !/^(fire|stranger|keep)\./.test(place));

export function killAtEveryPlace({
  trials,
  seed,
  places: only = PLACES,
  channels = "host",
  onKill = () => undefined,
}: KillPointsOptions): Promise<Outcome> {
  const name = { fault: "F1", what: `kill -9 of the host at every failpoint${through(channels)}` };
  return tried(name, { rooms: ROOMS, channels }, async (world) => {
    const chance = createChance(seed);
    const places: Place[] = only.map((place) => ({ place, nth: 1, most: undefined, kills: 0 }));
    let kills = 0;
    let stuck = 0;
    let breathed = 0;
    for (let round = 0; kills < trials; round += 1) {
      const place = places[round % places.length];
      if (!place || place.most === 0) continue;
      if (kills - breathed >= BREATHE_EVERY || (kills > breathed && PROVOKED.test(place.place))) {
        breathed = kills;
        if (!(await breathe(world))) stuck += 1;
      }
      const nth = place.most === undefined ? place.nth : 1 + Math.floor(chance.next() * place.most);
      const end = await live(world, { place: place.place, nth }, chance);
      if (end === "killed") {
        kills += 1;
        place.kills += 1;
        place.nth += 1;
        onKill(kills, place.place, nth);
      } else if (end === "drained") place.most ??= nth - 1;
      else stuck += 1;
      if (places.every(({ most }) => most === 0)) break;
    }
    await breathe(world);
    const never = places.filter((one) => one.kills === 0).map((one) => one.place);
    return {
      trials: kills,
      recovers: true,
      expected: { notices: NOTICES },
      findings: rule(stuck === 0, "I8", `${stuck} hosts showed nothing for ${STUCK_MS} ms and were killed`),
      notes: [
        `${places.length - never.length} of ${places.length} places killed at${never.length > 0 ? `; never passed: ${never.join(", ")}` : ""}`,
      ],
    };
  });
}

/**
 * The places of tools, which only the Claude engine has: the host dies before a tool acts and after it,
 * and the turn is answered all the same. What the tool had sent may be sent again by another attempt,
 * whose model is told what was sent and here does not care (G11).
 */
export function killInTools(times: number): Promise<Outcome> {
  const name = { fault: "F1", what: "kill -9 of the host before and after a tool acts" };
  const room: Room = { account: "once", room: "a" };
  return tried(name, { rooms: [room], engine: "claude" }, async (world) => {
    let kills = 0;
    for (let at = 0; at < times; at += 1) {
      const place = at % 2 === 0 ? "tool.call" : "tool.done";
      const host = world.start({ place, nth: 1, action: "kill" });
      const message = await world.write(room, 'tool: send_message {"text": "noted"}');
      const ended = await soon(host.exited, STUCK_MS);
      if (ended?.signal === "SIGKILL") kills += 1;
      else await host.kill();
      const next = world.start();
      await world.answered([message], LAST_PATIENCE_MS);
      await next.stop();
    }
    return {
      trials: kills,
      recovers: true,
      expected: { notices: /^noted$/ },
      findings: rule(kills === times, "I8", `only ${kills} of ${times} hosts came to their tool`),
    };
  });
}

/** One life: killed at its failpoint, or drained because it never came there, or stuck. */
async function live(
  world: World,
  { place, nth }: { place: Failpoint; nth: number },
  chance: Chance,
): Promise<"killed" | "drained" | "stuck"> {
  const host = world.start({ place, nth, action: "kill" });
  // What kills its agent is asked only where nothing else waits: three in one turn would be poison.
  const calm = await world.answered(world.written, 0);
  for (const room of world.rooms) await world.write(room, calm ? directives(place, chance) : slow(chance));
  const answered = await Promise.race([host.exited, world.answered(world.written, STUCK_MS)]);
  if (answered === false) {
    await host.kill();
    return "stuck";
  }
  host.signal("SIGTERM");
  const ended = await soon(host.exited, DRAIN_MS);
  if (ended === undefined) await host.kill();
  if (ended?.signal === "SIGKILL") return "killed";
  return ended?.code === 0 ? "drained" : "stuck";
}

/** A life that nobody cuts short. Whether it answered everything. */
async function breathe(world: World): Promise<boolean> {
  const host = world.start();
  await host.ready;
  const answered = await world.answered(world.written, LAST_PATIENCE_MS);
  await host.stop();
  return answered;
}

/** What makes a life come to its place, where not every life does; else a bit of everything. */
function directives(place: Failpoint, chance: Chance): string {
  if (place.startsWith("retry")) return "die:once";
  if (place.startsWith("afresh")) return "forget:once die:once";
  if (place.startsWith("file") || chance.happens(0.1)) return "file";
  if (chance.happens(0.1)) return "die:once";
  if (chance.happens(0.1)) return "half:once";
  return chance.happens(0.2) ? "forget:once" : slow(chance);
}

function slow(chance: Chance): string {
  return chance.happens(0.3) ? `sleep:${Math.round(chance.between(20, 200))}` : "";
}
