/**
 * An adapter with a real host behind it: its inbox, its outbox, and for an agent the rehearsal model
 * (docs/rehearsal.md), which answers what the directives in a message say.
 *
 * The adapter is watched on its way into the host, and can be made plainer: an answer that grows in place is
 * more than one call, and what is counted here are messages.
 */
import type { Channel, Inbound, Sent } from "../../src/channel.ts";
import { type Changes, createChanges } from "../fake/changes.ts";
import type { ChannelPeer, PeerChat, PeerMessage, PeerPerson } from "../peer.ts";
import { type Check, fail, within } from "./check.ts";
import { beside, idOf } from "./rig.ts";

/** A host under test. */
export interface HostUnderTest {
  readonly home: string;
  /** Ends as a host that is killed: nothing is finished, nothing is told. Then another one starts on its home. */
  kill(): Promise<void>;
  /** Ends as one that is told to. Then another one starts on its home. */
  restart(): Promise<void>;
  /** A code that makes an owner of whoever writes it. */
  pair(): Promise<string>;
  /** The folder of the group that answers in the chats: a path. */
  readonly folder: string;
  /** How much it owes still. */
  owes(): Promise<number>;
  close(): Promise<void>;
}

export interface HostOptions {
  readonly peer: ChannelPeer;
  /** Made anew at each start. Empty where Bellhop has the channel itself. */
  readonly channels: () => readonly Channel[];
  /** Native ids of its owners; everybody else is a stranger. */
  readonly owners: readonly string[];
  /** Native ids of the chats of its groups, in which owners are answered. `folder` is the folder of the first. */
  readonly groups: readonly { readonly name: string; readonly chats: readonly string[] }[];
  /** Native id of the chat in which owners are told, and asked: one of those of its groups. */
  readonly notices: string;
}

export type OpenHost = (options: HostOptions) => Promise<HostUnderTest>;

/** What a check is given: a host that others have used, and chats in which nothing is seen of that. */
export interface ContractHost {
  readonly peer: ChannelPeer;
  readonly host: HostUnderTest;
  readonly channel: Channel;
  readonly direct: PeerChat;
  /** Of another group than `direct`. */
  readonly group: PeerChat;
  /** An owner who writes there. */
  readonly groupOwner: PeerPerson;
  /** What its adapter was asked since the check began, and what came of it. */
  calls(): readonly Call[];
  /** The next message is sent, and whether it was is never told. Resolves once it was sent. */
  swallow(): Promise<void>;
  /** Resolves with the first message of ours that fits, now or as soon as there is one. */
  shows(chat: PeerChat, what: string, fits: (message: PeerMessage) => boolean): Promise<PeerMessage>;
  until(what: string, look: () => boolean | Promise<boolean>): Promise<void>;
  /** Resolves once this is on the host's disk, where its channel is listened to. */
  hears(text: string): Promise<void>;
}

/** One host with one peer, for as many checks as are run on it, one at a time. */
export interface SharedHost extends AsyncDisposable {
  /** For the next check. */
  next(plainer: Plainer): ContractHost;
  /** Resolves once everything that a check has begun is over. */
  settled(): Promise<void>;
}

interface Call {
  readonly kind: "send" | "edit";
  readonly at: number;
  readonly text: string;
  readonly error?: unknown;
}

/** A turn takes its time, on a machine that others use too. */
const PATIENCE_MS = 60_000;
export const OWNER: PeerPerson = { id: "7001", name: "Ann" };
/** One of many in a group. */
export const GUEST: PeerPerson = { id: "7006", name: "Gus" };
export const STRANGER: PeerPerson = { id: "7008", name: "Sam" };

export interface Plainer {
  /** Without edits and reactions: one message is one call then. */
  readonly plain?: boolean;
  /** What it shows of our writing goes so soon. */
  readonly typingMs?: number;
}

export type HostCheck = Check<ContractHost> & Plainer;

