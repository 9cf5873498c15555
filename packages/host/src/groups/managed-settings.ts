/**
 * The engine's managed settings (`/etc/claude-code/managed-settings.json`): the layer that no other
 * settings file can override. It pins what a file that the agent wrote must not change, so that a
 * poisoned one cannot cut its group off from the model for good. It is no wall: the sandbox and the
 * broker are. Each pin was tried against CLI 2.1.330; groups/__tests__/engine-sees.test.ts holds them.
 *
 * What it cannot pin: hooks that block or hang (the group's own are allowed), and `claudeMdExcludes`,
 * whose lists are merged. They take a group's voice or memory until somebody mends the file.
 */

/** Where the broker is, seen from inside: the forwarder of the sandbox. */
const DOOR = "http://127.0.0.1:8080";

/**
 * @param deniedTools tools of the engine's own that no agent gets; the engine knows which and why
 * @param background whether an agent may leave work running after its turn
 */
export function managedSettings(deniedTools: readonly string[], background: boolean): string {
  return `${JSON.stringify(
    {
      permissions: { deny: deniedTools },
      // Run at every start for a key that nobody needs: one that hangs would hang the start.
      apiKeyHelper: "",
      // Else the engine asks a fixed address of its maker's about each page before it fetches it.
      skipWebFetchPreflight: true,
      // The engine deletes conversations after 30 days unless told otherwise; sessions resume by them.
      cleanupPeriodDays: 36_500,
      // Advice on commits that each turn would pay for.
      attribution: false,
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
        // Without memory, tools and settings.
        CLAUDE_CODE_SIMPLE: "0",
        ...(background ? {} : { CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1" }),
        // Memory is the group's CLAUDE.md.
        CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
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
