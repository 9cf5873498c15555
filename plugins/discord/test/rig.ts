/** An adapter on the fake, listened to without patience of a host: what it hears and why it ends is seen at once. */
import { type Channel, ConfigError, createWire, type Inbound } from "@bellhop/sdk";
import { createChanges } from "@bellhop/sdk/testing";
import { createDiscord, type DiscordOptions } from "../src/channel.ts";
import { type FakeDiscord, type FakeDiscordOptions, openFakeDiscord } from "./fake/discord.ts";
import { BOT, chatPeer, directWith, groupNamed } from "./fake/peer.ts";

export const ANN = { id: "7001", name: "Ann" };
export const BEN = { id: "7002", name: "Ben" };

export interface Listened {
  readonly heard: readonly Inbound[];
  /** Of the last one that was committed. */
  readonly cursor: string | undefined;
  /** What it threw in the end. */
  readonly over: Promise<unknown>;
  hears(fits: (inbound: Inbound) => boolean): Promise<Inbound>;
  stop(): Promise<void>;
}

export type OpenRig = Awaited<ReturnType<typeof openRig>>;

export async function openRig(options: Partial<FakeDiscordOptions> = {}) {
  const discord: FakeDiscord = await openFakeDiscord({ bot: BOT, ...options });
  const changes = createChanges();
  const logged: string[] = [];
  const closing: (() => Promise<void> | void)[] = [discord.close];
  const note = (text: string) => {
    logged.push(text);
    changes.note();
  };

  function connect(also: Partial<DiscordOptions> = {}): Channel {
    const wire = createWire();
    closing.unshift(wire.close);
    return createDiscord({
      account: "",
      token: BOT.token,
      apiRoot: discord.apiRoot,
      allowPlain: false,
      wire,
      callMs: 2_000,
      pace: { helloMs: 2_000, identifyEveryMs: 0, refusedMs: { least: 0, more: 0 } },
      now: Date.now,
      random: () => 0.5,
      log: { debug: note, info: note, warn: note, error: note },
      ...also,
    });
  }

  /** @param before each message is committed */
  function listen(
    channel: Channel,
    cursor?: string,
    before: () => Promise<void> = async () => {},
    again = false,
  ): Listened {
    const stopping = new AbortController();
    const heard: Inbound[] = [];
    let last = cursor;
    const commit = (at: string | undefined) => {
      if (stopping.signal.aborted) throw new Error("nobody listens any more");
      last = at ?? last;
      changes.note();
    };
    const accept = async (inbound: Inbound, at?: string) => {
      await before();
      commit(at);
      heard.push(inbound);
      changes.note();
    };
    const once = async (): Promise<unknown> => {
      try {
        await channel.listen?.(
          last,
          Object.assign(accept, { keep: async (at: string) => commit(at) }),
          stopping.signal,
        );
        return undefined;
      } catch (error) {
        if (again && !stopping.signal.aborted && !(error instanceof ConfigError)) return await once();
        return error;
      }
    };
    const over = once();
    const stop = async () => {
      stopping.abort(new Error("the test is over"));
      await over;
    };
    closing.unshift(stop);
    return {
      heard,
      get cursor() {
        return last;
      },
      over,
      hears: (fits) => changes.until(() => heard.find(fits)),
      stop,
    };
  }

  return {
    discord,
    connect,
    /** Until it throws. */
    listen,
    /** As a host does, without its patience. */
    listenOn: (channel: Channel) => listen(channel, undefined, undefined, true),
    /** All that was logged. */
    logged,
    direct: chatPeer(discord, directWith(discord, ANN)),
    group: chatPeer(discord, groupNamed(discord, "kitchen")),
    groupChannel: groupNamed(discord, "kitchen"),
    until: discord.server.changes.until,
    async close() {
      for (const one of closing) await one();
    },
  };
}
