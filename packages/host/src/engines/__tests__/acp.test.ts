import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { createAcpEngine } from "../acp/acp.ts";
import { engineContract, failures } from "./contract.ts";
import { createRoom, sandboxHere, type TestRoom } from "./room.ts";

const ECHO = fileURLToPath(new URL("../../../../../bench/echo-agent/echo-agent.mjs", import.meta.url));
const INSIDE = "/opt/bellhop/echo-agent.mjs";

const echo = () =>
  createAcpEngine({
    command: ["/opt/bellhop/bin/node", INSIDE],
    mounts: [{ source: ECHO, target: INSIDE, mode: "ro" }],
    clock: systemClock,
    log: silentLog,
  });

const FORGED = fileURLToPath(new URL("forged-agent.mjs", import.meta.url));
const forged = (clock: Clock = systemClock) =>
  createAcpEngine({
    command: ["/opt/bellhop/forged-agent.mjs"],
    mounts: [{ source: FORGED, target: "/opt/bellhop/forged-agent.mjs", mode: "ro" }],
    clock,
    log: silentLog,
  });

const sandbox = await sandboxHere();

describe.skipIf(sandbox.missing)(`the acp engine${sandbox.note}`, () => {
  engineContract(echo, {
    say: (text) => text,
    count: "count:",
    work: (ms) => `sleep: ${ms}`,
    hang: "sleep: 3600000",
  });

  let room: TestRoom;
  beforeEach(async () => {
    room = await createRoom();
  });
  afterEach(async () => {
    await room.close();
  });

  it("does not steer: what comes during an answer is void, and answered when it is given again", async () => {
    const session = room.open(echo());
    session.say("sleep: 300");
    await session.until("activity");

    const followUp = session.say("and wine");
    const { carried } = await session.until("done");
    session.again(followUp);
    await session.until("done");

    expect(carried).toEqual([]);
    expect(session.seen.filter(({ type }) => type === "consumed")).toHaveLength(2);
    expect(session.seen.filter((event) => event.type === "reply").at(-1)?.text).toBe("and wine");
  });

  it("whose agent ends by itself has crashed", async () => {
    const session = room.open(echo());
    session.say("crash:");

    const events = await session.rest();

    expect(failures(events)).toEqual(["crashed"]);
    expect(events.at(-1)).toMatchObject({
      failure: { detail: expect.stringMatching(/^the agent's program ended with code 3/) },
    });
  });

  it("finds nothing at the host but an ear: no files, no terminals, and every permission", async () => {
    const session = room.open(forged());

    const { text, done } = await session.ask("odd");

    expect(text).toBe("refused refused yes");
    expect(done.failure).toBeUndefined();
  });

  it.each([
    ["answers", "crashed", "an answer to a question nobody asked"],
    ["flood", "crashed", "lines a second"],
    ["stop", "crashed", "stopReason"],
    ["auth", "auth", "log in first"],
  ])("ends an agent that says %s, as %s", async (deed, kind, detail) => {
    const session = room.open(forged());
    session.say(deed);

    const events = await session.rest();

    expect(failures(events)).toEqual([kind]);
    expect(JSON.stringify(events)).toContain(detail);
  });

  it("kills an agent that does not stop when asked", async () => {
    const clock = fakeClock();
    const session = room.open(forged(clock));
    session.say("deaf");
    await session.until("consumed");

    await session.session.interrupt();
    clock.advance(2_000);

    expect((await session.until("done")).failure?.class).toBe("cancelled");
    expect(await session.rest()).toEqual([{ type: "closed" }]);
  });

  it("cannot resume the session of an agent that keeps none", async () => {
    const session = room.open(forged(), { resume: { engineSession: "s" } });
    session.say("odd");

    expect(failures(await session.rest())).toEqual(["stale_session"]);
  });
});
