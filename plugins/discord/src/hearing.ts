/**
 * One thing that Discord tells, as what is to be accepted of it: mostly one thing that a person did, or none.
 * Whatever cannot be read is passed over with a line in the log.
 */
import type { Inbound, Logger } from "@bellhop/sdk";
import { z } from "zod";
import type { Api } from "./api.ts";
import { Deleted, DeletedInBulk, InGuild, Interaction, Message, Reaction, Reference } from "./events.ts";
import type { Dispatch } from "./gateway.ts";
import { interacted, personOf, reacted, said } from "./inbound.ts";
import type { Places } from "./places.ts";
import { isElsewhere } from "./slash.ts";

/** Of whom we are told: servers and their channels, messages and their contents, reactions; here and in direct messages. */
export const INTENTS = (1 << 0) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13) | (1 << 15);

export interface Heard {
  readonly inbound: Inbound;
  /** It is the last message of that channel now. */
  readonly message?: { readonly channel: string; readonly id: string };
  /** Somebody waits for a sign that it was taken; once it is on disk. */
  readonly waits?: Interaction;
}

export interface HearingParts {
  readonly api: Pick<Api, "download">;
  readonly places: Places;
  /** Somebody gave a command where it cannot be answered. It must not throw. */
  readonly onElsewhere: (given: Interaction) => void;
  readonly log: Pick<Logger, "warn">;
}

export type Hearing = ReturnType<typeof createHearing>;

export function createHearing({ api, places, onElsewhere, log }: HearingParts) {
  let toldOfEmpty = false;

  async function message(
    given: Message,
    kind: "message" | "edit",
    me: string,
    signal: AbortSignal,
  ): Promise<Heard[]> {
    const { id, author, channel_id: channel, guild_id, mention_roles } = given;
    if (kind === "edit" && author.id === me) return []; // an answer that grows
    // What is read of a chat's history does not say in which server it is.
    const { where, guild = guild_id } = await places.place(channel, signal);
    const roles =
      guild !== undefined && mention_roles.length > 0 ? await places.ourRoles(guild, me, signal) : [];
    const inbound = said(given, kind, { me, roles, where, open: api.download });
    if (!inbound) {
      noteEmpty(given);
      return [];
    }
    places.wrote(id, inbound.sender);
    return [{ inbound, ...(kind === "message" && { message: { channel, id } }) }];
  }

  /** So it looks where Discord hides what people write from a bot; it says that nowhere. */
  function noteEmpty({ type, author, guild_id }: Message): void {
    if (type !== 0 || author.bot === true || guild_id === undefined || toldOfEmpty) return;
    toldOfEmpty = true;
    log.warn(
      "a message came without any content; if this goes on, see whether Message Content Intent is switched on at discord.com/developers/applications, under Bot",
    );
  }

  async function reaction(
    dispatch: Dispatch,
    session: string,
    me: string,
    signal: AbortSignal,
  ): Promise<Heard[]> {
    const given = Reaction.parse(dispatch.d);
    const { user_id, channel_id, member } = given;
    if (user_id === me) return [];
    const sender = member ? personOf(member.user, { me, member }) : await places.person(user_id, me, signal);
    const where = await places.where(channel_id, signal);
    const added = dispatch.t === "MESSAGE_REACTION_ADD";
    return [{ inbound: reacted(given, added, sender, `${session}-${dispatch.s}`, where) }];
  }

  async function deleted(ids: readonly string[], channel: string, signal: AbortSignal): Promise<Heard[]> {
    const where = await places.where(channel, signal);
    return ids.map((id) => ({
      inbound: {
        platformId: id,
        kind: "delete",
        version: 0,
        ...where,
        sender: places.authorOf(id),
        text: "",
      },
    }));
  }

  async function interaction(given: Interaction, me: string, signal: AbortSignal): Promise<Heard[]> {
    if (isElsewhere(given)) {
      onElsewhere(given);
      return [];
    }
    const inbound = interacted(given, me, await places.where(given.channel_id, signal));
    return inbound ? [{ inbound, waits: given }] : [];
  }

  async function heard(
    dispatch: Dispatch,
    session: string,
    me: string,
    signal: AbortSignal,
  ): Promise<Heard[]> {
    const { t, d } = dispatch;
    switch (t) {
      case "MESSAGE_CREATE":
        return await message(Message.parse(d), "message", me, signal);
      case "MESSAGE_UPDATE":
        return await message(Message.parse(d), "edit", me, signal);
      case "MESSAGE_DELETE": {
        const { id, channel_id } = Deleted.parse(d);
        return await deleted([id], channel_id, signal);
      }
      case "MESSAGE_DELETE_BULK": {
        const { ids, channel_id } = DeletedInBulk.parse(d);
        return await deleted(ids, channel_id, signal);
      }
      case "MESSAGE_REACTION_ADD":
      case "MESSAGE_REACTION_REMOVE":
        return await reaction(dispatch, session, me, signal);
      case "INTERACTION_CREATE":
        return await interaction(Interaction.parse(d), me, signal);
      case "CHANNEL_UPDATE":
      case "THREAD_UPDATE":
        places.forgetChannel(Reference.parse(d).id);
        return [];
      case "GUILD_MEMBER_UPDATE": // of ourselves; we are not told of others
        places.forgetRoles(InGuild.parse(d).guild_id);
        return [];
      default:
        return []; // what a server is and who comes and goes is nobody's word
    }
  }

  return { heard, message };
}

/** Whether it is about the form of what Discord sent. */
export const isUnreadable = (error: unknown): boolean => error instanceof z.ZodError;
