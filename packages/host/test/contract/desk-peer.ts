/**
 * The owner's own desk as the contract suite needs it: chats of the web page, over the HTTP API with a token, or of
 * the terminal, over the control socket. Their platform is the host itself, so they are there once it is, and what
 * can go wrong between an adapter and its platform cannot go wrong here.
 */
import type { ChannelPeer, HostUnderTest, OpenHost, PeerChat, PeerMessage } from "@bellhop/sdk/testing";
import { createChanges } from "@bellhop/sdk/testing";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createLocalChannel } from "../../src/channels/local.ts";
import { type ChatEvent, EventId } from "../../src/core/events.ts";
import { ChatId, FileId } from "../../src/core/ids.ts";
import { openContractHost, type ContractHostHere } from "./host.ts";

/** What a person has of a host: the part of the client that writes and reads. */
export interface Door {
  send(chat: ChatId, message: { text: string; id: string; files: readonly FileId[] }): Promise<unknown>;
  upload(chat: ChatId, file: { name: string; content: Readable }): Promise<{ id: FileId }>;
  download(file: FileId): Promise<Readable>;
  /** Ends with the host. */
  events(chat: ChatId, options: { after: EventId; signal: AbortSignal }): AsyncIterable<ChatEvent>;
}

export interface DeskOptions {
  readonly name: "web" | "terminal";
  /** Anew for each host that starts. */
  readonly doorTo: (host: ContractHostHere) => Promise<Door>;
  /** What people read of what was said. */
  readonly read: (text: string) => string;
}

/** Between two tries to read on after a host has ended. */
const AGAIN_MS = 50;
const FILE_BYTES = 25 * 1024 * 1024;

export function createDesk({ name, doorTo, read }: DeskOptions): {
  readonly open: () => Promise<ChannelPeer>;
  readonly openHost: OpenHost;
} {
  const joins = new Map<ChannelPeer, (host: ContractHostHere) => void>();

  async function open(): Promise<ChannelPeer> {
    const changes = createChanges();
    const over = new AbortController();
    const chats = new Map<string, PeerChat>();
    const host = Promise.withResolvers<ContractHostHere>();
    let doubles = 0;
    let written = 0;

    const door = async () => await doorTo(await host.promise);

    async function messageOf(event: ChatEvent): Promise<PeerMessage | undefined> {
      if (event.type !== "message" || event.kind === "reaction") return undefined;
      const file = event.direction === "out" ? event.files?.[0] : undefined;
      return {
        platformId: event.message,
        from: event.direction === "out" ? "us" : event.sender,
        text: event.direction === "out" ? read(event.text) : event.text,
        replyTo: event.replyTo,
        file: file && {
          name: file.name,
          content: await buffer(await (await door()).download(file.id)),
        },
      };
    }

    /** Reads on as a page does whose host was restarted: from the last event that it saw. */
    async function follow(chat: ChatId, messages: PeerMessage[]): Promise<void> {
      let after = EventId.parse(0);
      while (!over.signal.aborted) {
        try {
          for await (const event of (await door()).events(chat, { after, signal: over.signal })) {
            const message = await messageOf(event);
            if (message) messages.push(message);
            if ("id" in event) after = event.id;
            changes.note();
          }
        } catch (error) {
          if (over.signal.aborted) return;
          if (!(error instanceof Error)) throw error; // it went away; it is looked for again below
        }
        await new Promise((resolve) => {
          setTimeout(resolve, AGAIN_MS);
        });
      }
    }

    function chatOf(id: string): PeerChat {
      const known = chats.get(id);
      if (known) return known;
      const chat = ChatId.parse(`${name}:${id}`);
      const messages: PeerMessage[] = [];
      let following: Promise<void> | undefined;
      const made: PeerChat = {
        id,
        async says(_, text, { file } = {}) {
          following ??= follow(chat, messages);
          const { send, upload } = await door();
          const files = file
            ? [(await upload(chat, { name: file.name, content: Readable.from([file.content]) })).id]
            : [];
          const message = { text, id: randomUUID(), files };
          await send(chat, message);
          if (doubles > 0) {
            doubles -= 1;
            await send(chat, message); // as a page that did not hear the first answer
          }
          return `${name}-${++written}`;
        },
        messages: () => messages,
      };
      chats.set(id, made);
      return made;
    }

    const peer: ChannelPeer = {
      connect: () => createLocalChannel(name, FILE_BYTES),
      direct: ({ id }) => chatOf(id),
      group: (title) => chatOf(title.toLowerCase().replaceAll(/\W+/g, "-")),
      fault(call, fault) {
        if (call !== "listen" || fault.how !== "duplicate") return false;
        doubles += fault.calls ?? 1;
        return true;
      },
      applied: () => 0,
      asked: () => 0,
      cut: () => undefined,
      async mend() {
        doubles = 0;
      },
      changed: changes.changed,
      async close() {
        over.abort(new Error("the test is over"));
        joins.delete(peer);
      },
    };
    joins.set(peer, host.resolve);
    return peer;
  }

  return {
    open,
    async openHost(options): Promise<HostUnderTest> {
      const host = await openContractHost(options);
      joins.get(options.peer)?.(host);
      return host;
    },
  };
}
