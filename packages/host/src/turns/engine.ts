/**
 * What the turns need of an agent engine. `engines/` implements it; one contract suite judges
 * every engine. What an engine's program prints is the agent's: every field here was parsed, and
 * still none of it is believed where a power hangs on it (design: trust).
 */
import type { z } from "zod";
import type { InboxId } from "../core/ids.ts";
import type { Effort } from "../core/task.ts";
import type { Mount, PreparedSandbox } from "./sandbox.ts";

/** Why an attempt failed, sorted by what to do next (G22, G24). */
export type FailureClass =
  /** try again with backoff; counts an attempt */
  | "transient"
  /** wait as told; counts no attempt */
  | "rate_limited"
  /** no sandbox is to be had just now, whatever the work: wait; counts no attempt */
  | "unready"
  /** the credential is refused: stop, tell the owner */
  | "auth"
  /** trying again cannot help */
  | "permanent"
  /** the model declined, twice in a row */
  | "refused"
  /** the conversation is too long, and compaction did not help */
  | "overflow"
  /** the resume position is unknown: resume the session at its latest point */
  | "stale_position"
  /** the session is unknown: once fresh, with a recap */
  | "stale_session"
  /** memory, disk or process limits */
  | "resource"
  /** the engine's program died or broke its protocol */
  | "crashed"
  /** a command of a task's own went wrong, before any model was asked; counts an attempt */
  | "script"
  /** it has used up what it may spend */
  | "budget"
  | "cancelled";

export interface EngineFailure {
  readonly class: FailureClass;
  /** For the owner and the log; people get a sentence made from the class. */
  readonly detail: string;
  /** Where that says too little: what people are told beside "I stopped". */
  readonly words?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** A file given to the model itself, where the engine takes its type (`AgentEngine.takes`). */
export interface FileBlock {
  /** `image/png`, `application/pdf`, … */
  readonly type: string;
  readonly data: Buffer;
}

export interface Prompt {
  /** The uuid of the prompt: that of the (first) inbox row it carries. */
  readonly id: InboxId;
  /** Content blocks: the host block first, then one block a message with its exact text, its files behind it. */
  readonly blocks: readonly (string | FileBlock)[];
  /** It is one of the engine's own commands, as it was offered: the only block, taken literally. */
  readonly command?: boolean;
}

export type EngineEvent =
  /** The program is up. `engineSession` is its name of the conversation. */
  | { readonly type: "ready"; readonly engineSession: string }
  /** Its own commands that a person may type (`compact`, a skill's name), without the slash. */
  | { readonly type: "offers"; readonly commands: readonly string[] }
  /** These prompts were taken in by the answer under way. */
  | { readonly type: "consumed"; readonly prompts: readonly InboxId[] }
  /** A piece of visible text as it is generated. */
  | { readonly type: "delta"; readonly text: string }
  /** A whole block of visible text; the deltas before it were its pieces. */
  | { readonly type: "reply"; readonly text: string }
  /** Proof of life. `tool` while one runs; `forMs` where that one said how long it may take. */
  | { readonly type: "activity"; readonly tool?: string | undefined; readonly forMs?: number | undefined }
  /**
   * Work that runs on beside the conversation: how many pieces are under way now. With `ended` some of it
   * has ended, and the program goes on with that by itself; what follows, up to `done`, is its answer. During
   * a turn that belongs to it. Between turns, claim a turn of kind `background` before reading on.
   */
  | { readonly type: "background"; readonly running: number; readonly ended?: string | undefined }
  /** Where a later `open` may resume. Valid once the turn completed. */
  | { readonly type: "position"; readonly position: string }
  /**
   * The answer is complete, or failed. After a failure the session is closed: open a new one.
   * `carried` are prompts that were given but not consumed and that the program will now go on
   * with by itself: claim them for a new turn before reading on. All other prompts that were
   * given and not consumed are void and must be given again.
   */
  | {
      readonly type: "done";
      readonly failure?: EngineFailure | undefined;
      readonly carried: readonly InboxId[];
    }
  /**
   * The program is gone. Always the last event; the iterable ends after it. Without `failure`
   * because `close()` was called.
   */
  | { readonly type: "closed"; readonly failure?: EngineFailure | undefined };

export interface ToolResult {
  readonly text: string;
  readonly isError?: boolean;
}

/** A tool that the agent may ask of the host. Group and turn are bound by closure, input is parsed. */
export interface HostTool {
  readonly name: string;
  readonly description: string;
  /** Seldom wanted: the model sees its name, and how to use it once it looks that up. */
  readonly rare?: boolean;
  readonly input: z.ZodObject;
  /** Never throws for what the agent did wrong: that is a result with `isError`. */
  call(input: unknown, context: { readonly toolUseId: string }): Promise<ToolResult>;
}

export interface EngineOpen {
  /** Prepared side by side with the engine; awaited only where the program is spawned. */
  readonly sandbox: Promise<PreparedSandbox>;
  /** Absent: a fresh conversation. Without `position`: at its latest point. */
  readonly resume?: { readonly engineSession: string; readonly position?: string | undefined } | undefined;
  readonly model: string;
  /** How hard the model thinks; the engine's own default where it is not said, or not known to it. */
  readonly effort?: Effort | undefined;
  /** Appended to the engine's own system prompt: who the assistant is, where it is, what it may do. */
  readonly instructions: string;
  readonly tools: readonly HostTool[];
  /**
   * Inside paths of what plugins give: folders with skills, hooks and MCP servers, for an engine that knows such.
   * Known by the time the sandbox is.
   */
  readonly plugins?: Promise<readonly string[]> | undefined;
  /**
   * Leaves out the settings, hooks and memory that the agent can write, and what plugins give: they may be what
   * kept it from starting.
   */
  readonly withoutSettings?: boolean;
}

export interface EngineSession {
  /** Parsed events, in order. Iterated once. */
  readonly events: AsyncIterable<EngineEvent>;
  /**
   * Gives a prompt. Between turns it begins one. During one it steers (see `AgentEngine.steers`):
   * the engine decides when the program gets it, and says `consumed` when it was taken in.
   * With `onlySteer` it never begins one: it is void when the answer has just ended, though its `done`
   * was not read yet. Else the program would go on for nobody.
   */
  prompt(prompt: Prompt, onlySteer?: boolean): void;
  /** Ends the answer under way and cancels what was given and not consumed; `done` (cancelled) follows. */
  interrupt(): Promise<void>;
  /** Ends the program, gently and then by force. Resolves when its process tree is gone. */
  close(): Promise<void>;
}

export interface AgentEngine {
  readonly name: "claude" | "acp";
  /** Whether a prompt given during a turn may join it. */
  readonly steers: boolean;
  /** Types of files that it gives to the model itself: `image/png`, `application/pdf`, … */
  readonly takes: readonly string[];
  /** What the engine's program needs mounted, beyond the group's own folders. */
  readonly mounts: readonly Mount[];
  /** Never rejects for what the program does: that comes as `closed` with a failure. */
  open(options: EngineOpen): EngineSession;
  /**
   * How many bytes the engine has written down of a conversation; it only ever grows. One that is shorter
   * than it was is cut, and may be resumed without any error. Undefined where there is none to be found.
   */
  measure?(conversation: WrittenConversation): Promise<number | undefined>;
}

export interface WrittenConversation {
  /** Host path of the group's `~/.claude`. */
  readonly home: string;
  readonly engineSession: string;
}
