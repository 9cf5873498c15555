/**
 * A messaging platform as the channels bench needs it: people who write on it, what they are shown, and what an owner
 * would have set up for its plugin. Everything else of the bench is the same for all of them.
 */
import type { PeerChat, PeerPerson } from "@bellhop/sdk/testing";
import type { Installed } from "../../packages/host/src/core/plugin.ts";

export interface BenchPlatform {
  /** Of the channel, of its plugin and of the plugin's folder. */
  readonly name: string;
  /** From one message of a chat to the next, ms: what the plugin declares, so that nobody waits for its outbox. */
  readonly everyMs: number;
  /**
   * A strict fake whose rates are lifted, with a chat of each person's with the assistant alone.
   * @param hostUrl where Bellhop's own server will be, for a platform that calls it; nothing is there yet
   */
  open(people: readonly PeerPerson[], hostUrl: string): Promise<OpenPlatform>;
}

export interface OpenPlatform extends AsyncDisposable {
  /** Of its plugin: the settings, and what belongs into the home's `.env`. */
  readonly settings: Installed["settings"];
  readonly variables: Readonly<Record<string, string>>;
  /** In the order of the people. */
  readonly chats: readonly BenchChat[];
  /** Resolves with the next change. */
  changed(): Promise<void>;
}

/** One person, and their chat with the assistant. */
export interface BenchChat {
  /** Native ids, as the adapter says them. */
  readonly sender: string;
  readonly chat: string;
  says(text: string): Promise<void>;
  /** What we said to them, oldest first. */
  shown(): readonly string[];
}

/** @param sender as the adapter says it, where it is not the person's own id (`ChannelPeer.idOf`) */
export function benchChat(chat: PeerChat, person: PeerPerson, sender: string = person.id): BenchChat {
  return {
    sender,
    chat: chat.id,
    async says(text) {
      await chat.says(person, text);
    },
    shown: () => chat.messages().flatMap(({ from, text }) => (from === "us" ? text : [])),
  };
}
