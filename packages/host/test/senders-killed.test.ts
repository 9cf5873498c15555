/** The host of a stranger is killed at every place between what they wrote and its answer (F15, F16, G1, G2). */
import { expect, it } from "vitest";
import { createWorld, type Room, tokensOf } from "../../../bench/fault/world.ts";
import { createClient } from "../src/cli/client.ts";
import { homePaths } from "../src/config.ts";
import { systemClock } from "../src/core/clock.ts";
import type { Failpoint } from "../src/core/failpoint.ts";

const ROOM: Room = { account: "once", room: "a" };
const STRANGER = "fault:person";

it.each<{ place: Failpoint; nth: number }>([
  { place: "stranger.held", nth: 1 },
  { place: "stranger.held", nth: 2 },
  { place: "accept.committed", nth: 1 },
  { place: "stranger.allowed", nth: 1 },
  { place: "stranger.entered", nth: 1 },
  { place: "stranger.entered", nth: 2 },
])(
  "answers what was held once and in order, though the host is killed at $place (time $nth)",
  { timeout: 120_000 },
  async ({ place, nth }) => {
    await using world = await createWorld({ rooms: [ROOM], settings: { groups: {}, owners: [] } });
    const client = createClient({
      home: world.home,
      socket: homePaths(world.home).socket,
      clock: systemClock,
    });
    const held = async (messages: number) =>
      await expect
        .poll(async () => (await client.senders.list()).waiting, { timeout: 30_000 })
        .toMatchObject([{ sender: STRANGER, messages }]);
    let host = world.start({ place, nth, action: "kill" });
    async function afterDeath(): Promise<void> {
      expect(await host.exited).toMatchObject({ signal: "SIGKILL" });
      host = world.start();
      await host.ready;
    }
    await host.ready;
    const atHolding = place === "stranger.held" || place === "accept.committed";

    await world.write(ROOM);
    await world.write(ROOM);
    if (atHolding) await afterDeath();
    await held(2);
    // It may be the host's last word, or less than a word.
    await Promise.allSettled([client.senders.allow(STRANGER)]);
    if (!atHolding) await afterDeath();
    const { written } = world;
    expect(await world.answered(written, 60_000)).toBe(true);
    await host.stop();

    const shown = world.journal.flatMap((line) => (line.what === "shown" ? tokensOf(line.text) : []));
    expect(shown).toEqual(written.map(({ token }) => token));
  },
);
