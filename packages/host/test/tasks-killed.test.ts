/** A task's host is killed at every place between its time and the record of what became of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { createWorld, type Room, tokensOf } from "../../../bench/fault/world.ts";
import { createClient } from "../src/cli/client.ts";
import { homePaths } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import type { Failpoint } from "../src/core/failpoint.ts";
import { ChatId } from "../src/core/ids.ts";

const ROOM: Room = { account: "once", room: "a" };
const PLACES: readonly Failpoint[] = [
  "fire.begin",
  "fire.inside",
  "fire.committed",
  "claim.inside",
  "claim.committed",
  "complete.inside",
  "complete.committed",
  "send.done",
];

it(
  "runs once, answers once and is on record once, wherever its host is killed",
  { timeout: 120_000 },
  async () => {
    await using world = await createWorld({ rooms: [ROOM] });
    const client = createClient({
      home: world.home,
      socket: homePaths(world.home).socket,
      clock: systemClock,
    });

    for (const [index, place] of PLACES.entries()) {
      const token = `T${String(index + 1).padStart(6, "0")}`;
      const dying = world.start({ place, nth: 1, action: "kill" });
      await dying.ready;
      const { id } = await client.tasks.add({
        chat: ChatId.parse("fault/once:a"),
        at: "+1s",
        prompt: token,
      });
      expect({ place, ...(await dying.exited) }).toMatchObject({ place, signal: "SIGKILL" });

      const next = world.start();
      await next.ready;
      expect({ place, shown: await world.shows(ROOM, token, 30_000) }).toEqual({ place, shown: true });
      const runs = async () => (await client.tasks.history(id, { limit: 10 })).occurrences;
      await expect.poll(runs, { timeout: 20_000 }).toMatchObject([{ state: "succeeded", attempts: 1 }]);
      await next.stop();
    }

    await sleep(300); // what would come twice comes soon
    const shown = world.journal.flatMap((line) => (line.what === "shown" ? tokensOf(line.text) : []));
    expect(shown).toEqual(PLACES.map((_, index) => `T${String(index + 1).padStart(6, "0")}`));
  },
);
