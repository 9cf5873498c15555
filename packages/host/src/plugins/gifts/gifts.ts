/**
 * What plugins give agents: skills, MCP servers, hooks of the engine, programs, variables, rules for the network
 * and mounts, for the groups in their scope.
 *
 * - What is slow (reading skills, unpacking programs) is done when plugins change, not when a sandbox opens.
 *   Whatever cannot be used is left out and told of in `status`; the rest of its plugin is given.
 * - A group's sandboxes see what is there when they open. `markOf` says whether that is still so.
 * - What is given is given while the plugin is enabled, and not a moment longer: rules are asked of it anew each
 *   time.
 */
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { BellhopError, RejectedError } from "@bellhop/sdk";
import { codeOf } from "../../core/error-code.ts";
import type { PlacedRule } from "../../core/egress-rule.ts";
import type { GroupFolder } from "../../core/ids.ts";
import type { WantedMount } from "../../core/mount-policy.ts";
import { type ActivePlugin, inScope, type Plugins } from "../../core/plugin.ts";
import type { Log } from "../../log.ts";
import type { Mount } from "../../turns/sandbox.ts";
import { unapproved } from "../asks.ts";
import type { Archives, ArchiveState, Unpacked } from "./archives.ts";
import { compose, type Content, insideOf, markOfContent } from "./folder.ts";
import { type Servers, serversOf } from "./mcp.ts";
import { type Rules, rulesOf } from "./rules.ts";
import { markOf as markOfTree, readTree, type TreeFile, writeTree } from "./tree.ts";
import { type SecretOf, type Variables, variablesOf } from "./variables.ts";

export interface GiftsParts {
  readonly plugins: Pick<Plugins, "active">;
  /** `run/gifts`; empty at first. */
  readonly folder: string;
  readonly archives: Pick<Archives, "of">;
  readonly secretOf: SecretOf;
  readonly log: Log;
}

/** What was made ready of one plugin, for all groups. */
interface Ready {
  readonly manifest: ActivePlugin["manifest"];
  readonly folder: string;
  readonly skills: string | undefined;
  readonly skillNames: readonly string[];
  readonly archives: readonly ArchiveState[];
  readonly rules: Rules;
  readonly problems: readonly string[];
}

/** What one plugin gives one group. */
interface Share {
  readonly content: Content;
  readonly variables: Variables;
  readonly servers: Servers;
}

export type Gifts = ReturnType<typeof createGifts>;

