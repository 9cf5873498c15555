/** One bot's side of Discord: the channels with what stands in them, the people, and the files. */
import type { PeerPerson } from "@bellhop/sdk/testing";

export interface FakeFile {
  readonly name: string;
  readonly type: string;
  readonly content: Uint8Array;
}

export interface FakeMessage {
  readonly id: string;
  /** `us`: the bot. */
  readonly from: PeerPerson | "us";
  text: string;
  editedAt?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly file?: (FakeFile & { readonly url: string }) | undefined;
  readonly nonce?: string | undefined;
  /** 4: nothing is shown of what links lead to. */
  readonly flags?: number | undefined;
  buttons?: readonly { readonly id: string; readonly label: string }[] | undefined;
  /** Ours, in the order in which they were given. */
  readonly ours: Set<string>;
  /** Of people, by their id. */
  readonly reactions: Map<string, string>;
  /** What else it is, as Discord says it. */
  readonly also?: object | undefined;
}

export interface FakeChannel {
  readonly id: string;
  /** 0 in a server, 1 direct, 11 a thread. */
  readonly type: 0 | 1 | 11;
  name: string;
  readonly guild: string | undefined;
  readonly parent: string | undefined;
  readonly person: PeerPerson | undefined;
  readonly messages: Map<string, FakeMessage>;
  typings: number;
}

export interface FakeBot {
  readonly token: string;
  readonly id: string;
  readonly name: string;
  /** Which privileged intents are switched on. */
  readonly flags?: number;
  /** Roles it has in servers. */
  readonly roles?: readonly string[];
}

export const GUILD = "800000000000000001";
const EPOCH = 1_420_070_400_000n;

export type World = ReturnType<typeof createWorld>;

export function createWorld(bot: FakeBot, now: () => number) {
  const channels = new Map<string, FakeChannel>();
  const files = new Map<string, FakeFile>();
  const people = new Map<string, PeerPerson>();
  /** Of interactions, until they are answered or too old. */
  const waiting = new Map<string, { readonly token: string; readonly until: number; answer?: object }>();
  let count = 0n;

  function snowflake(): string {
    return String(((BigInt(now()) - EPOCH) << 22n) | (count++ & 0xfffffn));
  }

  return {
    bot,
    channels,
    files,
    people,
    waiting,
    commands: [] as unknown[],
    snowflake,
    now,

    open(about: Pick<FakeChannel, "type" | "name"> & Partial<FakeChannel>): FakeChannel {
      const id = about.id ?? snowflake();
      const known = channels.get(id);
      if (known) return known;
      const channel: FakeChannel = {
        guild: about.type === 1 ? undefined : GUILD,
        parent: undefined,
        person: undefined,
        ...about,
        id,
        messages: new Map(),
        typings: 0,
      };
      channels.set(id, channel);
      return channel;
    },

    put(channel: FakeChannel, message: Omit<FakeMessage, "id" | "ours" | "reactions">): FakeMessage {
      const put = { ...message, id: snowflake(), ours: new Set<string>(), reactions: new Map() };
      channel.messages.set(put.id, put);
      if (message.from !== "us") people.set(message.from.id, message.from);
      return put;
    },

    keep(file: FakeFile): string {
      const path = `/attachments/${snowflake()}/${encodeURIComponent(file.name)}`;
      files.set(path, file);
      return path;
    },
  };
}