export async function openShared(peer: ChannelPeer, open: OpenHost): Promise<SharedHost> {
  const changes: Changes = createChanges();
  const calls: Call[] = [];
  /** What was said to the host, and is on its disk. */
  const heard = new Set<string>();
  const channel = peer.connect();
  const direct = peer.direct(OWNER);
  const { chat: group, people } = beside(peer);
  const [groupOwner] = people;
  let plainer: Plainer = {};
  let checks = 0;
  let swallowing: PromiseWithResolvers<void> | undefined;

  function note(call: Omit<Call, "at">): void {
    calls.push({ ...call, at: performance.now() });
    changes.note();
  }

  async function watched<T>(kind: Call["kind"], text: string, call: () => Promise<T>): Promise<T> {
    try {
      const result = await call();
      note({ kind, text });
      return result;
    } catch (error) {
      note({ kind, text, error });
      throw error;
    }
  }

  async function sendSwallowed(send: () => Promise<Sent>, signal: AbortSignal): Promise<Sent> {
    const sent = await send();
    if (!swallowing) return sent;
    swallowing.resolve();
    return await gone(signal);
  }

  /** The adapter as the present check wants it to be. */
  function watch(one: Channel): Channel {
    const { edit, listen, typing } = one;
    return {
      ...one,
      ...(listen && {
        listen: (cursor, accept, signal) =>
          listen(
            cursor,
            Object.assign(
              async (inbound: Inbound, at?: string) => {
                await accept(inbound, at);
                heard.add(inbound.text);
                changes.note();
              },
              { keep: accept.keep },
            ),
            signal,
          ),
      }),
      get abilities() {
        const { plain = false, typingMs = one.abilities.typingMs } = plainer;
        // How fast it may write is not what is looked at here, and keeping to it would be most of the time.
        const { rate: _, ...abilities } = one.abilities;
        return {
          ...abilities,
          ...(plain && { edits: false, reactions: false }),
          ...(typing && { typingMs }),
        };
      },
      send: (message, signal) =>
        message.kind === "reaction"
          ? one.send(message, signal)
          : watched("send", message.text, () => sendSwallowed(() => one.send(message, signal), signal)),
      ...(edit && {
        edit: (message, signal) => watched("edit", message.text, () => edit(message, signal)),
      }),
    };
  }

  const host = await open({
    peer,
    channels: () => (channel.listen ? [watch(peer.connect())] : []),
    owners: [...new Set([OWNER, groupOwner].map((person) => idOf(peer, person)))],
    groups: [
      { name: "family", chats: [direct.threadOf ?? direct.id] },
      { name: "kitchen", chats: [group.threadOf ?? group.id] },
    ],
    notices: group.id,
  });

  const until = (what: string, look: () => boolean | Promise<boolean>) =>
    within(
      PATIENCE_MS,
      what,
      (async () => {
        for (;;) {
          const change = Promise.race([changes.changed(), peer.changed()]);
          if (await look()) return;
          await change;
        }
      })(),
    );

  return {
    next(wanted) {
      plainer = wanted;
      const before = calls.length;
      return {
        peer,
        host,
        channel,
        direct: fromNow(direct),
        group: fromNow(group),
        groupOwner,
        calls: () => calls.slice(before),
        async swallow() {
          swallowing = Promise.withResolvers();
          await within(PATIENCE_MS, "a message is sent", swallowing.promise);
          swallowing = undefined;
        },
        until,
        hears: (text) => until(`the host hears: ${text}`, () => heard.has(text)),
        async shows(chat, what, fits) {
          const find = () => chat.messages().find((message) => message.from === "us" && fits(message));
          await until(`people see: ${what}`, () => find() !== undefined).catch((error: unknown) => {
            const seen = chat.messages().map(({ from, text }) => `${from}: ${text.slice(0, 200)}`);
            fail(
              `${error instanceof Error ? error.message : String(error)}; they see ${JSON.stringify(seen)}`,
            );
          });
          return find() ?? fail(what);
        },
      };
    },
    /**
     * Its answer is the last thing: turns of a chat follow each other, and what they say stays in order. Where one
     * is not over yet that this joins, it is the end of what that says.
     */
    async settled() {
      plainer = { plain: true };
      const end = `that was check ${++checks}`;
      await direct.says(OWNER, `say: ${end}`);
      // Its platform shows it before its adapter is told so, and a call that is under way would be the next check's.
      const told = () => calls.some(({ text, error }) => text.endsWith(end) && error === undefined);
      await until(
        end,
        () =>
          direct.messages().some(({ from, text }) => from === "us" && text.endsWith(end)) &&
          (channel.listen === undefined || told()),
      );
    },
    async [Symbol.asyncDispose]() {
      try {
        await host.close();
      } finally {
        await peer.close();
      }
    },
  };
}

/** The chat without what stands in it already. */
function fromNow(chat: PeerChat): PeerChat {
  const before = new Set(chat.messages().map(({ platformId }) => platformId));
  const typings = chat.typings?.() ?? 0;
  return {
    ...chat,
    messages: () => chat.messages().filter(({ platformId }) => !before.has(platformId)),
    ...(chat.typings && { typings: () => (chat.typings?.() ?? 0) - typings }),
  };
}

/** Never resolves; rejects once nobody waits any more. */
function gone(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("whoever asked is gone")), { once: true });
  });
}
