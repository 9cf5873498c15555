import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { GroupFolder, newId, SandboxId, SessionId, TurnId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import type { Usage } from "../../store/usage.ts";
import { openBroker } from "../broker.ts";
import { call, createOutside, soon, temporaryDirectory } from "./given.ts";

async function given(runDirectory: string) {
  const rows: Usage[] = [];
  const broker = await openBroker({
    runDirectory,
    credentials: {},
    record: (usage) => rows.push(usage),
    ...createOutside().deps,
    clock: systemClock,
    log: silentLog,
  });
  onTestFinished(() => broker.close());
  const ids = { sandbox: newId(SandboxId), session: newId(SessionId), group: GroupFolder.parse("main") };
  const door = await broker.openDoor({ ...ids, provider: broker.provider });
  const turn = newId(TurnId);
  door.setTurn(turn);
  const ask = (text: string, socket = join(door.directory, "broker.sock")) =>
    call(socket, {
      body: JSON.stringify({
        model: "claude-sonnet-5-5",
        stream: true,
        messages: [{ role: "user", content: text }],
      }),
    });
  return { broker, door, ids, turn, rows, ask };
}

describe("the broker without a credential", () => {
  it("answers from the rehearsal model, and counts it as such", async () => {
    const { broker, ids, turn, rows, ask } = await given(await temporaryDirectory());

    const reply = await ask("say: hello");

    expect(await reply.body()).toContain('"text":"hello"');
    await soon(() => expect(rows).toHaveLength(1));
    expect(broker.provider).toBe("rehearsal");
    expect(rows[0]).toEqual({
      turn,
      session: ids.session,
      group: ids.group,
      provider: "rehearsal",
      modelAsked: "claude-sonnet-5-5",
      modelServed: "claude-sonnet-5-5",
      kind: "turn",
      inputTokens: expect.any(Number),
      outputTokens: 2,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      costMicros: 0,
      prices: "rehearsal",
      httpStatus: 200,
      durationMs: expect.any(Number),
    });
    expect(rows[0]?.inputTokens).toBeGreaterThan(0);
  });

  it.each([
    ["rate_limit", { class: "rate_limited", retryAfterMs: 1000 }],
    ["overloaded", { class: "rate_limited" }],
    ["auth", { class: "auth" }],
    ["server", { class: "transient" }],
    ["context", { class: "overflow" }],
    ["refusal", { class: "refused" }],
  ])("tells %s from the other failures", async (kind, expected) => {
    const { door, ask } = await given(await temporaryDirectory());

    await (await ask(`error: ${kind}`)).body();

    await soon(() => expect(door.lastFailure()).toMatchObject(expected));
  });

  it("works in a home whose path is too long for a socket", async () => {
    const runDirectory = join(await temporaryDirectory(), "d".repeat(120));
    await mkdir(runDirectory);
    const { door, ask } = await given(runDirectory);

    const cwd = process.cwd();
    process.chdir(door.directory);
    const reply = await ask("say: hello", "broker.sock").finally(() => process.chdir(cwd));

    expect(await reply.body()).toContain('"text":"hello"');
  });
});
