/**
 * The ACP engine: any agent that speaks the Agent Client Protocol, in the sandbox, driven with the
 * official SDK. What is particular to an agent is data: its command, what it needs mounted, its
 * environment. The protocol has no way to choose a model and none to offer tools of the host's, so
 * `model` and `tools` of `open` have no effect here.
 */
import type { AgentEngine } from "../../turns/engine.ts";
import type { Mount } from "../../turns/sandbox.ts";
import { openSession, type SessionDeps } from "./session.ts";

export interface AcpEngineOptions extends SessionDeps {
  /** What the agent's program needs inside, read-only. */
  readonly mounts: readonly Mount[];
}

export function createAcpEngine({ mounts, ...deps }: AcpEngineOptions): AgentEngine {
  return {
    name: "acp",
    steers: false,
    takes: [],
    mounts,
    open: (options) => openSession(deps, options),
  };
}
