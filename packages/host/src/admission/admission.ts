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
import {
  type ChannelAbilities,
  type Inbound,
  type InboundFile,
  RejectedError,
  TemporaryError,
} from "@bellhop/sdk";
import { ButtonId } from "../core/button.ts";
import type { EventBus } from "../core/events.ts";
import { safeFileName } from "../core/file-name.ts";
import {
  chatAddress,
  chatId,
  type ChatId,
  EVENT_ID,
  FileId,
  type GroupFolder,
  type InboxId,
  MAIN,
  newId,
  SenderId,
  type SessionId,
} from "../core/ids.ts";
import type { Commands, MaybeCommand } from "./commands/commands.ts";
import { asCode, codesIn } from "../core/pairing-code.ts";
import type { Word, Speaking } from "../core/sender-policy.ts";
import { createTrigger, type Trigger, type TriggerSettings, type Verdict } from "../core/trigger.ts";
import type { Around } from "../store/around.ts";
import type { MessageFile } from "../store/message-files.ts";
import type { Accepted, Inbox, Judged, NewMessage } from "../store/inbox.ts";
import type { People } from "../store/people.ts";
import type { SeenChats, Unregistered } from "../store/seen-chats.ts";
import type { HeldInbound } from "../store/newcomers.ts";
import { type CallLimits, overLimit } from "./call-limits.ts";
import { heldInbound, type HeldFiles } from "./held-inbound.ts";
import type { InboundHooks } from "./inbound-hooks.ts";
import type { Senders } from "./senders.ts";

/** G5. In bytes of UTF-8. */
export const MAX_TEXT_BYTES = 1024 * 1024;
/** What is kept of a message that is too long. */
const STUB_LENGTH = 1_000;
/** Names and titles come from people too, and stand in every prompt. */
const NAME_LENGTH = 200;
/** No platform's ids come near it; longer ones would only bloat the index. */
const MAX_ID_LENGTH = 512;
/** Of what is quoted; the prompt shows less. */
const QUOTE_LENGTH = 1_000;
/** Some platforms have signs of their own, which go by name. */
const EMOJI_LENGTH = 64;
const MINUTE_MS = 60_000;
/** More come with no message that a person writes. */
const MOST_FILES = 20;

export interface Who {
  readonly sender: SenderId;
  readonly name: string;
  /** Proved by whoever calls: the terminal and the web by login. */
  readonly role: "owner";
}

interface ChannelName {
  readonly name: string;
  readonly account: string;
  readonly abilities?: Partial<ChannelAbilities> | undefined;
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
  const triggers = new Map<GroupFolder, { readonly assistant: string; readonly calls: Trigger }>();
  let closed = false;

  /** Made once per group: a pattern takes a while to be read. */
  function triggerOf(group: GroupFolder) {
    const known = triggers.get(group);
    if (known) return known;
    const settings = parts.triggerOf(group);
    const made = { assistant: settings.assistant, calls: createTrigger(settings) };
    triggers.set(group, made);
    return made;
  }

