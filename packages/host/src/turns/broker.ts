/**
 * What the turns need of the broker: a door per sandbox. The socket is the identity; what passes
 * through it belongs to the live turn, and without one nothing passes (design: only the host
 * starts turns).
 */
import type { GroupFolder, SandboxId, SessionId, TurnId } from "../core/ids.ts";
import type { EngineFailure } from "./engine.ts";

export interface DoorSpec {
  readonly sandbox: SandboxId;
  readonly group: GroupFolder;
  readonly session: SessionId;
  /** Owner of the socket, where the host runs as root; else undefined. */
  readonly uid?: number | undefined;
}

export interface Door {
  /** Host directory with `broker.sock` in it; mounted at `/run/bellhop`. */
  readonly directory: string;
  /** Model calls are served, metered and attributed while a turn is set. */
  setTurn(turn: TurnId | undefined): void;
  /**
   * What the provider's last answer to this sandbox was, if it was an error: the first word on how
   * an attempt is classified. Cleared by a success and by `setTurn`.
   */
  lastFailure(): EngineFailure | undefined;
  close(): Promise<void>;
}

export interface Broker {
  /** Of the model API in use: `anthropic`, `rehearsal`, … A session remembers it. */
  readonly provider: string;
  openDoor(spec: DoorSpec): Promise<Door>;
  close(): Promise<void>;
}

/** One call of a model, as the broker saw it. Tokens are the provider's own count. */
export interface Usage {
  readonly turn: TurnId;
  readonly session: SessionId;
  readonly group: GroupFolder;
  readonly provider: string;
  readonly modelAsked: string;
  readonly modelServed: string;
  readonly kind: "turn" | "compaction" | "subagent" | "background";
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  /** Millionths of a US dollar, by the price table `prices`; null where no price is known, 0 in rehearsal. */
  readonly costMicros: number | null;
  /** Version of the price table, `rehearsal` for the stand-in. */
  readonly prices: string;
  readonly httpStatus: number;
  readonly durationMs: number;
}

export type RecordUsage = (usage: Usage) => void;
