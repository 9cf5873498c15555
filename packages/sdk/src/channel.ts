/**
 * The channel contract: an adapter knows its platform and nothing else. No database, no retry
 * policy, no agent. It turns what the platform says into `Inbound`, and `Outbound` into one call.
 *
 * Texts that are sent are CommonMark; each adapter renders its platform's dialect, and sends the plain text
 * where the platform refuses what was rendered. `maxTextLength` counts what is given, before rendering.
 */
import type { Readable } from "node:stream";

export type Formatting =
  | "bold"
  | "italic"
  | "strikethrough"
  | "code"
  | "code-block"
  | "link"
  | "quote"
  | "list"
  | "heading"
  | "table";

/** How a platform counts the length of a text. */
export type LengthUnit = "utf16" | "codepoints" | "bytes";

/** So many calls in so long a time, with as many at once as come in a burst. */
export interface Rate {
  readonly calls: number;
  readonly perMs: number;
}

/** What a channel can do; the outbox and the turns read it instead of knowing platforms. */
export interface ChannelAbilities {
  /** Longest text of one message, in `lengthUnit`. */
  readonly maxTextLength: number;
  readonly lengthUnit: LengthUnit;
  /**
   * What becomes of a message that is sent again under the same `Outbound.key` (G14).
   * `once`: it is shown once, for ever or for `forMs` after the first try. `lookup`: the channel can tell
   * by `find` whether it arrived. `twice`: it may be shown twice.
   */
  readonly resend:
    | { readonly how: "once"; readonly forMs?: number | undefined }
    | { readonly how: "lookup" }
    | { readonly how: "twice" };
  readonly reactions: boolean;
  /** The only reactions that the platform takes; any where it is absent. */
  readonly reactionsOf?: readonly string[] | undefined;
  /** What of CommonMark people see as such; the rest is shown as plain text. Absent: all of it. */
  readonly formatting?: readonly Formatting[] | undefined;
  /** Chats may have threads or topics, each of which is a chat of its own here. */
  readonly threads?: boolean | undefined;
  /** Buttons below a text: at most so many. Absent where there are none. */
  readonly buttons?: { readonly most: number } | undefined;
  /** A message may quote the one it answers. */
  readonly quotes: boolean;
  /** Text that was sent may be changed: `edit` is there. */
  readonly edits: boolean;
  /** A growing text is edited at most this often, ms. Default: what the outbox thinks right. */
  readonly editEveryMs?: { readonly direct: number; readonly shared: number } | undefined;
  /** `typing` is there; what it shows goes by itself after so many ms. */
  readonly typingMs?: number | undefined;
  /** Files of up to so many bytes can be sent; absent where the channel takes none. */
  readonly maxFileBytes?: number | undefined;
  /** Longest caption of a file, in `lengthUnit`; `maxTextLength` where it is not said. */
  readonly maxCaptionLength?: number | undefined;
  /** The platform hands out files of up to so many bytes; a larger one is announced and cannot be had. */
  readonly maxInboundFileBytes?: number | undefined;
  /**
   * The account is its owner's own, and people take what is sent there for theirs. What that account writes
   * (`InboundSender.self`) is the owner's word then, unless we sent it; what we send carries our name; and no
   * stranger is answered there. Default: the account is the assistant's alone.
   */
  readonly personal?: boolean | undefined;
  /**
   * How fast the platform lets us write (G15). `sharedChat` holds beside `chat` where several people are; `edits` is
   * how often answers may grow in all chats together, where that is less.
   */
  readonly rate?:
    | {
        readonly chat?: Rate | undefined;
        readonly sharedChat?: Rate | undefined;
        readonly account?: Rate | undefined;
        readonly edits?: Rate | undefined;
      }
    | undefined;
  /** What else an agent has to know of its chats, in one sentence of at most 120 characters. It stands in every prompt. */
  readonly note?: string | undefined;
}

/** A file that came with a message. It is fetched only once the message was admitted. */
export interface InboundFile {
  /** As the sender named it; not a path, and not trusted to be a name. */
  readonly name: string;
  /** What the platform says it is; the content decides. */
  readonly type?: string | undefined;
  /** What the platform says it measures. */
  readonly bytes?: number | undefined;
  /**
   * @throws TemporaryError try again
   * @throws RejectedError it is not to be had
   */
  open(signal: AbortSignal): Promise<Readable>;
}

export interface InboundSender {
  readonly id: string;
  readonly name: string;
  /** A program wrote it. */
  readonly bot?: boolean | undefined;
  /** The assistant's own account wrote it. */
  readonly self?: boolean | undefined;
}

