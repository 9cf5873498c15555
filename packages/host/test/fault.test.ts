/** A short run of `npm run fault` and of `npm run fault -- kill`, and whether their verdicts can be trusted. */
import { describe, expect, it } from "vitest";
import { killAgainAndAgain } from "../../../bench/fault/kill.ts";
import { type Evidence, judge as judgeJournals } from "../../../bench/fault/check.ts";
import { killPlugin, lostAnswers } from "../../../bench/fault/delivery-faults.ts";
import { emergencyStop } from "../../../bench/fault/end-faults.ts";
import { killAtEveryPlace } from "../../../bench/fault/kill-points.ts";
import type { PlatformLine } from "../../../bench/fault/plugin/words.ts";
import { judge, type Sent } from "../../../bench/verdict.ts";
import { type DurableEvent, EventId } from "../src/core/events.ts";
import { ChatId, InboxId, newId, OutboxId, TurnId } from "../src/core/ids.ts";

describe("a host that is killed again and again", () => {
  it(
    "answers every message it acknowledged once and in order, and leaves nothing behind",
    { timeout: 120_000 },
    async () => {
      const report = await killAgainAndAgain({ trials: 8, seed: 20, chats: 4, engine: "echo" });

      expect(report.findings).toEqual([]);
      expect(report).toMatchObject({ trials: 8, lost: 0, doubled: 0, unexpected: 0 });
      expect(report.left).toEqual({ processes: [], cgroups: [], mounts: [], files: [] });
      expect(report.acked).toBeGreaterThanOrEqual(8);
      expect(report.recoveryMs.length).toBeGreaterThan(0);
    },
  );
});

describe("the fault suite", () => {
  it(
    "kills a host at its commits, claims and sends, and nothing is lost or comes twice",
    { timeout: 180_000 },
    async () => {
      const places = [
        "db.committed",
        "accept.committed",
        "claim.committed",
        "complete.inside",
        "send.done",
      ] as const;

      const outcome = await killAtEveryPlace({ trials: places.length, seed: 5, places });

      expect(outcome.findings).toEqual([]);
      expect(outcome).toMatchObject({ trials: places.length, lost: 0, doubled: 0, unexpected: 0 });
    },
  );

  it.each(["host", "plugin"] as const)(
    "loses answers of a platform: each is shown as often as its channel promises (channels of a %s)",
    { timeout: 180_000 },
    async (channels) => {
      expect((await lostAnswers(channels)).findings).toEqual([]);
    },
  );

  it(
    "kills the process of a channel's plugin, and another one goes on where it was",
    { timeout: 180_000 },
    async () => {
      const outcome = await killPlugin(2, 5);

      expect(outcome.findings).toEqual([]);
      expect(outcome).toMatchObject({ trials: 4, lost: 0, doubled: 0, unexpected: 0 });
    },
  );

  it(
    "stops five busy sandboxes within five seconds, and they stay stopped",
    { timeout: 180_000 },
    async () => {
      expect((await emergencyStop("busy")).findings).toEqual([]);
    },
  );
});

/** Two messages, both answered, on a platform that shows what is sent twice. */
function evidence(change: Partial<Evidence> = {}, more: readonly PlatformLine[] = []): Evidence {
  const room = { account: "once", room: "a" } as const;
  const end = { rows: 1, state: "done", turn: "done", ends: 1, uncertain: false };
  return {
    journal: [
      { what: "wrote", ...room, id: 1, text: "T000001", at: 1 },
      { what: "wrote", ...room, id: 2, text: "T000002", at: 2 },
      { what: "acked", account: "once", upto: 2 },
      { what: "shown", ...room, key: "t1:answer:0", text: "got T000001", id: "s1", at: 3 },
      { what: "shown", ...room, key: "t2:answer:0", text: "got T000002", id: "s2", at: 4 },
      ...more,
    ],
    ends: new Map([
      ["once-1", end],
      ["once-2", end],
    ]),
    owed: [],
    left: [],
    leaks: [],
    recoveryMs: [900],
    ...change,
  };
}

const again = (key: string, text: string, account: "once" | "twice" = "once"): PlatformLine => ({
  what: "shown",
  account,
  room: "a",
  key,
  text,
  id: "s3",
  at: 5,
});

