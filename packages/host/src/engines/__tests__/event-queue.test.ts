import { describe, expect, it, vi } from "vitest";
import { createEventQueue } from "../event-queue.ts";

describe("the events of a session", () => {
  it("are read in order, by one reader after the other", async () => {
    const events = createEventQueue({ onOverflow: vi.fn<() => void>() });
    events.push({ type: "ready", engineSession: "s" });
    events.push({ type: "activity" });

    const first = [];
    for await (const event of events) {
      first.push(event);
      break;
    }
    events.push({ type: "closed" });
    events.end();
    const rest = [];
    for await (const event of events) rest.push(event);

    expect([...first, ...rest].map(({ type }) => type)).toEqual(["ready", "activity", "closed"]);
  });

  it("wake who waits for them", async () => {
    const events = createEventQueue({ onOverflow: vi.fn<() => void>() });
    const next = events[Symbol.asyncIterator]().next();

    events.push({ type: "activity" });

    expect(await next).toEqual({ value: { type: "activity" }, done: false });
  });

  it("stop when nobody reads them, but for the end", async () => {
    const onOverflow = vi.fn<() => void>();
    const events = createEventQueue({ maxChars: 10, onOverflow });
    events.push({ type: "delta", text: "12345" });
    events.push({ type: "delta", text: "123456" });
    events.push({ type: "delta", text: "1" });
    events.push({ type: "closed" });
    events.end();

    const read = [];
    for await (const event of events) read.push(event);

    expect(read).toEqual([{ type: "delta", text: "12345" }, { type: "closed" }]);
    expect(onOverflow).toHaveBeenCalledOnce();
  });
});