  /** What holds for a message on a platform, once it is known what it stands in. */
  function judge(
    message: Omit<NewMessage, "judge">,
    inbound: Inbound,
    around: Around,
    personal: boolean,
    denied: (reason: string) => void,
  ): Judged | "drop" {
    const { chat, standing } = around;
    const self = inbound.sender.self === true;
    // On a personal account it is the owner who writes by it, unless it was us.
    const ours = around.ours || (self && !personal);
    const role = ours || !self ? roleOf(message.sender.id, chat.folder, standing) : "owner";
    const owner = role === "owner";
    const word: Word =
      standing === "denied" && !self
        ? {
            may: false,
            mode: chat.direct === 1 ? "drop" : "trigger",
            reason: "the owner has turned this sender away",
          }
        : parts.mayCall({ chat: chat.id, sender: message.sender.id, owner, self: self || around.ours });
    if (!word.may) {
      denied(word.reason);
      if (word.mode === "drop") return "drop";
      // Their sign is worth as much as their word; a press of theirs is neither.
      const context = inbound.kind === "reaction" ? around.aboutKnown && !self : inbound.kind !== "button";
      const noted = { verdict: "noted", reason: word.reason, context } as const;
      const hooks = wantsHooks(message, around, noted);
      return { ...noted, role: "stranger", tainted: true, hooks };
    }
    const tainted = !owner || around.quotesTainted;
    if (inbound.kind === "reaction") return { ...reactionVerdict(around, self), role, tainted };
    if (inbound.kind === "button" && around.pressed === undefined)
      return { ...gone(message, parts.now()), role, tainted };
    const verdict = triggerOf(chat.folder).calls({
      text: message.text,
      chat: { direct: chat.direct === 1, main: chat.folder === MAIN },
      ours,
      bot: inbound.sender.bot === true,
      botTurns: around.bots.admitted,
      mentionsUs: inbound.mentionsUs === true,
      answersUs: around.answersUs,
    });
    const person =
      (inbound.kind === "message" || inbound.kind === "button") && !ours && inbound.sender.bot !== true;
    const command = person
      ? commandIn(said(inbound, around), { role, group: chat.folder, direct: chat.direct === 1, verdict })
      : undefined;
    const fate = tooLong(inbound.text) ?? command ?? (inbound.kind === "button" ? NO_COMMAND : verdict);
    const calls = !owner && !ours && (fate.verdict === "admitted" || command?.command !== undefined);
    const over =
      calls &&
      overLimit(around.calls, parts.limits, {
        chat: chat.id,
        sender: message.sender.id,
        name: message.sender.name,
        now: parts.now(),
      });
    if (over) return { verdict: "refused", role, tainted, ...over };
    const hooks = wantsHooks(message, around, fate);
    return { ...fate, role, tainted, hooks, notice: loopNotice(verdict, around) };
  }

  /** A chat command waits for no plugin; an edit and an echo of our own are no messages. */
  function wantsHooks(
    { kind }: Pick<NewMessage, "kind">,
    { chat: { id, folder }, ours }: Around,
    { verdict, command }: Pick<Judged, "verdict" | "command">,
  ): Judged["hooks"] {
    if (verdict === "refused" || command !== undefined) return undefined;
    return parts.hooks?.wants(id, folder, kind === "message" && !ours);
  }

  function roleOf(sender: SenderId, group: GroupFolder, standing: Around["standing"]) {
    return standing === "owner" ? standing : parts.roleOf(sender, group);
  }

  /** What of a message matters only where no group has its chat, or where it brings a code. */
  function atTheDoor(
    message: Omit<NewMessage, "judge">,
    inbound: Inbound,
    personal: boolean,
  ): Pick<NewMessage, "newcomer" | "codes" | "claims"> {
    const { chat, chatTitle, direct, platformId, sender } = message;
    const { kind, text, sender: by } = inbound;
    if (by.bot || (by.self && !personal) || !isWritten(message)) return {};
    const owner = by.self === true || parts.roleOf(sender.id, MAIN) === "owner";
    const who = { id: sender.id, name: sender.name, linked: sender.linked };
    const codes = kind === "delete" ? [] : codesIn(text);
    const whole = asCode(text) !== undefined;
    const claims = kind === "message" && CLAIM[direct ? "direct" : "shared"].test(text);
    const calls = parts.mayCall({ chat, sender: sender.id, owner, self: by.self === true });
    const held = direct === true && !by.self && calls.may;
    return {
      ...(codes.length === 0
        ? {}
        : { codes: { chat, chatTitle, direct, platformId, sender: who, codes, whole, silent: personal } }),
      ...(claims ? { claims: { owner } } : {}),
      ...(held
        ? {
            newcomer: newcomer(
              { chat, chatTitle, sender: who },
              { ...inbound, kind: message.kind },
              owner,
              personal,
            ),
          }
        : {}),
    };
  }

