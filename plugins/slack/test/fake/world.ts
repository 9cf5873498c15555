/** One workspace, as its app has it: people, channels with what stands in them, and files. */
import { SCOPES } from "../../src/app-manifest.ts";

export interface FakeUser {
  readonly id: string;
  readonly name: string;
  readonly bot: boolean;
}

export interface FakeFile {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  content: Uint8Array;
}

export interface FakeMessage {
  readonly ts: string;
  readonly user: string;
  readonly thread: string | undefined;
  /** As Slack stores it: escaped, with names for emoji. */
  text: string;
  blocks?: readonly Block[] | undefined;
  readonly username?: string | undefined;
  readonly file?: FakeFile | undefined;
  readonly metadata?: object | undefined;
  readonly attachments?: readonly object[] | undefined;
  edited?: string | undefined;
  /** Users by the name of the reaction. */
  readonly reactions: Map<string, Set<string>>;
}

export type Block = Readonly<Record<string, unknown>>;

export interface FakeChannel {
  readonly id: string;
  readonly kind: "channel" | "im" | "mpim";
  readonly name: string;
  /** Of a direct message: with whom. */
  readonly user?: string;
  readonly messages: Map<string, FakeMessage>;
  /** How often it was shown in that thread that we write. */
  readonly typings: Map<string, number>;
  /** Threads in which it is shown just now; whatever is posted there ends it, and an edit does not. */
  readonly statuses: Set<string>;
  /** The app is in it. */
  joined: boolean;
}

export interface AppName {
  readonly botToken: string;
  readonly appToken: string;
  readonly userId: string;
  readonly botId: string;
  readonly name: string;
}

export type World = ReturnType<typeof createWorld>;

export function createWorld(app: AppName, now: () => number) {
  const users = new Map<string, FakeUser>();
  const channels = new Map<string, FakeChannel>();
  const files = new Map<string, FakeFile>();
  let last = 0;
  let ids = 0;
  users.set(app.userId, { id: app.userId, name: app.name, bot: true });

  const nextTs = () => {
    last = Math.max(last + 1, Math.floor(now() / 1_000) * 1_000_000);
    return `${Math.floor(last / 1_000_000)}.${String(last % 1_000_000).padStart(6, "0")}`;
  };

  return {
    app,
    /** Where it is served. */
    root: "",
    /** Why the bot token is refused, once it is. */
    revoked: "",
    /** What the bot token may do. */
    scopes: new Set<string>(SCOPES),
    /** What the app token may do. */
    appScopes: new Set(["connections:write"]),
    users,
    channels,
    files,
    nextTs,
    nextId: (letter: string) => `${letter}${String(++ids).padStart(8, "0")}`,

    user(user: FakeUser): FakeUser {
      users.set(user.id, user);
      return user;
    },

    open(id: string, kind: FakeChannel["kind"], name: string, user?: string): FakeChannel {
      const known = channels.get(id);
      if (known) return known;
      const channel = {
        id,
        kind,
        name,
        ...(user === undefined ? {} : { user }),
        messages: new Map(),
        typings: new Map(),
        statuses: new Set<string>(),
        joined: true,
      };
      channels.set(id, channel);
      return channel;
    },

    put(channel: FakeChannel, message: Omit<FakeMessage, "ts" | "reactions">): FakeMessage {
      const put = { ...message, ts: nextTs(), reactions: new Map<string, Set<string>>() };
      channel.messages.set(put.ts, put);
      return put;
    },
  };
}
