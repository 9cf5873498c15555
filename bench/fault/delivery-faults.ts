/** What goes wrong between the host and a platform: F14 and F17, and F2 of the process of a channel's plugin. */
import { setTimeout as pause } from "node:timers/promises";
import { createChance } from "../random.ts";
import type { Finding } from "./check.ts";
import { type Outcome, rule, through, tried } from "./outcome.ts";
import type { Account } from "./plugin/words.ts";
import { pidOf } from "./processes.ts";
import { type Message, type Room, soon, tokensOf, type World, type WorldOptions } from "./world.ts";

const ROOMS = [
  { account: "once", room: "a" },
  { account: "lookup", room: "b" },
  { account: "twice", room: "c" },
] as const satisfies readonly Room[];
const PATIENCE_MS = 45_000;
/** From a message until all parts of its answer are sent, about. */
const LONGEST_ANSWER_MS = 400;

/** G14: how often a message is shown whose first answer was lost, or that never arrived the first time. */
const SHOWN: Record<"drop" | "lose" | "down" | "crash", Record<Account, number>> = {
  drop: { once: 1, lookup: 1, twice: 2 },
  lose: { once: 1, lookup: 1, twice: 1 },
  down: { once: 1, lookup: 1, twice: 1 },
  crash: { once: 1, lookup: 1, twice: 2 },
};

/** F14: the platform took it and nobody heard of that, or it did not; and a crash at the same point. */
export function lostAnswers(channels: WorldOptions["channels"] = "host"): Promise<Outcome> {
  const name = {
    fault: "F14",
    what: `the answer to a send is lost, applied or not; a crash there${through(channels)}`,
  };
  return tried(name, { rooms: ROOMS, channels }, async (world) => {
    const findings: Finding[] = [];
    let trials = 0;
    let host = world.start();
    await host.ready;
    for (const how of ["drop", "lose", "down"] as const) {
      for (const room of ROOMS) {
        trials += 1;
        await world.fault({ account: room.account, of: "send", how, times: 1 });
        findings.push(...(await shownAsPromised(world, how, await world.write(room))));
      }
    }
    await host.stop();
    for (const room of ROOMS) {
      trials += 1;
      host = world.start({ place: "send.done", nth: 1, action: "kill" });
      const message = await world.write(room);
      if (!(await soon(host.exited, PATIENCE_MS))) await host.kill();
      host = world.start();
      await host.ready;
      findings.push(...(await shownAsPromised(world, "crash", message)));
      await host.stop();
    }
    return { trials, recovers: true, findings };
  });
}

async function shownAsPromised(world: World, how: keyof typeof SHOWN, message: Message): Promise<Finding[]> {
  await world.answered([message], PATIENCE_MS);
  // Rooms are served in order: what comes after it shows that it is settled.
  await world.answered([await world.write(message)], PATIENCE_MS);
  const times = shownTimes(world, message.token);
  const wanted = SHOWN[how][message.account];
  return [
    ...rule(times === wanted, "I3", `${how}, ${message.account}: shown ${times} times instead of ${wanted}`),
  ];
}

/** A third within ten minutes would be the end of the plugin. */
const CRASHES = 2;

/**
 * F2: kill -9 of a channel's plugin as it hears and sends. The host stays, and another process goes on.
 * @param times of hosts, each of which loses its plugin twice
 */
export function killPlugin(times: number, seed: number): Promise<Outcome> {
  const name = { fault: "F2", what: "kill -9 of the process of a channel's plugin" };
  return tried(name, { rooms: ROOMS, channels: "plugin" }, async (world) => {
    const chance = createChance(seed);
    for (let at = 0; at < times; at += 1) {
      const host = world.start();
      const { pid } = await host.ready;
      for (let crash = 0; crash < CRASHES; crash += 1) {
        const plugin = await pidOf(pid, "plugin");
        await world.answered([await world.write(ROOMS[0])], PATIENCE_MS);
        for (const room of ROOMS) await world.write(room, "parts:3");
        await pause(chance.between(0, LONGEST_ANSWER_MS));
        process.kill(plugin, "SIGKILL");
        // What was shown may still be owed. Rooms are served in order: the answer to what comes after it settles it.
        for (const room of ROOMS) await world.write(room);
        await world.answered(world.written, PATIENCE_MS);
      }
      await host.stop();
    }
    return { trials: CRASHES * times, expected: { notices: /may not have arrived/ } };
  });
}

/** F17: the third of five parts fails for good, then for a while. */
export function failingPart(): Promise<Outcome> {
  const name = { fault: "F17", what: "part 3 of 5 is refused; part 3 of 5 fails twice" };
  const room: Room = { account: "once", room: "a" };
  return tried(name, { rooms: [room] }, async (world) => {
    const host = world.start();
    await host.ready;
    await world.fault({ account: "once", of: "send", how: "refuse", times: 1, match: "part 3 " });
    const refused = await world.write(room, "parts:5");
    await world.answered([refused, await world.write(room)], PATIENCE_MS);
    await world.fault({ account: "once", of: "send", how: "down", times: 2, match: "part 3 " });
    const delayed = await world.write(room, "parts:5");
    await world.answered([delayed, await world.write(room)], PATIENCE_MS);
    await host.stop();
    const parts = [partsOf(world, refused), partsOf(world, delayed)];
    return {
      trials: 2,
      expected: { notices: /could not be delivered/ },
      findings: [
        ...rule(parts[0] === "1,2,4,5", "I3", `refused: parts ${parts[0]} were shown instead of 1,2,4,5`),
        ...rule(parts[1] === "1,2,3,4,5", "I3", `delayed: parts ${parts[1]} were shown instead of 1,2,3,4,5`),
      ],
    };
  });
}

function shownTimes({ journal }: World, token: string): number {
  return journal.filter((line) => line.what === "shown" && tokensOf(line.text).includes(token)).length;
}

function partsOf({ journal }: World, { token }: Message): string {
  return journal
    .flatMap((line) => (line.what === "shown" && tokensOf(line.text).includes(token) ? line.text : []))
    .flatMap((text) => [...text.matchAll(/ part (\d+) /g)].map(([, part]) => part))
    .join(",");
}
