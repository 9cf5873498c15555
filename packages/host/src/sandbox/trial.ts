/** A sandbox like any other, in which `true` runs: what shows that a runtime works here. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Clock } from "../core/clock.ts";
import { MAIN, newId, SandboxId } from "../core/ids.ts";
import type { SandboxRuntime } from "../turns/sandbox.ts";
import { INSIDE } from "./profile.ts";

const MiB = 1024 * 1024;
const LIMITS = { cpus: 1, memoryBytes: 512 * MiB, pids: 16, tmpBytes: MiB };
/** A machine, or an engine, under load. */
const PATIENCE_MS = 60_000;

/**
 * @param home BELLHOP_HOME, with its `run/`
 * @returns what it said on stderr, and how it ended: 0 where all is well
 */
export async function trial(
  prepare: SandboxRuntime["prepare"],
  { home, clock }: { readonly home: string; readonly clock: Clock },
): Promise<{ readonly said: string; readonly code: number | null }> {
  const folder = await mkdtemp(join(home, "run", "trial-"));
  const [door, group] = [join(folder, "door"), join(folder, "group")];
  try {
    await Promise.all([mkdir(door, { mode: 0o755 }), mkdir(group)]);
    const sandbox = await prepare({
      id: newId(SandboxId),
      group: MAIN,
      groupNumber: 0,
      mounts: [{ source: group, target: INSIDE.group, mode: "rw" }],
      doorDirectory: door,
      limits: LIMITS,
    });
    const process = sandbox.spawn({ argv: ["/usr/bin/env", "true"], env: {} });
    const cancel = clock.after(PATIENCE_MS, () => void process.kill());
    process.stdout.resume();
    const [said, { code }] = await Promise.all([text(process.stderr), process.exited]);
    cancel();
    return { said, code };
  } finally {
    await rm(folder, { recursive: true });
  }
}
