/** `bellhop image`: the image that agents work in, where Docker or Podman makes their sandboxes. */
import { ConfigError } from "@bellhop/sdk";
import { Command, InvalidArgumentError, Option } from "commander";
import { resolve } from "node:path";
import { type Environment, homeDirectory, homePaths } from "../config.ts";
import { enabledIn } from "../plugins/enabled.ts";
import { layersOf } from "../plugins/gifts/layers.ts";
import {
  buildImage,
  type EngineName,
  findImage,
  type Found,
  type ImageEngine,
} from "../sandbox/image/builder.ts";
import { readDockerfile } from "../sandbox/image/dockerfile.ts";
import { missingTools } from "../sandbox/image/missing-tools.ts";
import { type ImagePlan, planImage } from "../sandbox/image/plan.ts";
import { homeOption } from "./home-option.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";

const ENGINES: readonly EngineName[] = ["docker", "podman"];
const DEFAULT_MINUTES = 30;
/** What the clients of the engines need to find their engine, and the way to packages; no key of ours. */
const PASSED_ON =
  /^(PATH|HOME|USER|LANG|TMPDIR|XDG_[A-Z_]+|DOCKER_[A-Z_]+|CONTAINER[A-Z_]*|(https?|no)_proxy)$/i;

interface WhichImage {
  readonly home?: string;
  readonly base?: string;
  readonly small?: true;
  readonly engine?: EngineName;
}
interface HowToBuild extends WhichImage {
  readonly network?: string;
  readonly secret?: Readonly<Record<string, string>>;
  readonly minutes: number;
  readonly quiet?: true;
}

export function imageCommand(io: Io): Command {
  const image = new Command("image")
    .summary("build or check the image that agents work in, with Docker or Podman")
    .description(
      "The image has what an agent works with: git, jq, curl, ripgrep, python3, Chromium and fonts. Docker and Podman " +
        "make sandboxes from it; bubblewrap needs none, its sandboxes have the programs of this machine.",
    );
  const commands = [
    which(new Command("build"))
      .summary("build it")
      .description("Builds the image, names it by its content, and has sandboxes made from it from then on.")
      .option("--network <name>", "the network of the build, where it is not to be the engine's own (host)")
      .option(
        "--secret <id=file>",
        "a file that the build may read and that stays out of the image (repeatable)",
        secret,
      )
      .option("--minutes <number>", "how long it may take", minutes, DEFAULT_MINUTES)
      .option("--quiet", "say nothing of its progress")
      .addHelpText("after", HELP)
      .action((options: HowToBuild) => build(options, io)),
    which(new Command("check"))
      .summary("say which engine has it, and what this machine lacks for bubblewrap")
      .description("Says whether the image of now is there. Exit code 0: some engine has it; 1: none has.")
      .option("--json", "one JSON object")
      .action((options: WhichImage & { json?: true }) => check(options, io)),
  ];
  for (const command of commands) image.addCommand(command.copyInheritedSettings(image));
  return image;
}

function which(command: Command): Command {
  return command
    .addOption(new Option("--engine <name>", "default: the first that answers").choices([...ENGINES]))
    .option("--base <image>", "the image that it begins with, of Debian or its kin (default: Node's own)")
    .addOption(homeOption())
    .option("--small", "without Chromium and its fonts");
}

async function build(options: HowToBuild, io: Io): Promise<void> {
  const plan = await planOf(options, io);
  const engine = await chosen(options.engine, plan, io.env);
  const over = new AbortController();
  // The builder is in a process group of its own: Ctrl-C has to be carried to it.
  const abort = () => over.abort();
  process.once("SIGINT", abort);
  process.once("SIGTERM", abort);
  const began = io.clock.now();
  io.stderr.write(`Building ${plan.tag} with ${engine.name}.\n`);
  try {
    await buildImage(engine, {
      plan,
      secrets: options.secret ?? {},
      network: options.network,
      onLine: (line) => (options.quiet ? undefined : io.stderr.write(`  ${plain(line)}\n`)),
      deadlineMs: options.minutes * 60_000,
      signal: over.signal,
      clock: io.clock,
    });
  } finally {
    process.off("SIGINT", abort);
    process.off("SIGTERM", abort);
  }
  const seconds = Math.round((io.clock.now() - began) / 1_000);
  io.stdout.write(`${plan.tag} is there, built by ${engine.name} in ${seconds} s.\n`);
}

