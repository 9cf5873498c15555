/**
 * Builds the agent image with Docker or Podman, by their own command lines, and says whether it is there.
 *
 * - Every call of a client has a deadline, and none blocks the event loop. A build that takes too long, or is
 *   called off, is ended with all that it started; its image then simply is not there.
 * - A built image has two names: that of its content, and `latest`, from which sandboxes are made. The second
 *   follows only when the first is done.
 * - Nothing of this machine is sent to the builder but the text of the Dockerfile, and the secrets that are named.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { hasCode } from "../../core/error-code.ts";
import { forClassicBuilder, type ImagePlan, REPOSITORY } from "./plan.ts";

const execute = promisify(execFile);

/** For what an engine that works answers at once. */
const QUICK_MS = 15_000;
/** Lines of a build that failed, for whoever has to find out why. */
const LAST_LINES = 15;
const LONGEST_LINE = 500;
/** From this version on, docker leaves BuildKit to a program of its own. */
const BUILDX_APART = 23;

export type EngineName = "docker" | "podman";

export interface ImageEngine {
  readonly name: EngineName;
  /** The program, and options that come before every command. */
  readonly command: readonly [string, ...string[]];
  /** What the client needs of the environment: `PATH`, `HOME`, `DOCKER_HOST` and the like. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface ImageBuild {
  readonly plan: ImagePlan;
  /** Files that the build may read and that stay out of the image, by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The builder's network where it is not to have its own, such as `host`. */
  readonly network?: string | undefined;
  /** Further words for the client's `build`. */
  readonly options?: readonly string[];
  /** Each line of the builder's. */
  readonly onLine: (line: string) => void;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export type Found =
  | { readonly engine: EngineName; readonly state: "there"; readonly bytes: number; readonly latest: boolean }
  | { readonly engine: EngineName; readonly state: "missing" }
  | { readonly engine: EngineName; readonly state: "unusable"; readonly why: string };

/** Whether the image of this plan is in this engine. */
export async function findImage(engine: ImageEngine, { tag }: ImagePlan): Promise<Found> {
  const { name } = engine;
  const why = await unusable(engine);
  if (why !== undefined) return { engine: name, state: "unusable", why };
  const [found, latest] = await Promise.all([inspect(engine, tag), inspect(engine, `${REPOSITORY}:latest`)]);
  if (!found) return { engine: name, state: "missing" };
  return { engine: name, state: "there", bytes: found.Size, latest: latest?.Id === found.Id };
}

/**
 * Builds it, however long that takes below the deadline.
 * @throws ConfigError when the engine cannot be used
 * @throws TemporaryError when the deadline passed or it was called off
 * @throws RejectedError when the build itself failed, with the builder's last words
 */
export async function buildImage(engine: ImageEngine, build: ImageBuild): Promise<void> {
  const { plan, secrets = {}, network, options = [] } = build;
  const how = await builderOf(engine);
  if (how === "classic" && Object.keys(secrets).length > 0) {
    throw new ConfigError("Docker's classic builder knows no secrets. Install buildx, or build with podman.");
  }
  const context = await mkdtemp(join(tmpdir(), "bellhop-image-"));
  try {
    const file = join(context, "Dockerfile");
    const text = how === "classic" ? forClassicBuilder(plan.dockerfile) : plan.dockerfile;
    await writeFile(file, text);
    const words = [
      ["build", "--file", file, "--target", plan.target, "--tag", plan.tag],
      ["--label", `bellhop.image=${plan.hash}`],
      plan.base === undefined ? [] : ["--build-arg", `BASE_IMAGE=${plan.base}`],
      network === undefined ? [] : ["--network", network],
      how === "buildkit" ? ["--progress", "plain"] : [],
      Object.entries(secrets).flatMap(([id, path]) => ["--secret", `id=${id},src=${path}`]),
      [...options, context],
    ].flat();
    const env = engine.name === "docker" ? { DOCKER_BUILDKIT: how === "buildkit" ? "1" : "0" } : {};
    await run(engine, words, env, build);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  await ask(engine, ["tag", plan.tag, `${REPOSITORY}:latest`]);
}

/** Why the engine cannot be used, or undefined. Podman is its own engine; Docker's is asked for its version. */
async function unusable(engine: ImageEngine): Promise<string | undefined> {
  const { name } = engine;
  try {
    await ask(engine, [
      "version",
      "--format",
      name === "docker" ? "{{.Server.Version}}" : "{{.Client.Version}}",
    ]);
    return undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return `${name} is not installed`;
    return `${name} does not answer (${lastLine(error)})`;
  }
}

/** Which builder the client has. */
async function builderOf(engine: ImageEngine): Promise<"buildkit" | "classic" | "podman"> {
  const why = await unusable(engine);
  if (why !== undefined) throw new ConfigError(`The image cannot be built: ${why}. Install or start it.`);
  if (engine.name === "podman") return "podman";
  const version = await ask(engine, ["version", "--format", "{{.Client.Version}}"]);
  if (Number.parseInt(version, 10) < BUILDX_APART) return "buildkit";
  return await ask(engine, ["buildx", "version"]).then(
    () => "buildkit" as const,
    () => "classic" as const,
  );
}

const Inspected = z.tuple([z.object({ Id: z.string(), Size: z.number() })]);
type Inspected = z.infer<typeof Inspected>[0];

async function inspect(engine: ImageEngine, image: string): Promise<Inspected | undefined> {
  try {
    // Whole: the engines disagree about the fields of a format.
    return Inspected.parse(JSON.parse(await ask(engine, ["image", "inspect", image])))[0];
  } catch (error) {
    if (
      error instanceof Error &&
      /no such image|not known|unable to find|does not exist/i.test(error.message)
    ) {
      return undefined;
    }
    throw new TemporaryError(`${engine.name} did not say whether it has ${image}: ${lastLine(error)}`, {
      cause: error,
    });
  }
}

/** One short call. @throws what execFile throws */
async function ask(
  { command: [program, ...before], env }: ImageEngine,
  words: readonly string[],
): Promise<string> {
  const { stdout } = await execute(program, [...before, ...words], {
    env: { ...env },
    timeout: QUICK_MS,
    killSignal: "SIGKILL",
    encoding: "utf8",
  });
  return stdout.trim();
}

async function run(
  { name, command: [program, ...before], env }: ImageEngine,
  words: readonly string[],
  more: Readonly<Record<string, string>>,
  { onLine, deadlineMs, signal, clock }: ImageBuild,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(program, [...before, ...words], {
    env: { ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // in a process group of its own, which can be ended whole
  });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim() === "") return;
      onLine(line);
      last.push(line.slice(0, LONGEST_LINE));
      if (last.length > LAST_LINES) last.shift();
    });
  }
  let ended: TemporaryError | undefined;
  function end(why: string): void {
    if (ended) return;
    ended = new TemporaryError(`The image was not built: ${why}`);
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  }
  const cancel = clock.after(deadlineMs, () =>
    end(`it was not done after ${Math.round(deadlineMs / 60_000)} minutes; give it more with --minutes`),
  );
  const abort = () => end("it was called off");
  signal.addEventListener("abort", abort, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    if (ended) throw ended;
    if (code !== 0) throw new RejectedError(`The image was not built: ${name} said\n${last.join("\n")}`);
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").at(-1)?.slice(0, LONGEST_LINE) ?? "";
}
