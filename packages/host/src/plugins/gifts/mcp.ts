/**
 * The MCP servers that a plugin brings, as one group's sandbox has them. Pure.
 *
 * - A server on stdio is a program in the sandbox. A remote one is called by the agent's engine like any other
 *   host, so through the broker; secrets in its address and headers are placeholders, even revealed ones.
 * - The address of a remote server was read and approved when the plugin was added, so it is a rule: it may be
 *   called, and what an agent tells that server is not asked about. No more of its host than that address, except
 *   of the old kind (`sse`), whose servers name the address to write to themselves.
 */
import type { Manifest } from "@bellhop/sdk";
import { type EgressRule, hostOf } from "../../core/egress-rule.ts";
import { type Filled, filledIn, type Variables } from "./variables.ts";

type Server = Manifest["mcpServers"][string];

export interface Servers {
  readonly servers: Readonly<Record<string, Server>>;
  readonly rules: readonly EgressRule[];
  readonly problems: readonly string[];
}

/** @param root the plugin's folder inside */
export function serversOf(
  { mcpServers }: Pick<Manifest, "mcpServers">,
  { plain, placeholders, revealed }: Pick<Variables, "plain" | "placeholders" | "revealed">,
  root: string,
): Servers {
  const outside = { ...plain, ...placeholders, CLAUDE_PLUGIN_ROOT: root };
  const inside = { ...outside, ...revealed };
  const servers: Record<string, Server> = {};
  const rules: EgressRule[] = [];
  const problems: string[] = [];
  for (const [name, server] of Object.entries(mcpServers)) {
    const made = server.type === "stdio" ? filledStdio(server, inside) : filledRemote(server, outside);
    if ("missing" in made) {
      problems.push(`its MCP server ${name} is left out: ${made.missing} has no value`);
      continue;
    }
    if (made.server.type !== "stdio") {
      const rule = ruleFor(made.server);
      if (!rule) {
        problems.push(`its MCP server ${name} is left out: its address is none that can be called`);
        continue;
      }
      rules.push(rule);
    }
    servers[name] = made.server;
  }
  return { servers, rules, problems };
}

type Made = { readonly server: Server } | { readonly missing: string };
type Stdio = Extract<Server, { type: "stdio" }>;
type Remote = Exclude<Server, { type: "stdio" }>;

function filledStdio({ type, command, args, env }: Stdio, values: Readonly<Record<string, string>>): Made {
  const words = filledAll([command, ...args, ...Object.values(env)], values);
  if ("missing" in words) return words;
  const [first = "", ...rest] = words.texts;
  return {
    server: {
      type,
      command: first,
      args: rest.slice(0, args.length),
      env: named(Object.keys(env), rest.slice(args.length)),
    },
  };
}

function filledRemote({ type, url, headers }: Remote, values: Readonly<Record<string, string>>): Made {
  const words = filledAll([url, ...Object.values(headers)], values);
  if ("missing" in words) return words;
  const [address = "", ...rest] = words.texts;
  return { server: { type, url: address, headers: named(Object.keys(headers), rest) } };
}

function filledAll(
  texts: readonly string[],
  values: Readonly<Record<string, string>>,
): { readonly texts: readonly string[] } | { readonly missing: string } {
  const filled: string[] = [];
  for (const text of texts) {
    const one: Filled = filledIn(text, values);
    if ("missing" in one) return one;
    filled.push(one.text);
  }
  return { texts: filled };
}

const named = (keys: readonly string[], values: readonly string[]): Record<string, string> =>
  Object.fromEntries(keys.map((key, index) => [key, values[index] ?? ""]));

/** What the two kinds of remote servers are called with. */
const METHODS = ["GET", "POST", "DELETE"];

function ruleFor({ type, url }: Remote): EgressRule | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, pathname, username } = new URL(url);
  const host = hostOf(hostname);
  if (host === undefined || username !== "" || !/^https?:$/.test(protocol)) return undefined;
  const usual = protocol === "https:" ? 443 : 80;
  return {
    host,
    port: port === "" ? usual : Number(port),
    methods: [...METHODS],
    ...(type === "http" && { path: pathname }),
    action: "allow",
    write: true,
  };
}
