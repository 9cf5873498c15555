/**
 * Plugins of Claude Code: `.claude-plugin/plugin.json`, `skills/`, `hooks/hooks.json`, `.mcp.json`. Their hooks
 * are commands that the engine runs in the sandbox already. Slash commands, subagents and language servers do
 * not come along.
 */
import { RejectedError } from "@bellhop/sdk";
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { jsonText } from "../../core/json-text.ts";
import { readMcpServers, skillFolders } from "./foreign-files.ts";
import { FILES, filesSkill, type ForeignPlugin, hostsIn, looksSecret } from "./foreign.ts";
import { textOf } from "./text-of.ts";

const WHAT = "a Claude Code plugin";
const TheirManifest = jsonText(
  z.object({
    name: z.string(),
    version: z.string().optional(),
    description: z.string().optional(),
  }),
);
const HooksFile = jsonText(z.object({ hooks: z.record(z.string(), z.json()).default({}) }));
/** Parts that do not come along, by their folder or file. */
const LOST = { commands: "slash commands", agents: "subagents", ".lsp.json": "language servers" } as const;
const ROOT = "${CLAUDE_PLUGIN_ROOT}";
const NOT_SEEN = ["skills", ".claude-plugin", ".mcp.json", "commands", "agents"];
/** Of the engine, and not for anybody to set. */
const OF_THE_ENGINE = /^CLAUDE_/;

/** @returns undefined where the folder is none */
export async function readClaudePlugin(folder: string): Promise<ForeignPlugin | undefined> {
  const entries = await readdir(folder);
  const text = await textOf(join(folder, ".claude-plugin", "plugin.json"));
  if (text === undefined) return undefined;
  const read = TheirManifest.safeParse(text);
  if (!read.success) {
    throw new RejectedError(`It is ${WHAT} whose plugin.json cannot be read: ${z.prettifyError(read.error)}`);
  }
  const { name, version = "", description } = read.data;
  const skills = await skillFolders(folder, "skills");
  const mcpServers = await readMcpServers(join(folder, ".mcp.json"));
  const hooks = HooksFile.safeParse((await textOf(join(folder, "hooks", "hooks.json"))) ?? "{}");
  if (!hooks.success)
    throw new RejectedError(`Its hooks/hooks.json cannot be read: ${z.prettifyError(hooks.error)}`);
  const lost = Object.entries(LOST)
    .filter(([part]) => entries.includes(part))
    .map(([, words]) => `Its ${words} are left out: only skills, hooks and MCP servers are taken over.`);
  if (
    skills.length === 0 &&
    Object.keys(mcpServers).length === 0 &&
    Object.keys(hooks.data.hooks).length === 0
  ) {
    throw new RejectedError([`${name} has nothing that works here.`, ...lost].join(" "));
  }
  const skillTexts = await Promise.all(
    skills.map((skill) => readFile(join(folder, skill, "SKILL.md"), "utf8")),
  );
  const settings = JSON.stringify([mcpServers, hooks.data.hooks]);
  // What they run of the plugin's own; what is in its skills is seen there anyway.
  const seen = settings.includes(ROOT) ? entries.filter((entry) => !NOT_SEEN.includes(entry)) : [];
  const moved = (text: string) =>
    text.replaceAll(/\$\{CLAUDE_PLUGIN_ROOT\}\/(?!skills\/)/g, `${ROOT}/${FILES}/`);
  const Moved = jsonText(z.tuple([z.record(z.string(), z.json()), z.record(z.string(), z.json())]));
  const [servers, engineHooks] = Moved.parse(moved(settings));
  const variables = [...settings.matchAll(/\$\{([A-Z][A-Z0-9_]{0,63})(?::-[^}]*)?\}/g)].map(
    ([, one = ""]) => one,
  );
  return {
    what: WHAT,
    manifest: {
      name: basename(name)
        .toLowerCase()
        .replaceAll(/[^a-z0-9-]+/g, "-"),
      version: /^\d+\.\d+\.\d+$/.test(version) ? version : "0.0.0",
      ...(description === undefined ? {} : { description: description.trim().slice(0, 500) }),
      skills: seen.length > 0 ? [...skills, FILES] : skills,
      mcpServers: servers,
      engineHooks,
    },
    variables: [...new Set(variables)]
      .filter((one) => !OF_THE_ENGINE.test(one))
      .map((one) => ({ name: one, secret: looksSecret(one) })),
    hosts: hostsIn([...skillTexts, settings].join("\n")),
    lost,
    seen,
    files: seen.length > 0 ? { "SKILL.md": filesSkill(name) } : {},
    moves: {},
  };
}
