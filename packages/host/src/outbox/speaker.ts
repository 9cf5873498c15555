/**
 * On a personal account it is its owner who seems to write: what the assistant says there begins with its
 * name, the answers and what they are edited into alike.
 */
import type { Channel, Outbound } from "@bellhop/sdk";
import type { ChatId } from "../core/ids.ts";
import { NAME_LENGTH } from "../core/split.ts";

export type Speaker = ReturnType<typeof createSpeaker>;

/** @param nameIn what the assistant is called in a chat */
export function createSpeaker(nameIn: (chat: ChatId) => Promise<string>) {
  async function text(channel: Channel, chat: ChatId, said: string, sender?: string): Promise<string> {
    if (channel.abilities.personal !== true) return said;
    const name = (sender ?? (await nameIn(chat))).slice(0, NAME_LENGTH).toWellFormed();
    return `${name}: ${said}`.trimEnd();
  }

  return {
    text,

    async message(channel: Channel, chat: ChatId, outbound: Outbound): Promise<Outbound> {
      if (channel.abilities.personal !== true || outbound.kind === "reaction") return outbound;
      if (outbound.kind === "file") return { ...outbound, text: await text(channel, chat, outbound.text) };
      return {
        ...outbound,
        sender: undefined,
        text: await text(channel, chat, outbound.text, outbound.sender),
      };
    },
  };
}
