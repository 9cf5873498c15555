import { type Channel, ConfigError, type Inbound, RejectedError, TemporaryError } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLocalChannel } from "../local.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { listenToAll } from "../listen.ts";

/** A platform with a script: what each call of `listen` does. The last one holds for all that follow. */
function given(script: ((bring: (text: string, cursor: string) => Promise<void>) => Promise<void>)[]) {
  const clock = fakeClock();
  const cursors: (string | undefined)[] = [];
  const taken: string[] = [];
  const held: string[] = [];
  const logged: string[] = [];
  const line = (...words: unknown[]) => void logged.push(String(words.at(-1)));
  const log = { info: line, warn: line };
  let cursor: string | undefined;
  let refusing: ((text: string) => Error | undefined) | undefined;
  const channel: Channel = {
    ...createLocalChannel("web"),
    name: "fake",
    async listen(from, accept, signal) {
      cursors.push(from);
      const act = script[cursors.length - 1] ?? script.at(-1);
      await act?.((text, at) => accept(inbound(text), at));
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("closed")), { once: true });
      });
    },
  };
  const listeners = listenToAll({
    channels: [channel, createLocalChannel("terminal")],
    admission: {
      async receive(_channel, { text }, at) {
        const refusal = refusing?.(text);
        if (refusal) throw refusal;
        taken.push(text);
        cursor = at;
      },
    },
    inbox: {
      cursor: async () => cursor,
      async skip(_channel, _account, at) {
        cursor = at;
      },
    },
    onHeld: (_channel, problem) => held.push(problem.message),
    clock,
    random: () => 0.5,
    log: { ...silentLog, ...log },
  });
  onTestFinished(listeners.close);
  return {
    clock,
    cursors,
    taken,
    held,
    logged,
    listeners,
    refuses: (by: typeof refusing) => (refusing = by),
    async advance(ms: number) {
      clock.advance(ms);
      await settled();
    },
  };
}

function inbound(text: string): Inbound {
  return { platformId: text, kind: "message", version: 0, chat: "c", sender: { id: "a", name: "A" }, text };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

const fails = (problem: Error) => async () => {
  throw problem;
};
const minutes = (n: number) => n * 60_000;
const nothing = () => Promise.resolve();

describe("listening to a platform", () => {
  it("goes on from the cursor of the last message taken, after a pause with jitter", async () => {
    const { cursors, taken, listeners, advance } = given([
      async (bring) => {
        await bring("one", "1");
        throw new TemporaryError("gone");
      },
      nothing,
    ]);
    await settled();
    expect(listeners.silent()).toEqual([{ channel: "fake", account: "", why: "gone", stopped: false }]);

    await advance(499);
    expect(cursors).toEqual([undefined]);
    await advance(1);

    expect(cursors).toEqual([undefined, "1"]);
    expect(taken).toEqual(["one"]);
    expect(listeners.silent()).toEqual([]);
  });

  it("waits longer the more often it fails in a row, and as long as the platform says", async () => {
    const { cursors, advance } = given([
      fails(new Error("what")),
      fails(new Error("what")),
      fails(new TemporaryError("slow", { retryAfterMs: 60_000 })),
      nothing,
    ]);
    await settled();

    await advance(500);
    await advance(999);
    expect(cursors).toHaveLength(2);
    await advance(1);
    expect(cursors).toHaveLength(3);
    await advance(59_999);
    expect(cursors).toHaveLength(3);
    await advance(1);

    expect(cursors).toHaveLength(4);
  });

  it("leaves an account alone that needs its operator, and says so once", async () => {
    const { cursors, held, advance } = given([fails(new ConfigError("log in"))]);
    await settled();

    await advance(10 * 60_000 - 1);
    expect(cursors).toHaveLength(1);
    await advance(1);

    expect(cursors).toHaveLength(2);
    expect(held).toEqual(["log in"]);
  });

  it("knocks a dozen times where nobody answers for ten minutes, and the log has one line for it and one for its end", async () => {
    const { clock, cursors, logged, advance } = given([
      async () => {
        if (clock.monotonic() < minutes(10)) throw new TemporaryError("nobody answers");
      },
    ]);
    await settled();
    for (let s = 0; s < 10 * 60; s += 1) await advance(1_000);
    const knocks = cursors.length;

    for (let s = 0; s < 10 * 60; s += 1) await advance(1_000);

    expect(knocks).toBeLessThan(20);
    expect(logged).toEqual(["a channel does not listen", "a channel listens again"]);
  });

  it("does not knock without a pause where its platform says again and again that it may", async () => {
    const { cursors, advance } = given([fails(new TemporaryError("slow", { retryAfterMs: 0 }))]);
    await settled();
    for (let s = 0; s < 60; s += 1) await advance(1_000);

    expect(cursors.length).toBeLessThan(10);
  });

  it("says once in the log that an account needs its operator, whatever else went wrong before", async () => {
    const { logged, advance } = given([
      fails(new TemporaryError("cut")),
      fails(new ConfigError("The token was revoked")),
    ]);
    await settled();
    await advance(500);
    for (let m = 0; m < 60; m += 1) await advance(minutes(1));

    expect(logged).toEqual(["a channel does not listen", "a channel does not listen"]);
  });

  it("passes over what cannot be a message, cursor and all", async () => {
    const bringing = Promise.withResolvers<void>();
    const { cursors, taken, refuses, advance } = given([
      async (bring) => {
        await bringing.promise;
        await bring("bad", "1");
        await bring("good", "2");
        throw new TemporaryError("gone");
      },
      nothing,
    ]);
    refuses((text) => (text === "bad" ? new RejectedError("no text") : undefined));

    bringing.resolve();
    await settled();
    await advance(500);

    expect(taken).toEqual(["good"]);
    expect(cursors).toEqual([undefined, "2"]);
  });

  it("is brought again what could not be stored", async () => {
    const { cursors, taken, refuses, advance } = given([
      async (bring) => {
        await bring("one", "1");
      },
    ]);
    refuses(() => new TemporaryError("the disk is full"));
    await settled();
    refuses(undefined);

    await advance(500);

    expect(cursors).toEqual([undefined, undefined]);
    expect(taken).toEqual(["one"]);
  });
});
