/** The channels that the host knows now: those it was started with, and those of plugins, which come and go. */
import type { Channel } from "@bellhop/sdk";
import { chatAddress, type ChatId } from "../core/ids.ts";

export interface KnownChannels {
  all(): readonly Channel[];
  /** Undefined where its plugin is not there now. */
  of(chat: ChatId): Channel | undefined;
  /** These too, whatever they are when somebody asks. */
  also(source: () => readonly Channel[]): void;
}

export function createKnownChannels(fixed: readonly Channel[]): KnownChannels {
  let others: () => readonly Channel[] = () => [];
  return {
    all: () => [...fixed, ...others()],
    of(chat) {
      const { channel, account } = chatAddress(chat);
      const fits = (one: Channel) => one.name === channel && one.account === account;
      return fixed.find(fits) ?? others().find(fits);
    },
    also(source) {
      others = source;
    },
  };
}
