/**
 * Admission: the one way in. Every message, whatever brought it, gets its verdict here; verdict and
 * reason are stored with the row, and the commit wakes whoever serves it.
 *
 * - At the owner's own desk (web, terminal) whoever calls has proved who writes, and everything is
 *   answered. On a platform the sender's id says who they are, and the group's trigger what is answered.
 * - A chat that nobody registered is nobody's business: nothing that is said in it is stored. A stranger who writes to us
 *   directly is held until the owner has decided (admission/senders.ts).
 * - Who may not speak calls nothing, commands included: what they say is context at most.
 */
import { type Inbound, type InboundFile, RejectedError, TemporaryError } from "@bellhop/sdk";
import type { EventBus } from "../core/events.ts";
import {
  chatAddress,
  type ChatId,
  EVENT_ID,
  type FileId,
  type GroupFolder,
  type InboxId,
  SenderId,
  type SessionId,
} from "../core/ids.ts";
import { codesIn } from "../core/pairing-code.ts";
import type { Speaking, Word } from "../core/sender-policy.ts";
import type { TriggerSettings } from "../core/trigger.ts";
import type { Around } from "../store/around.ts";
import type { Accepted, Inbox, Judged, NewMessage } from "../store/inbox.ts";
import type { HeldInbound } from "../store/newcomers.ts";
import type { People } from "../store/people.ts";
import type { SeenChats, Unregistered } from "../store/seen-chats.ts";
import type { CallLimits } from "./call-limits.ts";
import type { Commands } from "./commands/commands.ts";
import { createDoor } from "./door.ts";
import type { HeldFiles } from "./held-inbound.ts";
import type { InboundHooks } from "./inbound-hooks.ts";
import type { Senders } from "./senders.ts";
import { createVerdicts } from "./verdicts.ts";
import { type ChannelName, describe, MAX_TEXT_BYTES, named, type NamedFile, writtenFrom } from "./written.ts";

export interface Who {
  readonly sender: SenderId;
  readonly name: string;
  /** Proved by whoever calls: the terminal and the web by login. */
  readonly role: "owner";
}

/** What a plugin brings in. */
export interface ExternalEvent {
  readonly id: string;
  readonly chat: ChatId;
  readonly text: string;
  readonly sender?: string | undefined;
  /** It is answered; else it is context for the next answer. */
  readonly wakes: boolean;
}

/** A file of a message that was taken, to be fetched behind it. */
export interface ComingFile {
  readonly id: FileId;
  readonly message: InboxId;
  readonly groupId: number;
  readonly source: InboundFile;
  /** The platform hands out no larger ones. */
  readonly maxBytes?: number | undefined;
}

export interface AdmissionParts {
  readonly inbox: Inbox;
  /** Where a new chat at the owner's own desk goes. */
  readonly home: GroupFolder;
  readonly bus: EventBus;
  /** Called after the commit, once per message that a turn has to answer. */
  readonly wake: (session: SessionId, groupId: number, group: GroupFolder) => void;
  /** The chat is owed something. */
  readonly deliver: (chat: ChatId) => void;
  readonly fetch: (files: readonly ComingFile[]) => void;
  /** Called after the commit, with each message that a turn has to answer. */
  readonly taken: (message: { chat: ChatId; message: InboxId; platformId: string }) => void;
  readonly triggerOf: (group: GroupFolder) => TriggerSettings;
  /** What people ask of the host itself. */
  readonly commands: Pick<Commands, "recognise" | "run">;
  /** Who somebody on a platform is, as configured. */
  readonly roleOf: (sender: SenderId, group: GroupFolder) => "owner" | "admin" | "member";
  /** What the sender allowlist says. */
  readonly mayCall: (speaking: Speaking) => Word;
  /** Somebody wrote whom it does not let speak. */
  readonly onDenied: (chat: ChatId, sender: SenderId, reason: string) => void;
  readonly limits: CallLimits;
  /** Strangers, and codes that make an owner. */
  readonly senders: Pick<Senders, "newCode" | "follow" | "knowsOwnerCode">;
  readonly heldFiles: HeldFiles;
  /** Who has several ids. */
  readonly people: Pick<People, "of">;
  /** Chats that nobody registered, and in which somebody wrote. */
  readonly seen: Pick<SeenChats, "saw" | "forget">;
  /** Plugins that look at messages before anybody reads them. */
  readonly hooks?: Pick<InboundHooks, "wants" | "look"> | undefined;
  /** It was the first time. */
  readonly onUnregistered: (chat: Unregistered) => void;
  readonly now: () => number;
}

export type Admission = ReturnType<typeof createAdmission>;

