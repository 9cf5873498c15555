import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { createAcpEngine } from "../acp/acp.ts";
import { engineContract, failures } from "./contract.ts";
import { createRoom, type TestRoom } from "./room.ts";

const ECHO = fileURLToPath(new URL("../../../../../bench/echo-agent/echo-agent.mjs", import.meta.url));
const INSIDE = "/opt/bellhop/echo-agent.mjs";

const echo = () =>
  createAcpEngine({
    command: ["/opt/bellhop/bin/node", INSIDE],
    mounts: [{ source: ECHO, target: INSIDE, mode: "ro" }],
    clock: systemClock,
    log: silentLog,
  });

describe("the acp engine", () => {
  engineContract(echo, { say: (text) => text, count: "count:", work: (ms) => `sleep: ${ms}` });

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
    expect(events.at(-1)).toMatchObject({ failure: { detail: "the agent's program ended with code 3" } });
  });
});
