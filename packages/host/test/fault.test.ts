/** kill -9 at random points, a short run of `npm run fault -- kill`, and whether its verdict can be trusted. */
import { describe, expect, it } from "vitest";
import { killAgainAndAgain } from "../../../bench/fault/kill.ts";
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