/** One thing a person did on a platform. */
export interface Inbound {
  /** The platform's own id of the message; with `kind` and `version` it is the dedupe key (G2). */
  readonly platformId: string;
  readonly kind: "message" | "edit" | "delete" | "reaction" | "button";
  /** 0 for the original, counted up by edits. */
  readonly version: number;
  /** Native id of the conversation, without channel and account. */
  readonly chat: string;
  readonly chatTitle?: string | undefined;
  /**
   * `chat` is a thread or topic of the chat with this native id, which `chat` begins with, followed by a
   * colon. It belongs to the group of that chat from its first message on.
   */
  readonly threadOf?: string | undefined;
  /** A conversation of one person with the assistant alone. */
  readonly direct?: boolean | undefined;
  readonly sender: InboundSender;
  readonly text: string;
  /** In one or two words, what it is where it is no text: `location`, `poll`, `sticker`. */
  readonly nonText?: string | undefined;
  /** The platform says that the assistant is addressed: its own kind of mention. */
  readonly mentionsUs?: boolean | undefined;
  /** Platform id of the message this one answers, reacts to, or whose button was pressed. */
  readonly replyTo?: string | undefined;
  /** The part of the message it answers that was quoted, as the sender chose it. */
  readonly quote?: string | undefined;
  /**
   * Text and files are somebody else's, and the sender has handed them on: whose, as far as the platform says, else
   * empty. The host takes no command from such words, and weighs them as a stranger's.
   */
  readonly forwarded?: string | undefined;
  /** Of kind `button`: the id that the button was sent with. Of kind `reaction` the emoji is the text; empty: taken away. */
  readonly button?: string | undefined;
  /** When the platform says it was written, ms since 1970. Never used for order (G3). */
  readonly sentAt?: number | undefined;
  readonly files?: readonly InboundFile[] | undefined;
}

/** A file that is to be sent. */
export interface OutboundFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  /** Its content from the beginning, each time it is called. */
  open(): Readable;
}

/** One thing the host owes to a chat. `key` never changes over retries (G12). */
export type Outbound = {
  readonly key: string;
  readonly chat: string;
} & (
  | {
      readonly kind: "text";
      readonly text: string;
      /** A name other than the assistant's, where an agent speaks for a subagent. */
      readonly sender?: string | undefined;
      readonly replyTo?: string | undefined;
      /** In the order in which they are shown; only where `abilities.buttons` is. */
      readonly buttons?: readonly Button[] | undefined;
    }
  | {
      readonly kind: "file";
      readonly file: OutboundFile;
      /** Its caption; may be empty. */
      readonly text: string;
      readonly replyTo?: string | undefined;
    }
  | {
      readonly kind: "reaction";
      readonly to: string;
      /** Replaces the assistant's reaction to that message; empty takes it away. */
      readonly emoji: string;
    }
);

/** Pressed, it comes back as an `Inbound` of kind `button`, from whoever pressed it. */
export interface Button {
  /** Opaque, at most 32 characters of `A-Za-z0-9_-`. */
  readonly id: string;
  /** At most 20 characters. */
  readonly label: string;
}

/** A message that was sent reads otherwise from then on. */
export interface Edit {
  readonly chat: string;
  readonly platformId: string;
  readonly text: string;
}

export interface Sent {
  /** The platform's id of what was sent; reactions have none of their own. */
  readonly platformId: string;
}

/**
 * Commits one inbound message and, in the same transaction, the platform's cursor (G1).
 * Resolves only once both are on disk: acknowledge to the platform after that, never before.
 */
export interface Accept {
  (inbound: Inbound, cursor?: string): Promise<void>;
  /**
   * Commits a cursor that comes with no message: for platforms that keep for us only what is written after a
   * place of which they tell us once. Absent where nothing keeps it.
   */
  readonly keep?: ((cursor: string) => Promise<void>) | undefined;
}

/** How it stands with an account, as the adapter itself sees it just now. */
export type ChannelHealth =
  | { readonly state: "up" }
  /** It is being (re)connected; `why`: what went wrong, in one sentence. */
  | { readonly state: "connecting"; readonly why?: string | undefined }
  /** It does not work; `why` says what is wrong and how to mend it. */
  | { readonly state: "down"; readonly why: string };

/** What the platform knows of a chat. */
export interface ChatInfo {
  readonly title?: string | undefined;
  readonly direct?: boolean | undefined;
  /** How many people are in it. */
  readonly members?: number | undefined;
}

export interface Channel {
  /** `telegram`, `web`, …: the first part of every chat address. */
  readonly name: string;
  /** The account this instance speaks for, or `""` where a channel has one. */
  readonly account: string;
  readonly abilities: ChannelAbilities;
  /**
   * Receives until `signal` aborts. Channels that are fed by Bellhop's own HTTP server have none.
   * Whoever calls it calls it again when it throws, with patience by the class of the error.
   */
  listen?(cursor: string | undefined, accept: Accept, signal: AbortSignal): Promise<void>;
  /**
   * @throws TemporaryError not applied for sure, try again
   * @throws UnknownOutcomeError it may have been applied (G14)
   * @throws RejectedError it never will be
   * @throws ConfigError the account needs its operator
   */
  send(message: Outbound, signal: AbortSignal): Promise<Sent>;
  /**
   * Replaces the text of a message that was sent, and takes away its buttons; the same again changes nothing.
   * Throws as `send` does.
   */
  edit?(edit: Edit, signal: AbortSignal): Promise<void>;
  /** Shows that an answer is being written; it goes by itself. Throws as `send` does. */
  typing?(chat: string, signal: AbortSignal): Promise<void>;
  /** Throws as `send` does. */
  chatInfo?(chat: string, signal: AbortSignal): Promise<ChatInfo>;
  /** Tells the truth of this moment, from what it knows already: it asks nobody. */
  health?(): ChannelHealth;
  /** Whether what was sent under this key has arrived (`resend: lookup`). Throws as `send` does. */
  find?(message: { chat: string; key: string }, signal: AbortSignal): Promise<Sent | undefined>;
}
