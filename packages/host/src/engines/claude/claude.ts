/**
 * The Claude engine: the Claude Agent SDK's `query()` here in the host, in streaming-input mode, and
 * only its native program in the sandbox (design 5.1).
 */
import type { AgentEngine } from "../../turns/engine.ts";
import { locateClaude } from "./cli.ts";
import { PROGRAM } from "./options.ts";
import { TAKES } from "./prompt-feed.ts";
import { openSession, type SessionDeps } from "./session.ts";
import { measureTranscript } from "./transcript.ts";

export interface ClaudeEngineOptions extends SessionDeps {
  /** Host path of the native program. @default the one that belongs to the installed SDK */
  readonly program?: string;
}

/** @throws ConfigError when the SDK's native program is not installed */
export function createClaudeEngine({ program = locateClaude(), ...deps }: ClaudeEngineOptions): AgentEngine {
  return {
    name: "claude",
    steers: true,
    takes: TAKES,
    mounts: [{ source: program, target: PROGRAM, mode: "ro" }],
    open: (options) => openSession(deps, options),
    measure: measureTranscript,
  };
}
