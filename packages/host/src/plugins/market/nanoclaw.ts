/**
 * Plugin folders of NanoClaw and its kin: a `plugin.json` of their own, `container-skills/`, `mcp.json`,
 * `Dockerfile.partial`, and `containerHooks`, which are modules that an agent's runner loads.
 *
 * What runs beside the agent comes along. What runs in their host (`hooks` of an `index.js`, channels) does not:
 * it expects another program around it. It is said which parts those are, and a plugin that is nothing else is
 * refused.
 */
import { RejectedError } from "@bellhop/sdk";
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { jsonText } from "../../core/json-text.ts";
import { ENGINE_EVENTS, hookShim } from "./hook-shim.ts";
import { FILES, filesSkill, type ForeignPlugin, hostsIn, looksSecret } from "./foreign.ts";
import { inScopeOf, readMcpServers, skillFolders } from "./foreign-files.ts";
import { textOf } from "./text-of.ts";

const WHAT = "a NanoClaw plugin";
const Names = z.array(z.string()).default([]);
const TheirManifest = z.object({
  name: z.string(),
  description: z.string().optional(),
  version: z.string().optional(),
  containerEnvVars: Names,
  publicEnvVars: Names,
  hooks: Names,
  containerHooks: Names,
  containerMounts: z.array(z.object({ hostPath: z.string(), containerPath: z.string() })).default([]),
  channelPlugin: z.boolean().default(false),
  channels: Names,
  groups: Names,
});
type TheirManifest = z.infer<typeof TheirManifest>;

const THEIR_KEYS = [
  "containerEnvVars",
  "publicEnvVars",
  "containerHooks",
  "containerMounts",
  "channelPlugin",
  "authSkill",
];
const SKILLS = "container-skills";
const THEIR_FILES = [SKILLS, "mcp.json", "Dockerfile.partial"];
const THEIR_HOOKS = ["onInboundMessage", "onOutboundMessage", "onChannel"];

/** @returns undefined where the folder is none */
export async function readNanoclaw(folder: string): Promise<ForeignPlugin | undefined> {
  const text = await textOf(join(folder, "plugin.json"));
  const raw = jsonText(z.record(z.string(), z.unknown())).safeParse(text ?? "").data;
  if (!raw || !(await isTheirs(folder, raw))) return undefined;
  const read = TheirManifest.safeParse(raw);
  if (!read.success) {
    throw new RejectedError(`It is ${WHAT} whose plugin.json cannot be read: ${z.prettifyError(read.error)}`);
  }
  return await converted(folder, read.data);
}

async function isTheirs(folder: string, raw: Readonly<Record<string, unknown>>): Promise<boolean> {
  if (THEIR_KEYS.some((key) => key in raw)) return true;
  if (Array.isArray(raw["hooks"]) && raw["hooks"].some((hook) => THEIR_HOOKS.includes(String(hook))))
    return true;
  // Ours says which folders are skills.
  const files = await readdir(folder);
  return !("skills" in raw) && THEIR_FILES.some((name) => files.includes(name));
}

async function converted(folder: string, theirs: TheirManifest): Promise<ForeignPlugin> {
  const name = theirs.name.toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  if (theirs.channelPlugin) {
    throw new RejectedError(
      `${theirs.name} is a channel for NanoClaw: it runs inside of that program and cannot be taken over. Bellhop's own channels are in bellhop plugins search channel.`,
    );
  }
  const skills = await skillFolders(folder, SKILLS);
  const mcpServers = await readMcpServers(join(folder, "mcp.json"));
  const layer = await textOf(join(folder, "Dockerfile.partial"));
  const brought = layer !== undefined && /^\s*(COPY|ADD)\s/im.test(layer);
  const hooks = await engineHooksOf(folder, theirs.containerHooks);
  const skillTexts = await Promise.all(
    skills.map((skill) => readFile(join(folder, skill, "SKILL.md"), "utf8")),
  );
  const lost = [
    ...(theirs.hooks.length === 0
      ? []
      : [
          `Its hooks in the host (${theirs.hooks.join(", ")}) are left out: they were made for another program.`,
        ]),
    ...(brought
      ? [
          "Its Dockerfile.partial copies files of its repository into the image, which a layer cannot; it is left out.",
        ]
      : []),
  ];
  // A skill is known by its folder's name.
  const moves: Record<string, string> = skills.includes(SKILLS) ? { [SKILLS]: `skills/${name}` } : {};
  const gives =
    skills.length > 0 ||
    Object.keys(mcpServers).length > 0 ||
    (layer !== undefined && !brought) ||
    hooks.some;
  if (!gives) {
    throw new RejectedError([`${theirs.name} has nothing that works here.`, ...lost].join(" "));
  }
  return {
    what: WHAT,
    manifest: {
      name,
      version: /^\d+\.\d+\.\d+$/.test(theirs.version ?? "") ? theirs.version : "0.0.0",
      ...(theirs.description === undefined ? {} : { description: theirs.description.trim().slice(0, 500) }),
      skills: [...skills.map((skill) => moves[skill] ?? skill), ...(hooks.some ? [FILES] : [])],
      mcpServers,
      engineHooks: hooks.settings,
      ...(layer === undefined || brought ? {} : { imageLayer: "Dockerfile.partial" }),
      mounts: theirs.containerMounts.map(({ hostPath, containerPath }) => ({
        source: hostPath,
        target: containerPath,
        allowAbsoluteContainerPath: containerPath.startsWith("/"),
      })),
      scope: { channels: inScopeOf(theirs.channels), groups: inScopeOf(theirs.groups) },
    },
    variables: [...new Set(theirs.containerEnvVars)].map((variable) => ({
      name: variable,
      secret: !theirs.publicEnvVars.includes(variable) && looksSecret(variable),
    })),
    hosts: hostsIn([...skillTexts, JSON.stringify(mcpServers), ...hooks.texts].join("\n")),
    lost,
    seen: hooks.some ? hooks.seen : [],
    files: hooks.some ? { [hookShim.file]: hookShim.text, "SKILL.md": filesSkill(name) } : {},
    moves,
  };
}

/** Their modules, called by a small program whenever one of the events happens that they name. */
async function engineHooksOf(folder: string, modules: readonly string[]) {
  const texts: string[] = [];
  const settings: Record<string, unknown[]> = {};
  for (const module of modules) {
    const text = /(^|\/)\.\.(\/|$)|^\//.test(module) ? undefined : await textOf(join(folder, module));
    if (text === undefined) throw new RejectedError(`Its hook ${module} is not there.`);
    if (!/^[A-Za-z0-9._/-]+$/.test(module)) {
      throw new RejectedError(
        `Its hook ${JSON.stringify(basename(module))} has a name that cannot be taken over.`,
      );
    }
    texts.push(text);
    // Which events they are for is known only once they run; those that the text names are few.
    for (const event of ENGINE_EVENTS.filter((name) => new RegExp(`\\b${name}\\b`).test(text))) {
      (settings[event] ??= []).push({
        hooks: [{ type: "command", command: hookShim.command(module, event) }],
      });
    }
  }
  const seen = [...new Set(modules.map((module) => module.replace(/^\.\//, "").split("/")[0] ?? module))];
  return { settings, texts, seen, some: Object.keys(settings).length > 0 };
}
