/**
 * What chat commands need of the host. Declared here by their user; `main.ts` joins it to the parts that
 * implement it.
 */
import type { Budgets } from "../../budgets/budgets.ts";
import type { GroupConfig } from "../../config.ts";
import type { GroupChange } from "../../config/sections.ts";
import type { DeadLetterId } from "../../core/dead.ts";
import type { ChatId, GroupFolder, SessionId } from "../../core/ids.ts";
import type { Paused } from "../../core/pause.ts";
import type { Status } from "../../core/status.ts";
import type { TrustPowers } from "../../policy/trust-powers.ts";
import type { TaskPowers } from "../../scheduler/desk.ts";
import type { Senders } from "../senders.ts";
import type { Which, Why } from "../../store/why.ts";

export interface Powers {
  /** Ends the session's turn for good, also one that waits for another attempt. Resolves when it is over. */
  stop(session: SessionId, why: string): Promise<"stopped" | "nothing">;
  /** The same for the runs of tasks that answer in this chat, each in a conversation of its own. How many. */
  stopTasks(chat: ChatId, why: string): Promise<number>;
  /** Closes the session's warm sandbox, if it has one. */
  closeRoom(session: SessionId): Promise<void>;
  /** What holds for the group: chosen by command, else as configured. */
  settingsOf(group: GroupFolder): Pick<GroupConfig, "queue" | "model">;
  /** `null` goes back to what is configured. */
  choose(group: GroupFolder, change: Pick<GroupChange, "queue" | "model">): Promise<void>;
  /** What runs and what waits in the group's chats. */
  work(group: GroupFolder): Promise<Pick<Status, "turns" | "waiting">>;
  host(): Promise<Status>;
  why(chat: ChatId, which: Which): Promise<Why | undefined>;
  /** What was given up is done once more. False where it is none any more. @throws RejectedError with a sentence */
  retry(id: DeadLetterId): Promise<boolean>;
  /** Why the session waits. */
  explain(session: SessionId, groupId: number): string;
  /** The tasks of a group; `main`'s owner has all of them. All throw RejectedError with a sentence for a person. */
  tasks(
    group: GroupFolder,
    who: string,
  ): Pick<TaskPowers, "list" | "show" | "pause" | "resume" | "cancel" | "run">;
  /** Answering what agents asked for. */
  readonly approvals: Pick<TrustPowers, "decide" | "refused">;
  /** Who may speak. All throw RejectedError with a sentence for a person. */
  readonly senders: Pick<Senders, "list" | "allow" | "deny">;
  /** The chat belongs to the group from now on. */
  bind(chat: ChatId, group: GroupFolder): Promise<void>;
  /** What was used of models, and what may be. `lift` throws RejectedError with a sentence for a person. */
  readonly budgets: Pick<Budgets, "lately" | "stateOf" | "lift">;
  /** The emergency stop. */
  readonly emergency: {
    readonly paused: Paused | undefined;
    /** Resolves when every sandbox is gone. */
    pause(by: string, reason: string): Promise<{ readonly sandboxes: number; readonly kept: boolean }>;
    /** Whether there was a pause to end. */
    resume(): Promise<boolean>;
  };
  now(): number;
}
