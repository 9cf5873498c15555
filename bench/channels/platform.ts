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
  /** From one message of the account to the next, ms, likewise: of many chats none is written in more often. */
  readonly accountEveryMs?: number;
  /**
   * As many messages as the plugin declares that a chat is sent at once, where the pace after that is too slow to be
   * waited for: each person writes so many, and others come after them.
   */
  readonly burst?: number;
  /** What its process may take with nobody writing, where that is more than a channel that ships may. */
  readonly mostIdleMiB?: number;
  /**
   * A strict fake whose rates are lifted, with a chat of each person's with the assistant alone.
   * @param hostUrl where Bellhop's own server will be, for a platform that calls it; nothing is there yet
   */
  open(people: readonly PeerPerson[], hostUrl: string): Promise<OpenPlatform>;
  /**
   * The plugin with nothing of a test in its process, for a platform whose fake `open` has in there: what it takes
   * with nobody writing is measured so, in a host of its own.
   */
  openBare?(): Promise<BarePlatform>;
}

/** What an owner would have done for its plugin. */
export interface SetUp {
  readonly settings: Installed["settings"];
  /** What belongs into the home's `.env`. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Makes its plugin, where that is not the one of its name: called once, before the home's host starts.
   * @param to a folder that is not there yet
   * @param kept where the plugin keeps what it keeps
   */
  makePlugin?(to: string, kept: string): Promise<void>;
}

export interface BarePlatform extends SetUp, AsyncDisposable {
  /** It is at work just now, as it would be for its owner: else what it takes says nothing. */
  isAtWork(): boolean;
}

export interface OpenPlatform extends SetUp, AsyncDisposable {
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
