/** A hook or a tool of a plugin, called by the rest of the host. */
import { type HookName, type Json, RejectedError, TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import type { KnownPlugin } from "../core/plugin.ts";
import type { PluginProcess } from "./process.ts";

const HOOK_MS = 5_000;

/** @throws TemporaryError where it did not answer in time, is not up, or failed */
export async function callHook(
  { name: plugin, manifest }: KnownPlugin,
  process: PluginProcess | undefined,
  name: HookName,
  event: Json,
): Promise<Json | undefined> {
  if (!manifest.hooks.includes(name))
    throw new RejectedError(`the plugin ${plugin} does not declare the hook ${name}`);
  const withinMs = manifest.hookTimeoutsMs[name] ?? HOOK_MS;
  try {
    return z
      .json()
      .optional()
      .parse(await up(plugin, process).call("hook", { params: { name, event }, withinMs }));
  } catch (cause) {
    if (cause instanceof TemporaryError) throw cause;
    throw new TemporaryError(`the hook ${name} of the plugin ${plugin} failed: ${wordsOf(cause)}`, { cause });
  }
}

/**
 * @throws RejectedError with its own sentence for the agent
 * @throws TemporaryError where it did not answer in time, is not up, or died
 */
export async function callTool(
  { name: plugin, manifest }: KnownPlugin,
  process: PluginProcess | undefined,
  name: string,
  input: Json,
  call: { readonly group: string; readonly chat: string; readonly turn: string },
): Promise<string> {
  const tool = manifest.tools.find((one) => one.name === name);
  if (!tool) throw new RejectedError(`the plugin ${plugin} does not declare the tool ${name}`);
  try {
    const params = { name, input, call };
    return z.string().parse(await up(plugin, process).call("tool", { params, withinMs: tool.timeoutMs }));
  } catch (cause) {
    if (cause instanceof TemporaryError || cause instanceof RejectedError) throw cause;
    throw new RejectedError(`${name} failed: ${wordsOf(cause)}`, { cause });
  }
}

function up(plugin: string, process: PluginProcess | undefined): PluginProcess {
  if (process) return process;
  throw new TemporaryError(`the plugin ${plugin} is not up just now; try again in a moment`);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
