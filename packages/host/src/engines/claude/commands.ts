/**
 * The program's own commands that a person may type. Most are for somebody at a terminal: they change settings,
 * end the conversation or open dialogs that nobody sees here, and ours (`/new`, `/status`, `/model`) take their place.
 * So only the named ones are offered, and whatever the group has written for itself.
 */

/** What the program brings along and is of use in a chat. */
const USEFUL: readonly string[] = ["compact", "context"];

/** What CLI 2.1.330 brings along; what is not among them is the group's or a plugin's. */
const ITS_OWN: ReadonlySet<string> = new Set(
  (
    "deep-research dataviz update-config verify debug code-review simplify batch fewer-permission-prompts doctor " +
    "loop claude-api workflow-authoring run run-skill-generator plugin-authoring agents auto-mode-setup " +
    "autocompact clear color compact config output-style context effort fast focus heapdump init mcp model " +
    "__remote-workflow workflow-launch-exec reload-plugins reload-skills rename security-review usage insights " +
    "recap goal list-agents team-onboarding exit quit login logout cost review schedule resume"
  ).split(" "),
);

const NAME = /^[\w:-]{1,64}$/;
const MAX_OFFERED = 100;

/** Of those that the program lists, without the slash. */
export function offered(listed: readonly string[]): readonly string[] {
  return listed
    .filter((name) => NAME.test(name) && (USEFUL.includes(name) || !ITS_OWN.has(name)))
    .slice(0, MAX_OFFERED);
}
