/** Files that plugins for other assistants have in common: skills, MCP servers, lists with a star for all. */
import { RejectedError } from "@bellhop/sdk";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { hasCode } from "../../core/error-code.ts";
import { jsonText } from "../../core/json-text.ts";

const Words = z.record(z.string(), z.string()).default({});
const Server = z.union([
  z.object({ type: z.enum(["http", "sse"]), url: z.string(), headers: Words }),
  z.object({
    type: z.literal("stdio").default("stdio"),
    command: z.string(),
    args: z.array(z.string()).default([]),
    env: Words,
  }),
]);
const Servers = z.record(z.string(), Server);
const McpFile = jsonText(
  z.union([z.object({ mcpServers: Servers }).transform((file) => file.mcpServers), Servers]),
);

/** The folder itself where it is a skill, else those in it that are. Paths in the plugin's folder. */
export async function skillFolders(folder: string, below: string): Promise<readonly string[]> {
  const entries = await filesOf(join(folder, below));
  if (entries.some(({ name }) => name === "SKILL.md")) return [below];
  const inside = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory())
      .map(async ({ name }) => {
        const files = await filesOf(join(folder, below, name));
        return files.some((file) => file.name === "SKILL.md") ? [`${below}/${name}`] : [];
      }),
  );
  return inside.flat().toSorted();
}

/** As our manifest has them. @throws RejectedError for a file that cannot be read as one */
export async function readMcpServers(file: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return {};
    throw error;
  }
  const read = McpFile.safeParse(text);
  if (!read.success)
    throw new RejectedError(`Its MCP servers cannot be read: ${z.prettifyError(read.error)}`);
  return Object.fromEntries(
    Object.entries(read.data).map(([name, server]) => [
      name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-"),
      server,
    ]),
  );
}

/** `["*"]` and nothing at all are everything. */
export function inScopeOf(names: readonly string[]): "all" | readonly string[] {
  return names.length === 0 || names.includes("*") ? "all" : names;
}

async function filesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
    throw error;
  }
}
