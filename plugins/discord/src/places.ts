/**
 * What Discord does not say with each event: where a channel belongs and what it is called, who somebody is, which
 * roles we have. It is asked once, remembered while the process lives, and forgotten when Discord says that it has
 * changed; the oldest goes first, so that the memory stays small.
 */
import { type InboundSender, RejectedError } from "@bellhop/sdk";
import type { Api } from "./api.ts";
import { ChannelInfo, nameOf, OurMember, User } from "./events.ts";
import { personOf, type Where } from "./inbound.ts";

const MOST = 1_000;
const DM = 1;
const THREADS = new Set([10, 11, 12]);
export const isThread = (type: number): boolean => THREADS.has(type);

export type Places = ReturnType<typeof createPlaces>;

interface Place {
  readonly where: Where;
  /** The server; undefined in direct messages. */
  readonly guild?: string | undefined;
}

export function createPlaces(api: Pick<Api, "ask">) {
  const channels = createMemory<Place>();
  const people = createMemory<InboundSender>();
  const roles = createMemory<readonly string[]>();
  const authors = createMemory<InboundSender>();

  /** What the platform knows of a chat. @throws as `Api.ask` */
  async function look(channel: string, signal: AbortSignal): Promise<ChannelInfo> {
    return await api.ask(
      { method: "GET", path: `/channels/${channel}`, what: "what a chat is" },
      ChannelInfo,
      signal,
    );
  }

  async function place(channel: string, signal: AbortSignal): Promise<Place> {
    const known = channels.get(channel);
    if (known) return known;
    const found = await look(channel, signal).then(
      (info): Place => ({ where: whereIs(info), guild: info.guild_id }),
      (error: unknown): Place => {
        if (error instanceof RejectedError) return { where: { chat: channel } }; // we hear it, and may not look
        throw error;
      },
    );
    channels.put(channel, found);
    return found;
  }

  return {
    look,
    place,
    where: async (channel: string, signal: AbortSignal): Promise<Where> =>
      (await place(channel, signal)).where,

    async person(user: string, me: string, signal: AbortSignal): Promise<InboundSender> {
      const known = people.get(user);
      if (known) return known;
      const found = await api
        .ask({ method: "GET", path: `/users/${user}`, what: "who somebody is" }, User, signal)
        .catch((error: unknown) => {
          if (error instanceof RejectedError) return { id: user, username: user };
          throw error;
        });
      const person = personOf(found, { me });
      people.put(user, person);
      return person;
    },

    async ourRoles(guild: string, me: string, signal: AbortSignal): Promise<readonly string[]> {
      const known = roles.get(guild);
      if (known) return known;
      const path = `/guilds/${guild}/members/${me}`;
      const ours = await api
        .ask({ method: "GET", path, what: "our roles" }, OurMember, signal)
        .then((member) => member.roles, none);
      roles.put(guild, ours);
      return ours;
    },

    /** Who wrote a message; a deletion does not say it. */
    authorOf: (message: string): InboundSender => authors.get(message) ?? { id: "unknown", name: "somebody" },

    wrote(message: string, author: InboundSender): void {
      authors.put(message, author);
      people.put(author.id, author);
    },

    forgetChannel: (channel: string): void => channels.forget(channel),
    forgetRoles: (guild: string): void => roles.forget(guild),
  };
}

export function titleOf({ type, name, recipients }: ChannelInfo): string | undefined {
  const [other] = recipients;
  return type === DM ? other && nameOf(other) : (name ?? undefined);
}

export const isDirect = ({ type }: ChannelInfo): boolean => type === DM;

function whereIs(info: ChannelInfo): Where {
  const { id, type, parent_id } = info;
  const title = titleOf(info);
  const parent = isThread(type) ? (parent_id ?? undefined) : undefined;
  return {
    chat: parent === undefined ? id : `${parent}:${id}`,
    ...(parent === undefined ? {} : { threadOf: parent }),
    ...(title === undefined ? {} : { chatTitle: title }),
    ...(isDirect(info) ? { direct: true } : {}),
  };
}

/** Whoever may not know it goes on without. */
function none(error: unknown): readonly string[] {
  if (error instanceof RejectedError) return [];
  throw error;
}

function createMemory<T>() {
  const known = new Map<string, T>();
  return {
    get: (key: string): T | undefined => known.get(key),
    put(key: string, value: T): void {
      known.delete(key);
      known.set(key, value);
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
    forget: (key: string): void => void known.delete(key),
  };
}