  function newcomer(
    known: Pick<NonNullable<NewMessage["newcomer"]>, "chat" | "chatTitle" | "sender">,
    inbound: Parameters<typeof heldInbound>[0],
    owner: boolean,
    personal: boolean,
  ): NonNullable<NewMessage["newcomer"]> {
    const code = parts.senders.newCode();
    const greeting = `I do not know you yet, so I have asked my owner. You may tell them this code: ${code}. What you write until then is kept for an hour.`;
    return {
      ...known,
      owner,
      code,
      inbound: heldInbound(inbound),
      greeting: personal ? undefined : greeting,
    };
  }

  function commandIn(
    { text, mentionsUs = false }: Inbound,
    said: Pick<MaybeCommand, "role" | "group" | "direct" | "verdict">,
  ) {
    if (!text.startsWith("/")) return undefined;
    return parts.commands.recognise({
      ...said,
      text,
      mentionsUs,
      assistant: triggerOf(said.group).assistant,
    });
  }

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
      const message = parse(channel, inbound, { id: who.sender, name: who.name }, [
        ...attached.map((id) => ({ attached: id })),
        ...files.map(describe),
      ]);
      const own = { verdict: "admitted", reason: "the owner wrote in a chat of their own" } as const;
      const { role } = who;
      if (inbound.kind === "reaction") throw new RejectedError("reactions are not taken at this desk");
      const judge = (around: Around): Judged => {
        const pressing = inbound.kind === "button";
        if (pressing && around.pressed === undefined)
          return { ...gone(message, parts.now()), role, tainted: false };
        const command =
          inbound.kind === "message" || pressing
            ? commandIn(said(inbound, around), {
                role,
                group: around.chat.folder,
                direct: true,
                verdict: own,
              })
            : undefined;
        const fate = tooLong(inbound.text) ?? command ?? (pressing ? NO_COMMAND : own);
        return { ...fate, role, tainted: false, hooks: wantsHooks(message, around, fate) };
      };
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
      const message = parse(channel, inbound, senderOf(sender.data, inbound.sender), files.map(describe));
      let denied: string | undefined;
      const accepted = await inbox.receive({
        ...message,
        ...(held === undefined ? atTheDoor(message, inbound, personal) : { held }),
        cursor,
        judge: (around) => judge(message, inbound, around, personal, (reason) => (denied = reason)),
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
      const message = parse({ name: channel, account }, inbound, sender, []);
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

    /** What calls the assistant in the group has changed. */
    groupChanged(group: GroupFolder): void {
      triggers.delete(group);
    },
  };
}

/** How an owner makes a chat that no group has part of `main`. */
const CLAIM = { direct: /^\/main(?:@\S+)?(?:\s+yes)?\s*$/i, shared: /^\/main(?:@\S+)?\s+yes\s*$/i } as const;

/** @throws RejectedError for what cannot be a message */
function parse(
  channel: ChannelName,
  inbound: Inbound,
  sender: NewMessage["sender"],
  files: readonly MessageFile[],
): Omit<NewMessage, "judge"> {
  const { platformId, kind, version, chatTitle, direct, nonText, replyTo, quote, sentAt } = inbound;
  if (platformId.length > MAX_ID_LENGTH || (replyTo?.length ?? 0) > MAX_ID_LENGTH)
    throw new RejectedError(`the id of a message has at most ${MAX_ID_LENGTH} characters`);
  const given = inbound.text.toWellFormed(); // a lone surrogate would not survive the database
  // What stands behind a button is for us to say, and a reaction is a sign, not a text.
  const text = kind === "button" ? "" : kind === "reaction" ? clip(given.trim(), EMOJI_LENGTH) : given;
  const empty = text.trim() === "" && nonText === undefined && files.length === 0;
  if (kind === "message" && empty) throw new RejectedError("the message is empty: write some text");
  return {
    chat: address(channel, inbound.chat),
    threadOf: inbound.threadOf === undefined ? undefined : parentOf(channel, inbound.chat, inbound.threadOf),
    chatTitle: chatTitle === undefined ? undefined : clip(chatTitle, NAME_LENGTH),
    direct,
    platformId,
    kind,
    version,
    sender: { ...sender, name: clip(sender.name, NAME_LENGTH) },
    text: tooLong(inbound.text) ? clip(text, STUB_LENGTH) : text,
    nonText: nonText === undefined ? undefined : clip(nonText, NAME_LENGTH),
    replyTo,
    quote: quote === undefined ? undefined : clip(quote, QUOTE_LENGTH),
    button: kind === "button" ? ButtonId.safeParse(inbound.button).data : undefined,
    sentAt,
    files,
  };
}

/** What somebody wrote, changed or took back; not a sign of theirs. */
function isWritten<M extends Pick<NewMessage, "kind">>(
  message: M,
): message is M & { readonly kind: "message" | "edit" | "delete" } {
  return message.kind !== "reaction" && message.kind !== "button";
}

/** What a person asks for: of a press, the command that stands behind the button. */
function said(inbound: Inbound, { pressed }: Around): Inbound {
  return inbound.kind === "button" ? { ...inbound, text: pressed ?? "" } : inbound;
}

/**
 * Reactions are told along with the next message. Those of the assistant's account are its own: where it is the
 * owner's too, nobody could tell them apart.
 */
function reactionVerdict(
  { aboutKnown }: Around,
  self: boolean,
): Pick<Judged, "verdict" | "reason" | "context"> {
  if (self) return { verdict: "noted", reason: "a reaction by the assistant's own account", context: false };
  if (!aboutKnown)
    return { verdict: "noted", reason: "a reaction to a message that is not known here", context: false };
  return { verdict: "noted", reason: "a reaction; told with the next message", context: true };
}

/** A command that is none any more cannot be: buttons are made by us. */
const NO_COMMAND = { verdict: "noted", reason: "the button stands for no command" } as const;

/** One line, and no more of them a minute to the same person, whatever they press. */
function gone(
  { chat, sender }: Pick<NewMessage, "chat" | "sender">,
  now: number,
): Pick<Judged, "verdict" | "reason" | "notice" | "noticeKey"> {
  return {
    verdict: "noted",
    reason: "the button is not known, or its time is over",
    notice: "That button is not good any more: what it stood for is over.",
    noticeKey: `button-gone:${chat}:${sender.id}:${Math.floor(now / MINUTE_MS)}`,
  };
}

interface NamedFile {
  readonly id: FileId;
  readonly source: InboundFile;
}

function named({ kind, files = [] }: Inbound): NamedFile[] {
  if (kind !== "message") return []; // an edit brings the same again
  return files.slice(0, MOST_FILES).map((source) => ({ id: newId(FileId), source }));
}

function describe({ id, source }: NamedFile): MessageFile {
  return {
    id,
    name: safeFileName(source.name),
    type: clip(source.type ?? "application/octet-stream", NAME_LENGTH),
    bytes: Math.max(0, Math.trunc(source.bytes ?? 0)),
  };
}

function address({ name, account }: ChannelName, native: string): ChatId {
  try {
    return chatId({ channel: name, account, native });
  } catch (cause) {
    throw new RejectedError(`${name}:${native} is no address of a chat`, { cause });
  }
}

/** @throws RejectedError where the thread's own address does not begin with that of its chat */
function parentOf(channel: ChannelName, native: string, threadOf: string): ChatId {
  if (!native.startsWith(`${threadOf}:`))
    throw new RejectedError(`${channel.name}:${native} is no thread of ${threadOf}`);
  return address(channel, threadOf);
}

/** The verdict on a text that is too long (G5). */
function tooLong(text: string): { verdict: "refused"; reason: string } | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_TEXT_BYTES) return undefined;
  return {
    verdict: "refused",
    reason: `the message is too long (${bytes} bytes; at most ${MAX_TEXT_BYTES}): send it in parts or as a file`,
  };
}

/** Bots that are refused are told once, not each time: they might answer that too. */
function loopNotice({ verdict, reason }: Verdict, { bots }: Around): string | undefined {
  if (verdict !== "refused" || bots.refused) return undefined;
  return `I leave the other bots here without an answer for a while: ${reason}.`;
}

function clip(text: string, length: number): string {
  return text.length <= length ? text.toWellFormed() : `${text.slice(0, length).toWellFormed()}…`;
}