describe("the checker of the fault suite", () => {
  it("has nothing to say where both were answered once, in order", () => {
    expect(judgeJournals(evidence())).toEqual({
      acked: 2,
      lost: 0,
      doubled: 0,
      unexpected: 0,
      ambiguous: 0,
      findings: [],
    });
  });

  const end = { rows: 1, state: "done", turn: "done", ends: 1, uncertain: false };
  it.each([
    { what: "a message that is gone", change: { ends: new Map([["once-1", end]]) }, broken: "I1" },
    {
      what: "a message without an end",
      change: {
        ends: new Map([
          ["once-1", end],
          ["once-2", { ...end, state: "claimed" }],
        ]),
      },
      broken: "I1",
    },
    {
      what: "an answer that nobody saw",
      change: { journal: evidence().journal.slice(0, 4) },
      broken: "I1",
    },
    { what: "what is owed for ever", change: { owed: ["a"] }, broken: "I1" },
    {
      what: "a message that two turns ended with",
      change: {
        ends: new Map([
          ["once-1", end],
          ["once-2", { ...end, ends: 2 }],
        ]),
      },
      broken: "I2",
    },
    { what: "a key that was shown twice", more: [again("t2:answer:0", "got T000002")], broken: "I3" },
    { what: "an answer of another turn", more: [again("t3:answer:0", "got T000002")], broken: "I3" },
    { what: "words that nobody asked for", more: [again("t3:failed", "Sorry.")], broken: "I3" },
    { what: "impatience", more: [{ what: "early", account: "once", key: "t1" } as const], broken: "I3" },
    {
      what: "the wrong order",
      change: { journal: [...evidence().journal.slice(0, 3), ...evidence().journal.slice(3).toReversed()] },
      broken: "I4",
    },
    { what: "a process that is left", change: { left: ["processes: 12 node"] }, broken: "I6" },
    { what: "a canary", change: { leaks: ["logs/bellhop.log"] }, broken: "I7" },
    { what: "a host that took too long", change: { recoveryMs: [30_001] }, broken: "I8" },
  ])("finds $what", ({ change, more, broken }) => {
    const { findings } = judgeJournals(evidence(change, more));

    expect(findings.map(({ invariant }) => invariant)).toContain(broken);
  });

  it("counts apart what the ambiguity rule allows, and no third time", () => {
    const twice = [
      again("t3:answer:0", "got T000003", "twice"),
      again("t3:answer:0", "got T000003", "twice"),
    ];

    expect(judgeJournals(evidence({}, twice))).toMatchObject({ doubled: 0, ambiguous: 1 });
    expect(judgeJournals(evidence({}, [...twice, ...twice.slice(1)]))).toMatchObject({ doubled: 1 });
  });
});

const CHAT = ChatId.parse("web:judged");

/** A chat in which these were written and answered, each by a turn of its own, all in order. */
function given(...texts: string[]) {
  const written = texts.map((text) => ({
    text,
    message: newId(InboxId),
    turn: newId(TurnId),
    reply: newId(OutboxId),
  }));
  const sent: Sent[] = written.map(({ text, message }) => ({ chat: CHAT, text, message, answer: text }));
  const events = written.flatMap(({ text, message, turn, reply }) => [
    said("in", text, message),
    {
      ...base(),
      type: "turn",
      turn,
      state: "done",
      inputs: [message],
      replies: [reply],
    } satisfies DurableEvent,
    said("out", text, reply, turn),
  ]);
  return { sent, events, judged: (shown: DurableEvent[]) => judge(sent, new Map([[CHAT, shown]])) };
}

const base = () => ({ id: EventId.parse(1), chat: CHAT, at: 0 });

function said(
  direction: "in" | "out",
  text: string,
  message: InboxId | OutboxId,
  turn?: TurnId,
): DurableEvent {
  return { ...base(), type: "message", direction, message, kind: "text", sender: "x", text, turn };
}

describe("the verdict on a chat", () => {
  it("has nothing to say where everything was answered once, in order", () => {
    const { events, judged } = given("a", "b");

    expect(judged(events)).toEqual({
      acked: 2,
      lost: 0,
      doubled: 0,
      unexpected: 0,
      outOfOrder: 0,
      findings: [],
    });
  });

  it("takes one answer for several messages that one turn took in", () => {
    const { sent, events } = given("a", "b");
    const [first, , , second, turn, answer] = events;
    if (!first || !second || turn?.type !== "turn" || !answer)
      throw new Error("given makes three events each");
    const inputs = sent.flatMap(({ message }) => InboxId.parse(message));

    const verdict = judge(sent, new Map([[CHAT, [first, second, { ...turn, inputs }, answer]]]));

    expect(verdict).toMatchObject({ lost: 0, doubled: 0, unexpected: 0 });
  });

  it.each([
    { what: "a message that is gone", drop: [0], counts: { lost: 1 } },
    { what: "a message without a completed turn", drop: [1, 2], counts: { lost: 1 } },
    { what: "a missing answer", drop: [2], counts: { lost: 1 } },
    { what: "an answer without its turn", drop: [1], counts: { lost: 1, unexpected: 1 } },
  ])("finds $what", ({ drop, counts }) => {
    const { events, judged } = given("a", "b");

    expect(judged(events.filter((_, index) => !drop.includes(index)))).toMatchObject(counts);
  });

  it.each([
    { what: "a message that stands there twice", at: 0 },
    { what: "a message that two ends of turns name", at: 1 },
    { what: "an answer that was given twice", at: 2 },
  ])("finds $what", ({ at }) => {
    const { events, judged } = given("a", "b");

    expect(judged([...events, ...events.slice(at, at + 1)]).doubled).toBeGreaterThan(0);
  });

  it("finds messages and answers in the wrong order", () => {
    const { events, judged } = given("a", "b");

    expect(judged([...events.slice(3), ...events.slice(0, 3)]).outOfOrder).toBeGreaterThan(0);
  });

  it("finds what nobody wrote and what nobody asked for", () => {
    const { events, judged } = given("a");
    const stranger = said("in", "who is this", newId(InboxId));
    const notice = said("out", "Something went wrong.", newId(OutboxId));

    expect(judged([...events, stranger, notice])).toMatchObject({ lost: 0, doubled: 0, unexpected: 2 });
  });

  it("does not count what was never acknowledged as lost", () => {
    expect(judge([{ chat: CHAT, text: "a", message: undefined, answer: "a" }], new Map())).toMatchObject({
      acked: 0,
      lost: 0,
    });
  });
});
