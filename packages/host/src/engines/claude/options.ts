/**
 * How the engine's program is run: what the SDK is told, and what its program gets to see.
 *
 * - The sandbox is the wall, so inside of it everything is allowed; what cannot work there, or would
 *   start a turn that the host did not start, is taken away by name.
 * - The group's own settings, memory, skills and hooks are loaded: they act inside the sandbox.
 * - No session store, no token callbacks: a forged line must find nothing to call (design 5.1). The one hook looks
 *   at text and answers yes or no (hygiene.ts).
 */
import type { Options } from "@anthropic-ai/claude-agent-sdk";
import type { EngineOpen } from "../../turns/engine.ts";
import { HYGIENE } from "./hygiene.ts";

/** Where the program is inside. */
export const PROGRAM = "/opt/bellhop/claude";

/**
 * Tools of the engine's own that an agent does not get:
 * those that wake or start turns later (only the host does), those that ask a person at a terminal
 * nobody sits at, and worktrees (a session is found again by its directory). WebFetch goes out by the
 * broker like any program's request; WebSearch runs at the provider.
 */
export const DISALLOWED_TOOLS: readonly string[] = [
  "ScheduleWakeup",
  "Workflow",
  "CronCreate",
  "CronDelete",
  "CronList",
  "Monitor",
  "RemoteTrigger",
  "PushNotification",
  "AskUserQuestion",
  "EnterPlanMode",
  "ExitPlanMode",
  "EnterWorktree",
  "ExitWorktree",
  "ListAgents",
  "ReportFindings",
  "Agent(statusline-setup)",
  "Agent(Plan)",
  "Agent(claude)",
];

/** The whole environment of the program, beyond what every sandbox has. No secret: the broker holds the key. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: "placeholder",
  // Only the broker and the turns retry; the program alone would try ten times.
  CLAUDE_CODE_MAX_RETRIES: "0",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_AUTOUPDATER: "1",
  // An agent's memory is its group's CLAUDE.md, where people can read it, and nothing beside.
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
  // Each turn would pay for them: skills of a developer's desk, and how to write commits. A group's own skills stay.
  CLAUDE_CODE_DISABLE_BUNDLED_SKILLS: "1",
  CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS: "1",
};
/** Nothing runs on after a turn. */
const WITHOUT_BACKGROUND = { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1" };

/** What the SDK adds for its program; nothing else of the host's passes. */
const PASSED_ON = [
  "CLAUDE_CODE_ENTRYPOINT",
  "CLAUDE_AGENT_SDK_VERSION",
  "CLAUDE_CODE_SDK_READS_SESSION_STATE",
] as const;

function environment(background: boolean): Record<string, string> {
  return { ...ENVIRONMENT, ...(background ? {} : WITHOUT_BACKGROUND) };
}

export function programEnvironment(
  fromSdk: Readonly<Record<string, string | undefined>>,
  background: boolean,
): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = fromSdk[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...environment(background), ...Object.fromEntries(passed) };
}

export function sessionOptions(
  {
    model,
    effort,
    instructions,
    resume,
    withoutSettings = false,
  }: Pick<EngineOpen, "model" | "effort" | "instructions" | "resume" | "withoutSettings">,
  background: boolean,
  plugins: readonly string[] = [],
): Options {
  return {
    model,
    ...(effort && { effort }),
    cwd: "/workspace/group",
    env: environment(background),
    permissionMode: "bypassPermissions",
    allowDangerouslySkipPermissions: true,
    permissionPrompts: "none",
    disallowedTools: [...DISALLOWED_TOOLS],
    settingSources: withoutSettings ? [] : ["user", "project", "local"],
    plugins: withoutSettings ? [] : plugins.map((path) => ({ type: "local", path })),
    // Rendered afresh by each program, so that a new name or time zone is known without a new session.
    systemPrompt: { type: "custom", prompt: instructions, snapshot: false },
    includePartialMessages: true,
    hooks: { PreToolUse: [HYGIENE] },
    mcpServersDelivery: "initialize",
    ...(resume && { resume: resume.engineSession }),
    ...(resume?.position !== undefined && { resumeSessionAt: resume.position }),
  };
}
