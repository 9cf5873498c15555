/**
 * What the turns need of the broker: a door per sandbox. The socket is the identity; what passes
 * through it belongs to the live turn, and without one nothing passes (design: only the host
 * starts turns).
 */
import type { Amount } from "../core/budget.ts";
import type { GroupFolder, SandboxId, SenderId, SessionId, TurnId } from "../core/ids.ts";
import type { TaskId } from "../core/task.ts";
import type { EngineFailure } from "./engine.ts";

export interface DoorSpec {
  readonly sandbox: SandboxId;
  readonly group: GroupFolder;
  readonly session: SessionId;
  /** The model route that the session is held over. */
  readonly provider: string;
  /** Owner of the socket, where the host runs as root; else undefined. */
  readonly uid?: number | undefined;
}

/** What a turn may spend. The broker asks before each call, and tells what the call has used after it. */
export interface Spending {
  /** Who pays beside group and install: see store/usage.ts. */
  readonly sender: SenderId | undefined;
  readonly task: TaskId | undefined;
  /** Why nothing may be spent any more, if that is so. */
  usedUp(): EngineFailure | undefined;
  /**
   * Whether a call may be made that may use `estimate`. While others are under way that leave too little for it,
   * it waits until they have told what they used; `gone` ends the wait.
   */
  reserve(estimate: Amount, gone: AbortSignal): Promise<Reserved>;
}

export type Reserved =
  /** `settle` once, with what was really used. */
  | { readonly may: true; readonly settle: (used: Amount) => void }
  | { readonly may: false; readonly failure: EngineFailure };

export interface Door {
  /** Host directory with `broker.sock` in it; mounted at `/run/bellhop`. */
  readonly directory: string;
  /**
   * Model calls are served, metered and attributed while a turn is set. What `spending` does not allow is
   * refused, and `lastFailure` says so; a call under way is not cut off.
   */
  setTurn(turn: TurnId | undefined, spending?: Spending): void;
  /**
   * What the provider's last answer to this sandbox was, if it was an error: the first word on how
   * an attempt is classified. Cleared by a success and by `setTurn`.
   */
  lastFailure(): EngineFailure | undefined;
  /**
   * How much work goes on beside the conversation. While there is some, calls of subagents are served
   * between turns too, on behalf of the last one. And once there has been some, a call that comes without a turn
   * waits a moment for it: the program goes on by itself with what has ended, and the host opens a turn for that.
   */
  setBackground(running: number): void;
  /** Calls to the model that are under way now: proof of life, however long they are silent. */
  asking(): number;
  /**
   * Gives a file inside the sandbox to `take`, as it comes, and how many bytes at most; only while a turn is set, which it ends with.
   * @throws RejectedError when it cannot be read there; whatever `take` throws
   */
  pull<T>(path: string, take: (source: AsyncIterable<unknown>, bytes?: number) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface Broker {
  /** The usual model route: `anthropic`, `rehearsal`, … A session remembers its own. */
  readonly provider: string;
  openDoor(spec: DoorSpec): Promise<Door>;
  /**
   * Whether the model API of this route takes our key, the one that holds now: a renewed one is used from here on.
   * @throws TemporaryError when it cannot be asked
   */
  keyWorks(provider: string): Promise<boolean>;
  close(): Promise<void>;
}
