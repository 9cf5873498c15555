/**
 * The program by which hooks that were made as modules (`register(context)` returns them by event) run as what
 * our engine calls: a command that reads one event and prints one answer. It runs in the sandbox, where
 * `CLAUDE_PLUGIN_ROOT` names what is seen of the plugin.
 */

import { FILES } from "./foreign.ts";

/** What modules may register for, as far as it can come of a command. */
export const ENGINE_EVENTS = [
  "PreToolUse",
  "PostToolUse",
  "UserPromptSubmit",
  "Stop",
  "SubagentStop",
  "PreCompact",
  "SessionStart",
  "SessionEnd",
  "Notification",
] as const;

const FILE = "bellhop-hooks.mjs";

const TEXT = `// Written by Bellhop when this plugin was added: calls the hooks of a module for one event.
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [module, event] = process.argv.slice(2);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const input = JSON.parse(Buffer.concat(chunks).toString("utf8"));
// What a module prints is for people; what this program prints is read by the engine.
console.log = console.error;

const place = resolve(dirname(fileURLToPath(import.meta.url)), module);
const { register } = await import(pathToFileURL(place).href);
const context = { env: { ...process.env }, groupFolder: process.env.BELLHOP_GROUP ?? "" };
const registered = typeof register === "function" ? ((await register(context)) ?? {}) : {};
const answer = {};
for (const { matcher, hooks = [] } of registered[event] ?? []) {
  const fits = !matcher || matcher === "*" || new RegExp("^(?:" + matcher + ")$").test(input.tool_name ?? "");
  if (!fits) continue;
  for (const hook of hooks) {
    const said = await hook(input, input.tool_use_id, { signal: new AbortController().signal });
    Object.assign(answer, said ?? {});
  }
}
process.stdout.write(JSON.stringify(answer));
`;

export const hookShim = {
  file: FILE,
  text: TEXT,
  command: (module: string, event: string) =>
    `/opt/bellhop/bin/node "\${CLAUDE_PLUGIN_ROOT}/${FILES}/${FILE}" ${module} ${event}`,
};
