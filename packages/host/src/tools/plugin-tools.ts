/**
 * Tools of plugins, as agents in their scope have them: `<plugin>_<tool>`. They run in the plugin's process, for what
 * no placeholder can do (mail, shells, keyrings), and pass the same checks as the host's own (tool.ts).
 *
 * - What a tool changes outside needs leave under taint, like a message to another chat; what only reads needs none.
 * - It is in the journal before it is begun, because what happens elsewhere cannot be taken back with our transaction:
 *   a second attempt is told that it was begun, and what came of it where that is known.
 * - What it brings in of others' words taints before the agent has it. An answer is cut to 1 MiB and holds no secret
 *   that we know.
 */
import { BellhopError, type Json, type Manifest, RejectedError, TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import type { GroupFolder, SessionId } from "../core/ids.ts";
import { type ActivePlugin, inScope } from "../core/plugin.ts";
import type { EffectClass } from "../policy/policy.ts";
import { amend } from "../store/journal.ts";
import type { HostTool } from "../turns/engine.ts";
import { leaveFor } from "./leave.ts";
import { type Allowance, bindTool, type ToolContext, type ToolDefinition, type ToolParts } from "./tool.ts";

type Tool = Manifest["tools"][number];

/** With `mcp__bellhop__` before it, a name of a tool has 64 characters at most. */
const LONGEST_NAME = 50;
const MOST_BYTES = 1024 * 1024;
/** In the journal: who is told of it later has to recognise it. */
const MOST_KEPT = 4_000;
/** More than so many are shown by name alone until one is wanted. */
const MOST_SHOWN = 10;

const EFFECTS = { read: "read", act: "network", send: "speak-elsewhere" } as const satisfies Record<
  Tool["effect"],
  EffectClass
>;

export function toolName(plugin: string, tool: string): string {
  return `${plugin.replaceAll("-", "_")}_${tool}`;
}

/** @param taken names of the host's own, which no plugin can have */
export function pluginTools(
  { session, group }: { readonly session: SessionId; readonly group: GroupFolder },
  parts: ToolParts,
  allowance: Allowance,
  taken: readonly string[],
): readonly HostTool[] {
  const names = new Set(taken);
  const definitions = parts.plugins
    .active()
    .filter(({ installed }) => inScope(installed.scope, group))
    .flatMap((plugin) =>
      plugin.manifest.tools.flatMap((tool) => {
        const name = toolName(plugin.name, tool.name);
        const input = inputOf(tool);
        if (names.has(name) || "problem" in input || name.length > LONGEST_NAME) return [];
        names.add(name);
        return { plugin: plugin.name, tool, name, input: input.schema };
      }),
    );
  const rare = definitions.length > MOST_SHOWN;
  return definitions.map(({ plugin, tool, name, input }) => {
    const definition: ToolDefinition<z.ZodObject> = {
      name,
      description: tool.description,
      rare,
      effect: EFFECTS[tool.effect],
      input,
      run: (given, context) => run(plugin, tool, { name, given }, context),
    };
    return bindTool(definition, session, parts, allowance);
  });
}

/** Why tools of a plugin are not offered, a sentence each. */
export function problemsOfTools(
  { name, manifest: { tools } }: Pick<ActivePlugin, "name" | "manifest">,
  taken: readonly string[],
): readonly string[] {
  return tools.flatMap((tool) => {
    const full = toolName(name, tool.name);
    const input = inputOf(tool);
    if ("problem" in input) return `its tool ${tool.name} is not offered: ${input.problem}`;
    if (taken.includes(full))
      return `its tool ${tool.name} is not offered: there is another one called ${full}`;
    if (full.length > LONGEST_NAME) return `its tool ${tool.name} is not offered: ${full} is too long a name`;
    return [];
  });
}

async function run(
  name: string,
  tool: Tool,
  { name: full, given }: { readonly name: string; readonly given: Record<string, unknown> },
  context: ToolContext,
): Promise<string> {
  const { claim, parts, toolUseId } = context;
  const { chat, turn } = claim;
  const plugin = parts.plugins.active().find((one) => one.name === name);
  if (!plugin?.manifest.tools.some((one) => one.name === tool.name)) {
    throw new RejectedError(`The plugin ${name} does not offer this any more.`);
  }
  if (!inScope(plugin.installed.scope, chat.folder, chat.id)) {
    throw new RejectedError(`The plugin ${name} is not for this chat.`);
  }
  const input = z.json().parse(given);
  const call = { group: chat.folder, chat: chat.id, turn };
  const answer = async () => await answered(plugin, tool, input, call, context);
  if (tool.effect === "read") return await answer();

  const words = canonical(input);
  const spend = await leaveFor(context, {
    effect: EFFECTS[tool.effect],
    target: `tool:${name}/${tool.name}`,
    words: `use ${tool.name} of the plugin ${name}: ${words}`,
    detail: { plugin: name, tool: tool.name, input: words },
  });
  await parts.turns.perform(claim, spend, () => ({ toolUseId, tool: full, input, result: BEGUN }));
  const became = async (result: string | undefined) =>
    await parts.turns.perform(claim, (trx) => amend(trx, turn, toolUseId, result));
  try {
    const text = await answer();
    await became(kept(text));
    return text;
  } catch (error) {
    if (!(error instanceof BellhopError)) throw error;
    if (!(error instanceof RejectedError)) {
      throw new TemporaryError(`${error.message} ${UNSURE}`, { cause: error });
    }
    await became(undefined); // only a refusal says that nothing was done
    throw error;
  }
}

const UNSURE = "It may have been done all the same: look before you do it again.";
const BEGUN = `It was begun, and no answer came. ${UNSURE}`;

async function answered(
  plugin: ActivePlugin,
  tool: Tool,
  input: Json,
  call: Parameters<ActivePlugin["tool"]>[2],
  { claim, parts }: ToolContext,
): Promise<string> {
  const taint = async () => {
    if (!tool.taints) return;
    await parts.trust.taint.mark(claim.session.id, `an answer of ${tool.name} of the plugin ${plugin.name}`);
  };
  let text: string;
  try {
    text = await plugin.tool(tool.name, input, call);
  } catch (error) {
    if (!(error instanceof BellhopError)) throw error;
    await taint(); // what it says may be quoted from outside too
    throw error instanceof RejectedError
      ? new RejectedError(parts.secrets.hide(error.message), { cause: error })
      : error;
  }
  await taint();
  return parts.secrets.hide(cut(text));
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= MOST_BYTES) return text;
  const whole = new TextDecoder().decode(Buffer.from(text).subarray(0, MOST_BYTES), { stream: true });
  return `${whole}\n(The answer was longer than ${MOST_BYTES / 2 ** 20} MiB, and is cut here.)`;
}

