/** The suite itself: an adapter that breaks its word is found, at the point where it does. */
import {
  type Accept,
  type Channel,
  type ChannelHealth,
  type Inbound,
  type Outbound,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { ADAPTER_CHECKS, runCheck } from "@bellhop/sdk/testing";
import { afterAll, describe, expect, it } from "vitest";
import { openMemoryPeer } from "./memory-peer.ts";

type Spoil = (channel: Channel) => { readonly [Name in keyof Channel]?: Channel[Name] | undefined };

/** What people do comes to the host in another way. */
function hearing(change: (accept: Accept) => Accept): Spoil {
  return ({ listen }) => ({
    listen: async (cursor, accept, signal) => await listen?.(cursor, change(accept), signal),
  });
}

function inbound(change: (inbound: Inbound) => Inbound): Spoil {
  return hearing((accept) => async (one, cursor) => await accept(change(one), cursor));
}

let copies = 0;
const leftBehind: NodeJS.Timeout[] = [];
afterAll(() => leftBehind.forEach((timer) => clearInterval(timer)));
let heardBefore: Inbound | undefined;

/** `by`: what it is found by, where a point has several things that it could be. */
const BAD: readonly { point: number; who: string; spoil: Spoil; by?: RegExp }[] = [
  { point: 0, who: "declares edits and has none", spoil: () => ({ edit: undefined }) },
  {
    point: 1,
    who: "makes the commands of others its own",
    spoil: inbound((one) => ({ ...one, text: one.text.replace(/^\//, "") })),
  },
  {
    point: 1,
    who: "makes no difference between a change and the original",
    spoil: inbound((one) => ({ ...one, version: 0 })),
  },
  {
    point: 1,
    who: "takes programs for people",
    spoil: inbound((one) => ({ ...one, sender: { ...one.sender, bot: false } })),
  },
  {
    point: 2,
    who: "counts what it hears, and calls that an id",
    spoil: inbound((one) => ({ ...one, platformId: `n${++copies}` })),
  },
  {
    point: 3,
    who: "hands on the last one first",
    spoil: hearing((accept) => {
      let held: (() => Promise<void>) | undefined;
      return async (one, cursor) => {
        const before = held;
        held = undefined;
        if (/^\d*[02468]$/.test(one.text)) {
          held = async () => await accept(one, cursor);
          return;
        }
        await accept(one, cursor);
        await before?.();
      };
    }),
  },
  {
    point: 5,
    who: "sends again by itself what may have arrived",
    spoil: ({ send }) => ({
      send: async (message, signal) => {
        try {
          return await send(message, signal);
        } catch (error) {
          if (error instanceof UnknownOutcomeError) return await send(message, signal);
          throw error;
        }
      },
    }),
  },
  {
    point: 5,
    who: "says of what may have arrived that it has not",
    spoil: ({ send }) => ({
      send: async (message, signal) => {
        try {
          return await send(message, signal);
        } catch (error) {
          if (error instanceof UnknownOutcomeError) throw new TemporaryError("no answer", { cause: error });
          throw error;
        }
      },
    }),
  },
  {
    point: 6,
    who: "keeps to itself how long to wait",
    spoil: ({ send }) => ({
      send: async (message, signal) => {
        try {
          return await send(message, signal);
        } catch (error) {
          if (error instanceof TemporaryError) throw new TemporaryError("wait", { cause: error });
          throw error;
        }
      },
    }),
  },
  {
    point: 7,
    who: "says that it is well whatever happens",
    spoil: () => ({ health: () => ({ state: "up" }) }),
  },
  {
    point: 8,
    who: "cuts off what is long",
    spoil: ({ send }) => ({
      send: async (message, signal) =>
        await send(
          message.kind === "text" ? { ...message, text: message.text.slice(0, 2_000) } : message,
          signal,
        ),
    }),
  },
  {
    point: 8,
    who: "loses underscores",
    spoil: ({ send }) => ({
      send: async (message, signal) =>
        await send(
          message.kind === "text" ? { ...message, text: message.text.replaceAll("_", "") } : message,
          signal,
        ),
    }),
  },
  {
    point: 9,
    who: "answers where it was spoken to last",
    spoil: ({ send, ...channel }) => ({
      ...hearing((accept) => async (one, cursor) => {
        heardBefore = one;
        await accept(one, cursor);
      })({ send, ...channel }),
      send: async (message, signal) =>
        await send({ ...message, chat: heardBefore?.chat ?? message.chat }, signal),
    }),
  },
  {
    point: 10,
    who: "leaves buttons out",
    spoil: ({ send }) => ({
      send: async (message, signal) =>
        await send(message.kind === "text" ? { ...message, buttons: undefined } : message, signal),
    }),
  },
  {
    point: 10,
    who: "leaves the buttons below what it has changed",
    spoil: ({ edit, send }) => {
      const sent = new Map<string, Outbound>();
      return {
        async send(message, signal) {
          const done = await send(message, signal);
          sent.set(done.platformId, message);
          return done;
        },
        async edit(message, signal) {
          // What it changes is sent anew, below the old one.
          const before = sent.get(message.platformId);
          await edit?.(message, signal);
          if (before?.kind === "text" && before.buttons)
            await send({ ...before, key: `${before.key}:anew`, text: message.text }, signal);
        },
      };
    },
  },
  {
    point: 7,
    who: "connects ten times where once is enough",
    spoil: ({ listen }) => ({
      async listen(cursor, accept, signal) {
        for (let n = 0; n < 10; n += 1)
          await listen?.(cursor, accept, AbortSignal.timeout(1)).catch(() => undefined);
        await listen?.(cursor, accept, signal);
      },
    }),
  },
  {
    point: 7,
    who: "leaves a timer behind with each connection",
    by: /as many resources/,
    spoil: ({ listen }) => ({
      async listen(cursor, accept, signal) {
        leftBehind.push(setInterval(() => undefined, 60_000));
        await listen?.(cursor, accept, signal);
      },
    }),
  },
  {
    point: 7,
    who: "listens to the same signal once more with each connection",
    by: /as many listeners/,
    spoil: ({ listen }) => ({
      async listen(cursor, accept, signal) {
        signal.addEventListener("abort", () => undefined);
        await listen?.(cursor, accept, signal);
      },
    }),
  },
  {
    point: 7,
    who: "says something else each time that it cannot reach its platform",
    by: /its health says one thing/,
    spoil: ({ listen }) => {
      let health: ChannelHealth = { state: "up" };
      return {
        health: () => health,
        async listen(cursor, accept, signal) {
          try {
            health = { state: "up" };
            await listen?.(cursor, accept, signal);
          } catch (error) {
            health = { state: "connecting", why: `The platform could not be reached, now ${++copies} times` };
            throw error;
          }
        },
      };
    },
  },
  {
    point: 7,
    who: "knocks without a pause where nobody answers",
    by: /it knocked/,
    spoil: ({ listen }) => ({
      async listen(cursor, accept, signal) {
        for (let n = 0; ; n += 1) {
          const before = performance.now();
          try {
            return await listen?.(cursor, accept, signal);
          } catch (error) {
            if (n === 20 || performance.now() - before > 5) throw error;
          }
        }
      },
    }),
  },
  {
    point: 11,
    who: "says that it sent a file that nobody took",
    spoil: ({ send, abilities }) => ({
      send: async (message, signal) =>
        message.kind === "file" && message.file.bytes > (abilities.maxFileBytes ?? 0)
          ? { platformId: "never" }
          : await send(message, signal),
    }),
  },
  { point: 12, who: "swallows an edit", spoil: () => ({ edit: async () => undefined }) },
  {
    point: 13,
    who: "says of a call that was given up that nothing was done",
    spoil: ({ send }) => ({
      send: async (message, signal) => {
        try {
          return await send(message, signal);
        } catch (error) {
          if (signal.aborted) throw new TemporaryError("given up", { cause: error });
          throw error;
        }
      },
    }),
  },
];

/** The first check of the point that it fails. */
async function found(point: number, spoil: Spoil): Promise<string | undefined> {
  for (const check of ADAPTER_CHECKS.filter((one) => one.point === point)) {
    try {
      await runCheck(check, async () => {
        const peer = openMemoryPeer();
        const connect = () => {
          const channel = peer.connect();
          return { ...channel, ...spoil(channel) } as Channel; // a bad one may lack what its type demands
        };
        return { ...peer, connect };
      });
    } catch (error) {
      return `${check.says}: ${String(error)}`;
    }
  }
  return undefined;
}

describe("the contract suite", () => {
  it.each(BAD)("finds, at point $point, an adapter that $who", async ({ point, spoil, by = /Assertion/ }) => {
    expect(await found(point, spoil)).toMatch(by);
  });
});
