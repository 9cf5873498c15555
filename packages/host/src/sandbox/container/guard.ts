/**
 * What sees to it that containers end with their host, however that ends. They are no children of ours, so
 * a small process beside the host holds a pipe to it: when the pipe breaks, the host is gone, and the
 * guard has the engine remove what this host made. (The line of life ends them too; but an agent can stop
 * the program that holds its other end, and cannot reach the guard.)
 *
 * What was made in the very moment of the host's death is swept at the next start of this home.
 */
import { spawn } from "node:child_process";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import { lives, procStat } from "../proc-stat.ts";
import type { Client } from "./client.ts";
import { ANSWER_MS, type Dialect } from "./dialect.ts";

/** $0 the client, $1 how many words pick the containers, those words, then those that remove them. */
const SCRIPT = `
  cat > /dev/null
  count=$1; shift
  pick=; while [ "$count" -gt 0 ]; do pick="$pick $1"; shift; count=$((count - 1)); done
  found=$("$0" $pick)
  [ -z "$found" ] || exec "$0" "$@" $found`;

/** This process, as a label: pid and start. */
export function thisHost(): string {
  return `${process.pid}.${procStat(process.pid)?.start ?? 0}`;
}

/** Whether the host that wrote this label is still there. */
function hostLives(label: string): boolean {
  const [, pid, start = "0"] = /^(\d+)\.(\d+)$/.exec(label) ?? [];
  if (pid === undefined) return false;
  if (process.platform === "linux") return lives(Number(pid), start);
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

export interface GuardOptions {
  readonly client: Client;
  readonly dialect: Dialect;
  /** Label, `name=value`, of what this host makes. */
  readonly label: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Does not keep the host from ending. */
export function startGuard({ client, dialect, label, log }: GuardOptions): void {
  const pick = dialect.pick?.(label);
  if (!pick) return; // then the line of life is all there is
  const guard = spawn(
    "/bin/sh",
    ["-c", SCRIPT, client.program, String(pick.length), ...pick, ...dialect.remove([])],
    { env: client.env, cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] },
  );
  guard.on("error", (err) => log.error({ err }, "The guard of the containers could not be started"));
  guard.stdin.on("error", (err) => log.warn({ err }, "The guard of the containers has ended"));
  guard.unref();
  if ("unref" in guard.stdin && typeof guard.stdin.unref === "function") guard.stdin.unref();
}

/** Removes what hosts of this home that are gone have left behind; never another home's. */
export async function sweep(client: Client, dialect: Dialect, home: string, log: Log): Promise<void> {
  const left = (await dialect.list(client, home)).filter(({ host }) => !hostLives(host));
  if (left.length === 0) return;
  log.info({ count: left.length }, "containers of an earlier Bellhop are removed");
  await client.run(dialect.remove(left.map(({ name }) => name)), ANSWER_MS * 2);
}
