import { describe, expect, it, onTestFinished } from "vitest";
import { MAIN } from "../../core/ids.ts";
import { message } from "./house.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { createChats } from "../chats.ts";
import { openDatabase } from "../database.ts";
import { createInbox } from "../inbox.ts";
import { migrate } from "../migrate.ts";
import { migrations } from "../migrations/index.ts";
import { scopeOf } from "../sessions.ts";
import { createTurns } from "../turns.ts";
import { createUsage, type Usage } from "../usage.ts";

/** A host with one turn under way, and a call of a model that it made. */
async function given() {
  const clock = fakeClock();
  const { db, close } = await openDatabase(":memory:", { clock });
  onTestFinished(close);
  await migrate(db, { migrations, clock });
  const usage = createUsage(db, clock, silentLog);
  await createChats(db, clock).ensureGroup(MAIN);
  const inbox = createInbox(db, clock, ({ id, folder }) => ({
    scope: scopeOf(id, folder),
    engine: "claude",
    provider: "rehearsal",
  }));
  const { session } = await inbox.accept(message("hello"), MAIN);
  if (session === undefined) throw new Error("an admitted message has a session");
  const claim = await createTurns(db, {
    clock,
    boot: "boot",
    modelOf: () => "sonnet",
    speaks: () => ({ engine: "claude", provider: "rehearsal" }),
    contextOf: () => ({ messages: 50, tokens: 8_000 }),
  }).claim(session);
  if (!claim || "notBefore" in claim) throw new Error("a message that waits is claimed");
  const call: Usage = {
    turn: claim.turn,
    session,
    group: MAIN,
    provider: "rehearsal",
    modelAsked: "sonnet",
    modelServed: "sonnet",
    kind: "turn",
    inputTokens: 10,
    outputTokens: 2,
    cacheReadTokens: 3,
    cacheWriteTokens: 4,
    costMicros: 1.4,
    prices: "rehearsal",
    httpStatus: 200,
    durationMs: 12.3,
  };
  const rows = () => db.selectFrom("usage").selectAll().execute();
  return { clock, usage, call, rows };
}

describe("the usage of a model call", () => {
  it("is stored a moment later, when the answer is through, as of the time of the call", async () => {
    const { clock, usage, call, rows } = await given();
    const at = clock.now();

    usage.record(call);
    clock.advance(100);
    expect(await rows()).toEqual([]);
    clock.advance(1_000);
    await usage.settled();

    expect(await rows()).toMatchObject([{ turn_id: call.turn, cost_micros: 1, duration_ms: 12, at }]);
  });

  it("is stored at once when the host closes, however many calls wait", async () => {
    const { usage, call, rows } = await given();

    usage.record(call);
    usage.record({ ...call, kind: "subagent", costMicros: null });
    await usage.settled();

    expect(await rows()).toMatchObject([{ kind: "turn" }, { kind: "subagent", cost_micros: null }]);
  });

  it("counts in sums before its moment is over, and only within their time", async () => {
    const { clock, usage, call } = await given();

    usage.record(call);
    clock.advance(60_000);
    usage.record(call);

    expect(await usage.since(0)).toEqual({ calls: 2, inputTokens: 34, outputTokens: 4, costMicros: 2 });
    expect(await usage.since(clock.now())).toMatchObject({ calls: 1 });
  });
});
