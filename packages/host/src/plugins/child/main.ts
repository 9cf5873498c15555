/**
 * A plugin's own process: loads its module when the host says so, and does what the host asks of it.
 *
 * - It hears the host over descriptor 3 alone, and ends when that closes. What the plugin prints is the log's.
 * - What the host sends is taken as it is: the host has parsed it. What goes to the host is parsed there. So this
 *   program needs no library for that, and an idle plugin stays small.
 * - The environment comes over the line and not by exec, so that `/proc` shows none of it.
 */
import { ConfigError, type Json, type PluginModule, RejectedError } from "@bellhop/sdk";
import { Socket } from "node:net";
import { flushCompileCache } from "node:module";
import { pathToFileURL } from "node:url";
import { createLink } from "../link/link.ts";
import { type Accounts, createAccounts } from "./accounts.ts";
import { runAuth, runCommand } from "./asked.ts";
import { contextFor } from "./context.ts";
import { requestFrom, responseOf } from "./routes.ts";
import type { Start } from "./start.ts";

const LINE = 3;

let plugin: PluginModule | undefined;
let accounts: Accounts | undefined;
const ending = new AbortController();

const link = createLink({
  stream: new Socket({ fd: LINE, readable: true, writable: true }),
  // The fields that the host's side of each method writes (plugins/active.ts).
  serve: (method, params, signal) => serve(method, params as Asked, signal),
  hear: () => undefined,
  onBroken: (why) => process.stderr.write(`the host sent something odd: ${why}\n`),
  onClosed: () => process.exit(0),
  other: "Bellhop",
});

/** What the host asks with, of all methods together. */
interface Asked extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly event: Json;
  readonly input: Json;
  readonly call: { readonly group: string; readonly chat: string; readonly turn: string };
}

async function serve(method: string, params: Asked, signal: AbortSignal): Promise<unknown> {
  switch (method) {
    case "ping":
      return { rss: process.memoryUsage.rss(), health: accounts?.health() ?? [] };
    case "start":
      return await start(params as unknown as Start);
    case "end":
      ending.abort();
      setImmediate(() => link.close("it was told to end"));
      return undefined;
    case "hook":
      return await hook(params.name, params.event);
    case "tool": {
      const tool = loaded().tools?.[params.name];
      if (!tool) throw new RejectedError(`the plugin has no tool ${params.name}`);
      return await tool(params.input, { ...params.call, signal });
    }
    case "route": {
      const { routes } = loaded();
      if (!routes) throw new RejectedError("the plugin answers no requests");
      return responseOf(link, await routes(await requestFrom(link, params)));
    }
    case "command":
      return await runCommand(link, loaded(), params, signal);
    case "auth":
      return await runAuth(link, loaded(), params, signal);
    default:
      if (!accounts) throw new RejectedError("the plugin has no accounts");
      return await accounts.serve(method, params, signal);
  }
}

function loaded(): PluginModule {
  if (!plugin) throw new RejectedError("the plugin has not started");
  return plugin;
}

async function start(told: Start): Promise<object> {
  Object.assign(process.env, told.environment);
  const { default: make } = (await import(pathToFileURL(told.entry).href)) as { default: unknown };
  if (typeof make !== "function") {
    throw new ConfigError(
      `${told.entry} must export its plugin as the default: export default definePlugin((context) => ({ … }))`,
    );
  }
  const made: unknown = await make(contextFor(link, told, ending.signal));
  if (typeof made !== "object" || made === null) {
    throw new ConfigError(`the function that ${told.entry} exports must return what the plugin has`);
  }
  // Each of its parts is looked at where it is used.
  plugin = made;
  accounts = createAccounts(link, plugin.channels ?? []);
  flushCompileCache();
  return {
    channels: accounts.described,
    hooks: namesOf(plugin.hooks),
    tools: namesOf(plugin.tools),
    commands: namesOf(plugin.commands),
    auth: typeof plugin.auth === "function",
    routes: typeof plugin.routes === "function",
  };
}

/** Those that can be called. */
function namesOf(parts: object | undefined): string[] {
  return Object.entries(parts ?? {}).flatMap(([name, part]) => (typeof part === "function" ? name : []));
}

async function hook(name: string, event: Json): Promise<unknown> {
  const { hooks } = loaded();
  // Each takes the event of its own name, which the host sends with it.
  const wanted = (hooks as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof wanted !== "function") return undefined;
  return ((await wanted.call(hooks, event)) as unknown) ?? undefined;
}
