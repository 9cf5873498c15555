import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ChatEvent } from "../../core/events.ts";
import { InboxId, newId, OutboxId, TurnId } from "../../core/ids.ts";
import { createAnswer } from "../answer.ts";

const OURS = newId(InboxId);
const OTHER = newId(InboxId);

describe("the answer to a message", () => {
  it("is its turn and the messages of that, complete when every reply was seen", () => {
    const { events, take } = given();
    const reply = newId(OutboxId);
    const turn = newId(TurnId);

    take(events.asked(OURS), events.turn(turn, "started", [OURS]), events.delta(turn, "Hi"));
    const atEnd = take(events.turn(turn, "done", [OURS], [reply]));
    const atReply = take(events.said(turn, reply, "Hi"));

    expect(atEnd.outcome).toEqual({ ok: true });
    expect(atEnd.missing).toEqual(new Set([reply]));
    expect(atReply.missing.size).toBe(0);
    expect(atReply.types).toEqual(["message", "turn", "delta", "turn", "message"]);
  });

  it("leaves out what other messages of the chat get", () => {
    const { events, take } = given();
    const [ours, theirs] = [newId(TurnId), newId(TurnId)];

    take(events.asked(OURS), events.turn(theirs, "started", [OTHER]), events.delta(theirs, "no"));
    take(events.said(theirs, newId(OutboxId), "no"), events.turn(theirs, "done", [OTHER]));
    take(events.turn(ours, "started", [OURS]), events.said(ours, newId(OutboxId), "yes"));
    const { texts } = take(events.turn(ours, "done", [OURS]));

    expect(texts).toEqual(["yes"]);
  });

  it("is found in a live turn that the message joined, known only at its end", () => {
    const { events, take } = given();
    const turn = newId(TurnId);
    const reply = newId(OutboxId);

    take(events.asked(OURS), events.said(turn, reply, "for both"));
    const { texts, outcome, missing } = take(events.turn(turn, "done", [OTHER, OURS], [reply]));

    expect(texts).toEqual(["for both"]);
    expect(outcome).toEqual({ ok: true });
    expect(missing.size).toBe(0);
  });

  it("waits for another turn when the first gave the message back", () => {
    const { events, take } = given();
    const [first, second] = [newId(TurnId), newId(TurnId)];

    take(events.asked(OURS), events.turn(first, "started", [OURS]));
    const between = take(events.turn(first, "cancelled", []));
    const end = take(events.turn(second, "started", [OURS]), events.turn(second, "done", [OURS]));

    expect(between.outcome).toBeUndefined();
    expect(end.outcome).toEqual({ ok: true });
  });

  it("may be a failure, with the turn's reason", () => {
    const { events, take } = given();

    const { outcome } = take(
      events.asked(OURS),
      events.turn(newId(TurnId), "failed", [OURS], [], "The key is refused."),
    );

    expect(outcome).toEqual({ ok: false, reason: "The key is refused." });
  });

  it("is what the host says to a command, and nothing else that it says", () => {
    const { events, take } = given();

    const before = take({ ...events.asked(OURS), kind: "command" }, events.notice("hello", OTHER));
    const { outcome, texts } = take(events.notice("Stopped.", OURS));

    expect(before.outcome).toBeUndefined();
    expect(outcome).toEqual({ ok: true });
    expect(texts).toEqual(["Stopped."]);
  });

  it("will not come when the message was only noted", () => {
    const { events, take } = given();

    const { outcome } = take({ ...events.asked(OURS), kind: "note", reason: "Bellhop is stopped here." });

    expect(outcome).toEqual({ ok: false, reason: "Bellhop is stopped here." });
  });
});

function given() {
  const answer = createAnswer(OURS);
  const frames: ChatEvent[] = [];
  let id = 0;
  const durable = () => ({ id: ++id, chat: "terminal:ask", at: 0 });
  const message = (more: object) => ChatEvent.parse({ ...durable(), type: "message", kind: "text", ...more });

  return {
    events: {
      asked: (one: InboxId) => message({ direction: "in", message: one, sender: "owner", text: "?" }),
      said: (turn: TurnId, one: OutboxId, text: string) =>
        message({ direction: "out", message: one, sender: "Bellhop", text, turn }),
      notice: (text: string, replyTo: InboxId) =>
        message({ direction: "out", message: newId(OutboxId), sender: "", text, kind: "notice", replyTo }),
      turn: (turn: TurnId, state: string, inputs: InboxId[], replies: OutboxId[] = [], reason?: string) =>
        ChatEvent.parse({ ...durable(), type: "turn", turn, state, inputs, replies, reason }),
      delta: (turn: TurnId, text: string) =>
        ChatEvent.parse({ type: "delta", chat: "terminal:ask", turn, text, reset: false }),
    },
    /** Feeds events; what is known after the last of them, and all frames so far. */
    take(...events: object[]) {
      let last = answer.take(ChatEvent.parse({ type: "activity", chat: "terminal:ask", turn: randomUUID() }));
      for (const event of events) {
        last = answer.take(ChatEvent.parse(event));
        frames.push(...last.frames);
      }
      return {
        ...last,
        types: frames.map(({ type }) => type),
        texts: frames.flatMap((frame) =>
          frame.type === "message" && frame.direction === "out" ? [frame.text] : [],
        ),
      };
    },
  };
}
