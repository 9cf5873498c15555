/**
 * What the agent image is made of, before anything is built: our Dockerfile, the layers of plugins, the base.
 * Pure: text in, text out.
 *
 * - The same parts give the same text, whatever their order was, and its hash is the image's tag. So an image that
 *   is there under the tag of now is the right one, and what was changed has another tag.
 * - A layer is a fragment of a Dockerfile that runs commands and sets variables, as root, on top of ours. It brings
 *   no files, has no say in where the image begins or as whom it ends, and cannot be heard by a layer before it.
 */
import { createHash } from "node:crypto";
import { ConfigError } from "@bellhop/sdk";

export interface ImageLayer {
  /** Of the plugin: what it is sorted by. */
  readonly plugin: string;
  /** Lines of a Dockerfile. */
  readonly fragment: string;
}

export interface ImageParts {
  /** Ours (container/Dockerfile). */
  readonly dockerfile: string;
  /** Name of the image that it begins with; undefined: as the Dockerfile says. */
  readonly base?: string | undefined;
  /** `small` has no browser. */
  readonly target: "full" | "small";
  readonly layers: readonly ImageLayer[];
}

export interface ImagePlan {
  readonly dockerfile: string;
  readonly base: string | undefined;
  /** The stage to build. */
  readonly target: string;
  /** `bellhop-agent:<hash>`. */
  readonly tag: string;
  readonly hash: string;
}

export const REPOSITORY = "bellhop-agent";
const FINAL = "agent";
const ALLOWED = ["RUN", "ENV", "ARG"];
const NAME = /^[a-z0-9@][a-z0-9@/._-]{0,127}$/;

/** @throws ConfigError for a layer that is not one, naming its plugin and line */
export function planImage({ dockerfile, base, target, layers }: ImageParts): ImagePlan {
  // By bytes, not by anybody's language, so that every machine has the same order.
  const sorted = layers.toSorted((a, b) => Buffer.compare(Buffer.from(a.plugin), Buffer.from(b.plugin)));
  for (const [index, { plugin }] of sorted.entries()) {
    if (!NAME.test(plugin)) throw new ConfigError(`${JSON.stringify(plugin)} is no name of a plugin.`);
    if (sorted[index - 1]?.plugin === plugin) {
      throw new ConfigError(`The plugin ${plugin} has two image layers; it may have one.`);
    }
  }
  const text = [
    dockerfile.trimEnd(),
    `FROM ${target} AS ${FINAL}`,
    "USER 0:0",
    ...sorted.map((layer) => `# Layer of the plugin ${layer.plugin}\n${checked(layer)}`),
    "USER 1000:1000",
    "WORKDIR /workspace/group",
    "",
  ].join("\n");
  const hash = createHash("sha256")
    .update(JSON.stringify([text, base ?? null]))
    .digest("hex")
    .slice(0, 16);
  return { dockerfile: text, base, target: FINAL, tag: `${REPOSITORY}:${hash}`, hash };
}

function checked({ plugin, fragment }: ImageLayer): string {
  const lines = fragment.replaceAll("\r\n", "\n").trim().split("\n");
  let command = "";
  for (const [index, line] of lines.entries()) {
    const refuse = (why: string) =>
      new ConfigError(`The image layer of the plugin ${plugin} cannot be used: line ${index + 1} ${why}.`);
    if (/[\0\r]/.test(line)) throw refuse("holds characters that no Dockerfile has");
    if (/^\s*#\s*\w+\s*=/.test(line)) {
      throw refuse("looks like a directive to the builder; write the comment otherwise");
    }
    if (/^\s*(#|$)/.test(line)) continue; // also within a command that goes on
    if (line.includes("<<")) throw refuse("has a here-document; write it as lines that end in \\");
    command += line.replace(/\\\s*$/, " ");
    if (/\\\s*$/.test(line)) continue;
    // Whole, as the builder sees it: an option may stand on a line of its own.
    const word = /^\s*([a-z]+)\s/i.exec(command)?.[1]?.toUpperCase();
    if (word === undefined || !ALLOWED.includes(word)) {
      throw refuse(`ends what must begin with one of ${ALLOWED.join(", ")}`);
    }
    if (/^\s*\w+\s+--/.test(command)) throw refuse("asks the builder for more than to run a command");
    command = "";
  }
  if (command !== "") {
    throw new ConfigError(`The image layer of the plugin ${plugin} ends in the middle of a command.`);
  }
  return lines.join("\n");
}

/**
 * The same for Docker's classic builder, which knows no mounts in RUN: packages come from where the base image
 * has them from.
 */
export function forClassicBuilder(dockerfile: string): string {
  return dockerfile.replaceAll(/^(RUN)((?:\s+--mount=\S+)+)/gm, "$1");
}
