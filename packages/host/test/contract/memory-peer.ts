/**
 * The platform in memory (test/fake-channel.ts) as the contract suite needs it. What stands between it and its
 * adapter is here: a connection that can be gone, an answer that is late, an update that comes twice.
 */
import {
  type Accept,
  type Channel,
  type ChannelHealth,
  ConfigError,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import type { ChannelPeer, PeerCall, PeerChat, PeerFault } from "@bellhop/sdk/testing";
import {
  type Call,
  type FakeChat,
  fakeFile,
  type FakePlatformOptions,
  fakePlatform,
  type Fault,
} from "../fake-channel.ts";

const PATIENCE_MS = 200;

export function openMemoryPeer(options: FakePlatformOptions = {}): ChannelPeer {
  const platform = fakePlatform({
    ...options,
    abilities: { threads: true, buttons: { most: 3 }, ...options.abilities },
  });
  const { channel, journal } = platform;
  const chats = new Map<string, PeerChat>();
  let away = false;
  /** How often it was listened to while it was away. */
  let inVain = 0;
  let doubles = 0;
  let groups = 0;

  function reachable(): void {
    if (away) throw new TemporaryError("memory: nobody answers there");
  }

  /** Gives an answer up that does not come. */
  async function patiently<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    reachable();
    const late = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await call(AbortSignal.any([signal, late]));
    } catch (error) {
      if (late.aborted && !signal.aborted) {
        throw new UnknownOutcomeError("memory: no answer", { cause: error });
      }
      throw error;
    }
  }

  function connect(): Channel {
    let health: ChannelHealth = { state: "connecting" };
    const { edit, typing, find } = channel;
    return {
      ...channel,
      health: () => health,
      async listen(cursor, accept, signal) {
        const hear: Accept = async (inbound, at) => {
          await accept(inbound, at);
          if (doubles > 0) {
            doubles -= 1;
            await accept(inbound, at);
          }
        };
        try {
          if (away) inVain += 1;
          reachable();
          health = { state: "up" };
          await channel.listen?.(cursor, hear, signal);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          health = { state: error instanceof ConfigError ? "down" : "connecting", why };
          throw error;
        }
      },
      send: (message, signal) => patiently(signal, (patient) => channel.send(message, patient)),
      ...(edit && { edit: (message, signal) => patiently(signal, (patient) => edit(message, patient)) }),
      ...(typing && { typing: (chat, signal) => patiently(signal, (patient) => typing(chat, patient)) }),
      ...(find && { find: (message, signal) => patiently(signal, (patient) => find(message, patient)) }),
    };
  }

  function peerChat(chat: FakeChat): PeerChat {
    return {
      id: chat.id,
      async says(person, text, { file, ...also } = {}) {
        const files = file && [fakeFile(file.name, Buffer.from(file.content), { type: file.type })];
        return chat.says(person, text, { ...also, ...(files && { files }) });
      },
      forwards: async (person, text) => chat.says(person, text, { forwarded: "Zoe" }),
      edits: async (_, platformId, text) => chat.edits(platformId, text),
      deletes: async (_, platformId) => chat.deletes(platformId),
      reacts: async (person, platformId, emoji) => chat.reacts(person, platformId, emoji),
      async presses(person, platformId, button) {
        const found = chat.shown().find((one) => one.platformId === platformId);
        const label = found?.buttons?.find(({ id }) => id === button)?.label;
        if (label === undefined) throw new Error(`no button ${button} below ${platformId}`);
        chat.presses(person, label);
      },
      messages: () =>
        chat.shown().map(({ platformId, from, text, replyTo, file, buttons, reaction }) => ({
          platformId,
          from: from === "us" ? "us" : from.id,
          text: text.replace(/\\([\p{P}\p{S}])/gu, "$1"), // all that it does with CommonMark
          replyTo,
          file,
          buttons,
          reaction,
        })),
      typings: () => count("typing", (entry) => entry.chat === chat.id && entry.applied),
    };
  }

  function once(key: string, make: () => FakeChat): PeerChat {
    const known = chats.get(key) ?? peerChat(make());
    chats.set(key, known);
    return known;
  }

  function count(call: PeerCall, fits: (entry: (typeof journal)[number]) => boolean): number {
    return journal.filter((entry) => entry.call === call && fits(entry)).length;
  }

  const threads = new Map<string, (title: string) => PeerChat>();

  return {
    connect,
    direct: ({ id }) => once(id, () => platform.direct(id)),
    group(title) {
      const id = `g${++groups}`;
      const chat = platform.group(id, title);
      threads.set(id, (topic) => once(`${id}:${topic}`, () => chat.thread(topic)));
      return once(id, () => chat);
    },
    ...(platform.channel.abilities.threads === true && {
      thread(group: PeerChat, title: string) {
        const make = threads.get(group.id);
        if (!make) throw new Error(`${group.id} is no group`);
        return make(title);
      },
    }),
    fault(call, fault) {
      if (fault.how === "unreachable") {
        away = true;
        platform.disconnect();
        return true;
      }
      if (fault.how === "duplicate") {
        doubles += fault.calls ?? 1;
        return true;
      }
      const same = faultOf(fault);
      if (!same || !isCall(call)) return false;
      platform.fail(call, same, fault.calls);
      return true;
    },
    applied: (call) => count(call, ({ applied }) => applied),
    asked: (call) => count(call, () => true) + (call === "listen" ? inVain : 0),
    patienceMs: PATIENCE_MS,
    cut: () => platform.disconnect(),
    async mend() {
      away = false;
      doubles = 0;
      platform.mend();
    },
    changed: () => platform.changed(),
    async close() {
      platform.disconnect();
    },
  };
}

function isCall(call: PeerCall): call is Extract<PeerCall, Call> {
  return call === "send" || call === "edit" || call === "typing" || call === "listen";
}

/** What of them this platform knows. */
function faultOf(fault: PeerFault): Fault | undefined {
  switch (fault.how) {
    case "refuse":
      return { how: "refuse" };
    case "slow down":
      return { how: "slow down", retryAfterMs: fault.retryAfterMs };
    case "server error":
      return { how: "time out", applied: false };
    case "drop after accept":
    case "truncate":
      return { how: "time out", applied: true };
    case "delay":
      return { how: "hang" };
    case "unauthorised":
      return { how: "logged out" };
    case "unreachable":
    case "duplicate":
    case "reorder":
    case "close mid-frame":
    case "go silent":
    case "trickle":
      return undefined;
    default:
      return fault satisfies never;
  }
}
