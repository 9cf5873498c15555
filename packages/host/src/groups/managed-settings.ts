/**
 * The engine's managed settings (`/etc/claude-code/managed-settings.json`): the layer that no other
 * settings file can override. It pins what a file that the agent wrote must not change, so that a
 * poisoned one cannot cut its group off from the model for good. It is no wall: the sandbox and the
 * broker are.
 */

/** Only the host starts turns (design 5.1): whatever would wake the agent by itself. */
export const SELF_STARTING_TOOLS = [
  "ScheduleWakeup",
  "Workflow",
  "CronCreate",
  "CronDelete",
  "CronList",
  "RemoteTrigger",
] as const;

/** Where the broker is, seen from inside: the forwarder of the sandbox. */
const DOOR = "http://127.0.0.1:8080";

export function managedSettings(): string {
  return `${JSON.stringify(
    {
      permissions: { deny: SELF_STARTING_TOOLS },
      // The engine deletes conversations after 30 days unless told otherwise; sessions resume by them.
      cleanupPeriodDays: 36_500,
      env: {
        ANTHROPIC_BASE_URL: DOOR,
        HTTP_PROXY: DOOR,
        HTTPS_PROXY: DOOR,
        http_proxy: DOOR,
        https_proxy: DOOR,
        NO_PROXY: "localhost,127.0.0.1",
        no_proxy: "localhost,127.0.0.1",
        // Each would send model calls elsewhere, where nothing answers.
        CLAUDE_CODE_USE_BEDROCK: "0",
        CLAUDE_CODE_USE_VERTEX: "0",
        CLAUDE_CODE_USE_FOUNDRY: "0",
        // Only the broker and the turn retry.
        CLAUDE_CODE_MAX_RETRIES: "0",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      },
    },
    null,
    2,
  )}\n`;
}
