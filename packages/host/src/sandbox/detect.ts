/**
 * Which runtime makes the sandboxes (design 5.3): what the configuration names; else Docker or Podman if its
 * engine answers and has the image; else bubblewrap. There is no running without one.
 */
import { ConfigError } from "@bellhop/sdk";
import type { Probe, SandboxRuntime } from "../turns/sandbox.ts";

/** A runtime as it can be chosen. */
export interface Candidate {
  readonly runtime: SandboxRuntime;
  /** Nobody has proved it yet: it is chosen by name alone. */
  readonly onlyNamed?: boolean;
}

export interface ChosenRuntime {
  readonly runtime: SandboxRuntime;
  /** Not ok: it was named, and is waited for. */
  readonly probe: Probe;
}

/** What was seen of one candidate. */
export interface Looked {
  readonly name: string;
  /** Undefined: it was not looked at, because it has to be named. */
  readonly probe: Probe | undefined;
}

/**
 * The runtime called `name`, or with `auto` the first of the candidates that works here.
 * One that was named and may come up later is chosen all the same: as a service, Bellhop starts before or
 * beside its engine.
 * @throws ConfigError saying what to install or change
 */
export async function chooseRuntime(name: string, candidates: readonly Candidate[]): Promise<ChosenRuntime> {
  const wanted = candidatesFor(name, candidates);
  const failures: string[] = [];
  for (const { runtime } of wanted) {
    const probe = await runtime.probe();
    if (probe.ok || (name !== "auto" && probe.mayPass)) return { runtime, probe };
    failures.push(`${runtime.name}: ${probe.reason}. ${probe.fix}`);
  }
  throw new ConfigError(
    `Bellhop lets its agent work only in a sandbox, and cannot make one here. ${failures.join(". ")}`,
  );
}

function candidatesFor(name: string, candidates: readonly Candidate[]): readonly Candidate[] {
  const wanted = candidates.filter(({ runtime, onlyNamed }) =>
    name === "auto" ? !onlyNamed : runtime.name === name,
  );
  if (wanted.length > 0) return wanted;
  const known = candidates.map(({ runtime }) => runtime.name).join(", ");
  throw new ConfigError(`There is no sandbox runtime ${JSON.stringify(name)}. Choose auto or: ${known}`);
}

/** Looks at all, for people who want to know why it is this one. */
export async function lookAtRuntimes(name: string, candidates: readonly Candidate[]): Promise<Looked[]> {
  const looked: Looked[] = [];
  for (const { runtime, onlyNamed } of candidates) {
    const skip = onlyNamed && runtime.name !== name;
    looked.push({ name: runtime.name, probe: skip ? undefined : await runtime.probe() });
  }
  return looked;
}

/** Why this one, in one sentence; undefined where there is none to be had. */
export function explainChoice(name: string, looked: readonly Looked[]): string | undefined {
  if (name !== "auto") {
    const probe = looked.find((one) => one.name === name)?.probe;
    if (probe?.ok) return `${name}, because the configuration names it`;
    return probe?.mayPass ? `${name}, because the configuration names it; it is waited for` : undefined;
  }
  const index = looked.findIndex(({ probe }) => probe?.ok);
  const chosen = looked[index];
  if (!chosen) return undefined;
  const before = looked.slice(0, index).map((one) => one.name);
  return before.length === 0
    ? `${chosen.name}, the first of those that are tried`
    : `${chosen.name}, because ${before.join(" and ")} cannot be used`;
}