export function createAdmission(parts: AdmissionParts) {
  const { inbox, home, bus } = parts;
  const verdicts = createVerdicts(parts);
  const { atTheDoor } = createDoor(parts);
  let closed = false;

  /** A message names its sender as the person that the owner says they are. */
  function senderOf(id: SenderId, { name, bot, self }: Inbound["sender"]): NewMessage["sender"] {
    const person = parts.people.of(id);
    const linked = person?.senders.filter((one) => one !== id);
    return { id, name: person?.name ?? name, linked, bot, self };
  }

  function follow(
    accepted: Accepted,
    { platformId }: Inbound,
    files: readonly NamedFile[],
    maxBytes?: number,
  ): void {
    const { chat, message, answered, session, groupId, group, duplicate, notice, command } = accepted;
    if (duplicate) {
      if (accepted.hooks) parts.hooks?.look(chat);
      // The first time it may have been committed and, for an error after that, have woken nobody.
      if (session !== undefined) parts.wake(session, groupId, group);
      return;
    }
    if (command) parts.commands.run(message);
    // Before the wake, so that the turn finds that there is something to wait for.
    if (accepted.files)
      parts.fetch(files.map(({ id, source }) => ({ id, source, message, groupId, maxBytes })));
    if (accepted.hooks) parts.hooks?.look(chat);
    if (session !== undefined) {
      parts.wake(session, groupId, group);
      parts.taken({ chat, message: answered, platformId });
    }
    if (notice) parts.deliver(chat);
    bus.publish({ type: "durable", chat });
  }

  function mustBeOpen(): void {
    if (closed) throw new TemporaryError("Bellhop is shutting down: write again once it is back");
  }

  return {
    /** From now on nothing is taken: we are shutting down. */
    close(): void {
      closed = true;
    },

    /**
     * Takes what was written at the owner's own desk. Resolves once the message is on disk; what was
     * accepted before is answered with what it became.
     * @param attached files that were handed over before
     * @throws TemporaryError once we shut down
     * @throws RejectedError for what cannot be a message: no text, no valid address, id or file
     */
    async accept(
      channel: ChannelName,
      inbound: Inbound,
      who: Who,
      attached: readonly FileId[] = [],
    ): Promise<Accepted> {
      mustBeOpen();
      if (await parts.senders.knowsOwnerCode(codesIn(inbound.text)))
        throw new RejectedError(
          "this is a pairing code: send it in the chat of a platform that is to know you as an owner, not here",
        );
      const files = named(inbound);
      const message = writtenFrom(channel, inbound, { id: who.sender, name: who.name }, [
        ...attached.map((id) => ({ attached: id })),
        ...files.map(describe),
      ]);
      if (inbound.kind === "reaction") throw new RejectedError("reactions are not taken at this desk");
      const judge = (around: Around) => verdicts.judgeOwn(message, inbound, around, who);
      const accepted = await inbox.accept({ ...message, direct: true, judge }, home);
      follow(accepted, inbound, files);
      return accepted;
    },

    /**
     * Takes what a platform brought, and its cursor with it (G1). Resolves once both are on disk.
     * @throws TemporaryError once we shut down
     * @throws RejectedError for what cannot be a message; its cursor has not moved
     */
    async receive(channel: ChannelName, inbound: Inbound, cursor?: string, held?: number): Promise<void> {
      mustBeOpen();
      const sender = SenderId.safeParse(`${channel.name}:${inbound.sender.id}`);
      if (!sender.success) throw new RejectedError(`${channel.name}: the id of the sender is none`);
      const { self } = inbound.sender;
      const personal = channel.abilities?.personal === true;
      const files = named(inbound);
      const message = writtenFrom(
        channel,
        inbound,
        senderOf(sender.data, inbound.sender),
        files.map(describe),
      );
      let denied: string | undefined;
      const accepted = await inbox.receive({
        ...message,
        ...(held === undefined ? atTheDoor(message, inbound, personal) : { held }),
        cursor,
        judge: (around) => verdicts.judge(message, inbound, around, personal, (reason) => (denied = reason)),
      });
      if (denied !== undefined) parts.onDenied(message.chat, sender.data, denied);
      if (accepted && "not" in accepted) {
        if (accepted.not === "held") parts.heldFiles.keep(message.chat, inbound);
        if (accepted.not === "code") parts.deliver(message.chat);
        if (accepted.not === "held" && accepted.asked) parts.deliver(message.chat);
        parts.senders.follow(accepted);
      } else if (accepted) {
        parts.seen.forget(message.chat);
        follow(accepted, inbound, files, channel.abilities?.maxInboundFileBytes);
      } else if (!self) {
        const stranger = {
          chat: message.chat,
          title: message.chatTitle ?? null,
          sender: sender.data,
          senderName: message.sender.name,
        };
        if (parts.seen.saw(stranger)) parts.onUnregistered(stranger);
      }
    },

    /**
     * Takes what a plugin brings in from outside. Resolves once it is on disk; the same id twice is one event.
     * Whoever reads it is tainted, and no command is known in it.
     * @throws TemporaryError once we shut down
     * @throws RejectedError where no group has the chat, or it cannot be a message
     */
    async event(plugin: string, event: ExternalEvent): Promise<void> {
      mustBeOpen();
      const { id, text, wakes } = event;
      if (Buffer.byteLength(text) > MAX_TEXT_BYTES)
        throw new RejectedError(`the text of an event has at most ${MAX_TEXT_BYTES} bytes`);
      const sender = { id: SenderId.parse(`plugin:${plugin}`), name: event.sender ?? plugin };
      const { native, channel, account } = chatAddress(event.chat);
      const inbound = {
        platformId: `${EVENT_ID}${plugin}:${id}`,
        kind: "message",
        version: 0,
        chat: native,
        sender: { ...sender },
        text,
      } as const;
      const message = writtenFrom({ name: channel, account }, inbound, sender, []);
      const accepted = await inbox.receive({
        ...message,
        judge: (around): Judged => ({
          verdict: wakes ? "admitted" : "noted",
          reason: `the plugin ${plugin} brought it in`,
          context: !wakes,
          role: "stranger",
          tainted: true,
          hooks: parts.hooks?.wants(around.chat.id, around.chat.folder, false),
        }),
      });
      if (!accepted || "not" in accepted) throw new RejectedError(`no group has the chat ${event.chat}`);
      follow(accepted, inbound, []);
    },

    /** Takes what was held of somebody who has been let in. Throws as `receive` does. */
    async admit(
      channel: ChannelName,
      chat: ChatId,
      { id, inbound }: { readonly id: number; readonly inbound: HeldInbound },
    ): Promise<void> {
      await this.receive(channel, parts.heldFiles.give(chat, inbound), undefined, id);
    },

    groupChanged: verdicts.groupChanged,
  };
}