async function check(options: WhichImage & { json?: true }, io: Io): Promise<void> {
  const plan = await planOf(options, io);
  const engines = options.engine === undefined ? ENGINES : [options.engine];
  const [found, missing] = await Promise.all([
    Promise.all(engines.map((name) => findImage(engineNamed(name, io.env), plan))),
    missingTools(),
  ]);
  if (options.json) {
    io.stdout.write(`${JSON.stringify({ tag: plan.tag, engines: found, missing })}\n`);
  } else {
    io.stdout.write(`${plan.tag}\n`);
    for (const one of found) io.stdout.write(`  ${plain(describeFound(one))}\n`);
    const names = missing.map(({ tool, package: from }) => (tool === from ? tool : `${tool} (${from})`));
    io.stdout.write(
      `  bubblewrap: ${names.length === 0 ? "this machine has all of its programs" : `this machine lacks ${names.join(", ")}`}\n`,
    );
  }
  if (!found.some(({ state }) => state === "there")) throw new ExitCode(1);
}

export function describeFound(found: Found): string {
  switch (found.state) {
    case "there": {
      const size = `${Math.round(found.bytes / 1_000_000)} MB`;
      return found.latest
        ? `${found.engine}: there, ${size}`
        : `${found.engine}: there, ${size}, but bellhop-agent:latest is another one; make it so with: bellhop image build`;
    }
    case "missing":
      return `${found.engine}: not there; build it with: bellhop image build --engine ${found.engine}`;
    case "unusable":
      return `${found.engine}: ${found.why}`;
    default:
      return found satisfies never;
  }
}

/** With the layers of the plugins that are enabled. */
async function planOf({ home, base, small }: WhichImage, { env }: Io): Promise<ImagePlan> {
  const dockerfile = await readDockerfile();
  const layers = await layersOf(await enabledIn(homePaths(homeDirectory({ home, env }))));
  return planImage({ dockerfile, base, target: small ? "small" : "full", layers });
}

async function chosen(name: EngineName | undefined, plan: ImagePlan, env: Environment): Promise<ImageEngine> {
  if (name !== undefined) return engineNamed(name, env);
  for (const candidate of ENGINES) {
    const engine = engineNamed(candidate, env);
    if ((await findImage(engine, plan)).state !== "unusable") return engine;
  }
  throw new ConfigError(
    "Neither docker nor podman answers. Install and start one; bubblewrap needs no image.",
  );
}

function engineNamed(name: EngineName, env: Environment): ImageEngine {
  const passed = Object.entries(env).filter(([variable]) => PASSED_ON.test(variable));
  return { name, command: [name], env: Object.fromEntries(passed) };
}

function secret(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const [, id, file] = /^([a-z_]+)=(.+)$/.exec(text) ?? [];
  if (id === undefined || file === undefined || file.includes(",")) {
    throw new InvalidArgumentError("Write it as apt_sources=/path/of/the/file, without a comma.");
  }
  return { ...before, [id]: resolve(file) };
}

function minutes(text: string): number {
  const value = Number(text);
  if (/^\d{1,4}$/.test(text) && value > 0) return value;
  throw new InvalidArgumentError("Minutes are a whole number from 1 to 9999.");
}

const HELP = `
Secrets, for packages from a mirror of your own: apt_sources (an apt .sources file), apt_conf (settings of
apt), ca (a file of certificates). None of them stays in the image.

Examples:
  bellhop image build
  bellhop image build --engine podman --small
  bellhop image build --secret apt_sources=/etc/apt/sources.list.d/debian.sources

Exit codes: 0 it is there; 1 it is not, the reason is on stderr.`;
