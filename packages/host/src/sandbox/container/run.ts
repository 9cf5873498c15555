/**
 * One running container. The engine's client is our child and carries its stdio; the container itself
 * belongs to the engine. So the end of the client is only news: the sandbox has ended when the engine
 * has removed it.
 */
import { TemporaryError } from "@bellhop/sdk";
import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../log.ts";
import type { SandboxExit, SandboxProcess } from "../../turns/sandbox.ts";
import { type Client, RefusedError } from "./client.ts";
import type { Dialect } from "./dialect.ts";

/** An engine under load takes seconds to kill and remove. */
const REMOVE_MS = 30_000;
/** How long a client may go on after its container was removed. */
const CLIENT_GRACE_MS = 2_000;
const KILLED = 128 + 9;

export interface Launch {
  readonly client: Client;
  readonly dialect: Dialect;
  readonly name: string;
  /** Gives the order to forwarder.mjs; what it returns is the sandbox's own stderr. */
  readonly attach: (stderr: Readable) => Readable;
  /** What was said over the line of life: something was killed for want of memory. */
  readonly starved: () => boolean;
  /** Breaks the line of life. */
  readonly cut: () => Promise<void>;
  /** Gives everything else back and never rejects. Called once. */
  readonly release: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws TemporaryError when the machine refuses another process */
export function launchContainer(launch: Launch): SandboxProcess {
  const { client, dialect, name, attach, starved: saidSo, cut, release, clock, log } = launch;
  const child = client.start(dialect.start(name));
  child.on("error", (err) => log.error({ err }, "A container could not be started"));
  if (child.pid === undefined) {
    void removeContainer(client, dialect, name, log).then(cut).then(release);
    throw new TemporaryError(`${client.program} could not be started for a sandbox`);
  }
  const stderr = attach(child.stderr);
  let over = false;
  let killing: Promise<boolean> | undefined;

  const ended = new Promise<Pick<SandboxExit, "code" | "signal">>((resolve) => {
    child.once("exit", (code, signal) => {
      over = true;
      resolve({ code, signal });
    });
  });
  const exited = ended.then(async ({ code, signal }): Promise<SandboxExit> => {
    await cut();
    const removed = (await killing) ?? false;
    const starved = saidSo() || (!removed && (await wasStarved()));
    if (!removed) await removeContainer(client, dialect, name, log);
    await release();
    if (starved && (killing !== undefined || signal === "SIGKILL" || code === KILLED)) {
      return { code, signal, cause: "out-of-memory" };
    }
    return killing === undefined
      ? { code, signal, cause: "exit" }
      : { code: null, signal: "SIGKILL", cause: "killed-by-host" };
  });

  async function wasStarved(): Promise<boolean> {
    try {
      return (await dialect.ended?.(client, name))?.outOfMemory ?? false;
    } catch (err) {
      log.warn({ err }, "An engine does not say how a container has ended");
      return false;
    }
  }

  async function kill(): Promise<boolean> {
    await cut(); // which ends it by itself, where nothing inside is in the way
    const removed = await removeContainer(client, dialect, name, log);
    const cancel = clock.after(CLIENT_GRACE_MS, () => child.kill("SIGKILL"));
    void ended.then(cancel);
    return removed;
  }

  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr,
    exited,
    async kill() {
      if (!over) await (killing ??= kill());
      await exited;
    },
  };
}

/** Whether it is gone. What an engine that does not answer keeps is swept at the next start. */
export async function removeContainer(
  client: Client,
  dialect: Dialect,
  name: string,
  log: Log,
): Promise<boolean> {
  try {
    await client.run(dialect.remove([name]), REMOVE_MS);
    return true;
  } catch (err) {
    if (err instanceof RefusedError && dialect.gone.test(err.printed)) return true;
    log.error({ err }, "A container could not be removed");
    return false;
  }
}