function kept(result: string): string {
  return result.length <= MOST_KEPT ? result : `${result.slice(0, MOST_KEPT).toWellFormed()}… (cut)`;
}

type Input = { readonly schema: z.ZodObject } | { readonly problem: string };

function inputOf({ input }: Tool): Input {
  try {
    const schema = z.fromJSONSchema(withoutPatterns(input));
    if (schema instanceof z.ZodObject) return { schema };
    return { problem: "its input is no plain object with properties" };
  } catch (cause) {
    return { problem: cause instanceof Error ? cause.message : String(cause) };
  }
}

/**
 * Patterns of the plugin's would be matched here against text of the agent's, and there are patterns that take for
 * ever. The plugin checks them itself; the agent is told of them.
 */
function withoutPatterns(schema: Tool["input"]): Record<string, z.core.util.JSONType> {
  const walked = walk(schema);
  return typeof walked === "object" && walked !== null && !Array.isArray(walked) ? walked : {};

  function walk(value: z.core.util.JSONType): z.core.util.JSONType {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(walk);
    const { pattern, ...rest } = value;
    const inner = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, walk(one)]));
    if (typeof pattern !== "string")
      return pattern === undefined ? inner : { ...inner, pattern: walk(pattern) };
    const about = typeof inner["description"] === "string" ? `${inner["description"]} ` : "";
    return { ...inner, description: `${about}(matches ${pattern})` };
  }
}

/** One text for one input, whatever order it was written in. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
