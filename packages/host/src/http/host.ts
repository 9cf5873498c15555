/**
 * What the HTTP API and the web chat need of the host. Declared here by their user; admission, the
 * store and the turns implement it.
 */
import type { Inbound } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import type { DurableEvent, EventId, LiveEvent } from "../core/events.ts";
import type { DeadLetter, DeadLetterId, OpenedDeadLetter } from "../core/dead.ts";
import type { Budgets } from "../budgets/budgets.ts";
import type { NumberedStep } from "../core/connect.ts";
import type { Status } from "../core/status.ts";
import type { Paused } from "../core/pause.ts";
import type { SecretTrial } from "../core/secret-trial.ts";
import type { TrustPowers } from "../policy/trust-powers.ts";
import type { GroupPowers } from "../groups/desk.ts";
import type { TaskPowers } from "../scheduler/desk.ts";
import type { Halted } from "./schemas.ts";
import type { ChatId, FileId, GroupFolder, InboxId, SenderId } from "../core/ids.ts";

/** The one way in (design: one choke point per power). */
export interface HttpAdmission {
  /**
   * Commits one message of the owner's; resolves once it is on disk (G1). The same platform id
   * again gives the row of the first time, with `duplicate` (G2).
   * @throws TemporaryError when the host takes nothing just now, because it drains or its disk is full
   */
  accept(
    channel: { readonly name: string; readonly account: string },
    inbound: Inbound,
    who: { readonly sender: SenderId; readonly name: string; readonly role: "owner" },
    /** Files that were handed over before. @throws RejectedError when one is not there, or was attached */
    attached?: readonly FileId[],
  ): Promise<{
    readonly message: InboxId;
    readonly seq: number;
    readonly event: EventId;
    readonly duplicate: boolean;
  }>;
}

/** The durable events, of one chat or of all where no chat is given. Always oldest first. */
export interface HttpTimeline {
  after(chat: ChatId | undefined, event: EventId, limit: number): Promise<readonly DurableEvent[]>;
  /** The last `limit` events before `event`, or the last of all; `more` when there are older ones. */
  before(
    chat: ChatId | undefined,
    event: EventId | undefined,
    limit: number,
  ): Promise<{ readonly events: readonly DurableEvent[]; readonly more: boolean }>;
  /** The newest event there is, 0 in an empty house. */
  latest(): Promise<EventId>;
}

export interface ChatSummary {
  readonly id: ChatId;
  readonly title: string | null;
  /** The group that it is bound to. */
  readonly group: string;
  readonly channel: string;
  /** The newest event and when it was; null where nothing was said yet. */
  readonly lastEvent: EventId | null;
  readonly lastAt: number | null;
}

export interface HttpChats {
  list(): Promise<readonly ChatSummary[]>;
  find(id: ChatId): Promise<Pick<ChatSummary, "id" | "title" | "channel"> | undefined>;
  /** Makes the chat, bound to this group, unless it is there already. */
  ensure(id: ChatId, group: GroupFolder, title?: string): Promise<{ readonly group_id: number }>;
}

/** A file as the media store keeps it. */
export interface HttpFile {
  readonly id: FileId;
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly state: "coming" | "stored" | "stub";
}

export interface HttpMedia {
  /** The most that a file may measure. */
  readonly fileBytes: number;
  /**
   * Resolves once it is on disk.
   * @throws RejectedError when it is too large or there is no room, TemporaryError when it broke off
   */
  receive(
    file: { readonly groupId: number; readonly name: string },
    source: AsyncIterable<unknown>,
  ): Promise<HttpFile>;
  /** Undefined where there is none, or nothing of it. */
  content(id: FileId): Promise<{ readonly file: HttpFile; readonly open: () => Readable } | undefined>;
}

/** What was given up (G25). */
export interface HttpDead {
  list(query: {
    before?: DeadLetterId | undefined;
    limit: number;
  }): Promise<{ readonly letters: readonly DeadLetter[]; readonly more: boolean }>;
  show(id: DeadLetterId): Promise<OpenedDeadLetter | undefined>;
  /** Whether there was such a one. @throws RejectedError when it cannot be tried again */
  retry(id: DeadLetterId, force: boolean): Promise<boolean>;
  drop(id: DeadLetterId): Promise<boolean>;
}

/** Tasks, and what became of their times. */
export type HttpTasks = TaskPowers;

/** Secrets that agents use without seeing them. */
export interface HttpVault {
  /** @throws RejectedError where there is no such secret, or it cannot be sent there */
  test(wanted: {
    readonly name: string;
    readonly group: GroupFolder;
    readonly url?: string | undefined;
  }): Promise<SecretTrial>;
}

/** Taint, approvals, grants, the audit. */
export type HttpTrust = TrustPowers;
/** Who may speak. All but `list` and `pair` throw RejectedError with a sentence for a person. */
export interface HttpSenders {
  list(): Promise<{
    readonly senders: readonly {
      readonly id: SenderId;
      readonly standing: "owner" | "allowed" | "denied";
      readonly name: string;
      readonly by: string;
      readonly at: number;
    }[];
    readonly waiting: readonly {
      readonly chat: ChatId;
      readonly sender: SenderId;
      readonly name: string;
      readonly messages: number;
      readonly since: number;
      readonly expiresAt: number;
    }[];
  }>;
  allow(who: string, by: string): Promise<{ readonly sender: SenderId; readonly chats: readonly ChatId[] }>;
  deny(who: string, by: string): Promise<{ readonly sender: SenderId }>;
  pair(by: string): Promise<{ readonly code: string; readonly expiresAt: number }>;
}
/** People with several ids. All but `list` throw RejectedError with a sentence for a person. */
export interface HttpPeople {
  list(): Promise<readonly HttpPerson[]>;
  link(senders: readonly SenderId[], name: string | undefined): Promise<HttpPerson>;
  unlink(sender: SenderId): Promise<void>;
}
export interface HttpPerson {
  readonly name: string;
  readonly senders: readonly SenderId[];
  readonly owner: boolean;
}

/** Groups, and which chats they have. */
export type HttpGroups = GroupPowers;

/** Accounts on platforms, and connecting them. All but `accounts` and `names` throw RejectedError. */
export interface HttpChannels {
  accounts(): Promise<Status["accounts"]>;
  /** Plugins that connect accounts. */
  names(): readonly string[];
  /** @returns the id of the attempt */
  begin(name: string, by: string): string;
  /** The step after that number, as soon as there is one; or after `ms` the one that still is. */
  next(name: string, attempt: string, after: number, ms: number): Promise<NumberedStep>;
  answer(name: string, attempt: string, number: number, value: string): void;
  cancel(name: string, attempt: string): void;
  /** @returns the variables that were forgotten */
  disconnect(name: string, account: string, by: string): Promise<readonly string[]>;
}

/** What was used of models, and what may be. */
export type HttpBudgets = Pick<Budgets, "report" | "lift">;

/** The emergency stop (G27). */
export interface HttpStopSwitch {
  readonly paused: Paused | undefined;
  /** Resolves when every sandbox is gone. */
  pause(by: string, reason: string): Promise<Halted>;
  /** Whether there was a pause to end. */
  resume(): Promise<boolean>;
}

export interface HttpLive {
  /** What a newcomer must be shown of live turns: for each a `delta` with `reset`, and its activity. */
  snapshot(chat: ChatId | undefined): readonly LiveEvent[];
}