export function createGifts({ plugins, folder, archives, secretOf, log }: GiftsParts) {
  let ready: ReadonlyMap<string, Ready> = new Map();

  async function prepared(plugin: ActivePlugin): Promise<Ready> {
    const { name, manifest, folder: source } = plugin;
    const problems: string[] = [];
    const names = manifest.skills.map((skill) => basename(skill));
    const trees: TreeFile[] = [];
    for (const [index, skill] of manifest.skills.entries()) {
      const own = basename(skill);
      try {
        if (names.indexOf(own) !== index) throw new RejectedError(`another one is called ${own} too`);
        const files = await readTree(join(source, skill));
        if (!files.some(({ path }) => path === "SKILL.md"))
          throw new RejectedError("there is no SKILL.md in it");
        trees.push(...files.map((file) => ({ ...file, path: `${own}/${file.path}` })));
      } catch (error) {
        problems.push(`its skill ${skill} is left out: ${wordsOf(error)}`);
      }
    }
    const skills = trees.length === 0 ? undefined : join(folder, `skills-${markOfTree(trees)}`);
    if (skills !== undefined) await writeTree(skills, trees);
    for (const problem of problems) log.warn({ plugin: name }, problem);
    return {
      manifest,
      folder: source,
      skills,
      skillNames: [...new Set(trees.map(({ path }) => path.split("/", 1)[0] ?? ""))],
      archives: await archives.of(manifest.archives, source),
      rules: rulesOf(manifest),
      problems,
    };
  }

  /** Those of the group that were made ready as they are now. */
  function given(group: GroupFolder): { readonly plugin: ActivePlugin; readonly made: Ready }[] {
    return plugins.active().flatMap((plugin) => {
      const made = ready.get(plugin.name);
      const fits = made && made.folder === plugin.folder && same(made.manifest, plugin.manifest);
      return fits && inScope(plugin.installed.scope, group) ? { plugin, made } : [];
    });
  }

  function shareOf(plugin: ActivePlugin, made: Ready, group: GroupFolder): Share {
    const variables = variablesOf(plugin, group, secretOf);
    const servers = serversOf(plugin.manifest, variables, insideOf(plugin.name));
    const programs = made.archives.filter((one): one is Unpacked => "source" in one);
    const content = { manifest: plugin.manifest, servers: servers.servers, skills: made.skills, programs };
    return { content, variables, servers };
  }

  const sharesOf = (group: GroupFolder) =>
    given(group).map(({ plugin, made }) => shareOf(plugin, made, group));

  /** Of two plugins that set the same variable, the first by name has it. */
  function environmentOf(group: GroupFolder): Readonly<Record<string, string>> {
    const all = sharesOf(group).toReversed();
    return Object.assign(
      {},
      ...all.map(({ variables: { plain } }) => plain),
      ...all.map(({ variables: { placeholders } }) => placeholders),
      ...all.map(({ variables: { revealed } }) => revealed),
    ) as Readonly<Record<string, string>>; // assign() says any
  }

  return {
    /** Makes ready what the active plugins give. What two calls at once do is the same. */
    async prepare(): Promise<void> {
      const made = new Map<string, Ready>();
      for (const plugin of plugins.active()) made.set(plugin.name, await prepared(plugin));
      ready = made;
    },

    /** What a sandbox of the group sees below `/workspace/plugins`. */
    async mounts(group: GroupFolder): Promise<readonly Mount[]> {
      const composed = await Promise.all(sharesOf(group).map(({ content }) => compose(folder, content)));
      return composed.flat();
    },

    /** For every program in the group's sandboxes. */
    environment: environmentOf,

    /** Secrets that the group's sandboxes have as they are. */
    revealedTo: (group: GroupFolder): readonly { readonly plugin: string; readonly variable: string }[] =>
      given(group).flatMap(({ plugin, made }) =>
        Object.keys(shareOf(plugin, made, group).variables.revealed).map((variable) => ({
          plugin: plugin.name,
          variable,
        })),
      ),

    /** Changes when a sandbox that opens now would see something else. */
    markOf(group: GroupFolder): string {
      const all = JSON.stringify([
        sharesOf(group).map(({ content }) => markOfContent(content)),
        environmentOf(group),
        given(group).map(({ plugin }) => plugin.manifest.tools),
        given(group).map(({ plugin }) => plugin.manifest.mounts),
      ]);
      return createHash("sha256").update(all).digest("hex"); // secrets may be in it
    },

    rules: (group: GroupFolder): readonly PlacedRule[] =>
      given(group).flatMap(({ plugin, made }) =>
        [...made.rules.rules, ...shareOf(plugin, made, group).servers.rules].map((rule) => ({
          rule,
          origin: "plugin" as const,
          source: plugin.name,
        })),
      ),

    /** For the mount policy to judge. */
    wantedMounts: (group: GroupFolder): readonly WantedMount[] =>
      given(group).flatMap(({ plugin: { name, manifest, installed } }) =>
        manifest.mounts.map((mount) => ({
          source: mount.source,
          ...(mount.target !== undefined && { target: mount.target }),
          mode: "ro" as const,
          origin: {
            kind: "plugin" as const,
            name,
            allowAbsoluteContainerPath:
              mount.allowAbsoluteContainerPath &&
              unapproved({ ...manifest, mounts: [mount] }, installed.approved).length === 0,
          },
        })),
      ),

    /** What of the plugin is there, and what is not, in words; asked for these groups. */
    describe(plugin: ActivePlugin, groups: readonly GroupFolder[]) {
      const made = ready.get(plugin.name);
      if (!made) return { gives: [], problems: ["what it gives is being made ready"] };
      const { manifest } = plugin;
      const shares = groups
        .filter((group) => inScope(plugin.installed.scope, group))
        .map((group) => shareOf(plugin, made, group));
      const missing = made.archives.flatMap((one) => ("missing" in one ? one.missing : []));
      return {
        gives: [
          ...made.skillNames.map((skill) => `skill ${skill}`),
          ...Object.keys(manifest.mcpServers).map((server) => `MCP server ${server}`),
          ...Object.keys(manifest.engineHooks).map((event) => `engine hook ${event}`),
          ...made.archives.flatMap((one) => ("source" in one ? `programs ${one.as}` : [])),
          ...manifest.tools.map(({ name }) => `tool ${name}`),
        ],
        problems: [
          ...new Set([
            ...made.problems,
            ...missing,
            ...made.rules.problems,
            ...shares.flatMap(({ variables, servers }) => [...variables.problems, ...servers.problems]),
          ]),
        ],
      };
    },
  };
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** For whoever wrote the plugin. */
function wordsOf(error: unknown): string {
  if (error instanceof BellhopError) return error.message;
  return codeOf(error) ?? (error instanceof Error ? error.message : String(error));
}
