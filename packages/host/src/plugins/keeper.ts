/**
 * Keeps the process of one plugin: starts it, starts it again when it ends, and gives up after three crashes
 * within ten minutes. Whatever happens here, others do not notice.
 */
import { TemporaryError } from "@bellhop/sdk";
import { fullJitter } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import { pause } from "../core/patience.ts";
import type { Log } from "../log.ts";
import { GoneError } from "./link/errors.ts";
import type { PluginProcess } from "./process.ts";
import type { Line } from "./remote-channel.ts";

const MOST_CRASHES = 3;
const CRASHES_MS = 10 * 60_000;
const SHUTDOWN_MS = 5_000;

export interface KeeperParts {
  readonly name: string;
  /**
   * Prepares and starts a process whose module is not loaded yet.
   * @throws TemporaryError when the machine cannot do it just now: no fault of the plugin's
   */
  readonly open: () => Promise<PluginProcess>;
  /** Its module is loaded. */
  readonly onUp: (process: PluginProcess) => void;
  /** It is up, or is not any more. */
  readonly onChange: () => void;
  /** It will not be started again. */
  readonly onGivenUp: (why: string) => Promise<void>;
  /** The manifest declares this hook. */
  readonly startup: boolean;
  readonly shutdown: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface Keeper extends Line {
  /** Crashes that count now. */
  crashes(): number;
  readonly hasGivenUp: boolean;
  /** Resolves when nothing of it is left. */
  close(): Promise<void>;
}

export function createKeeper(parts: KeeperParts): Keeper {
  const { name, clock, random, log } = parts;
  const closing = new AbortController();
  let process: PluginProcess | undefined;
  let crashed: number[] = [];
  let why: string | undefined;
  let givenUp = false;
  let next = Promise.withResolvers<PluginProcess>();

  async function keep(): Promise<void> {
    for (let refusals = 0; !closing.signal.aborted;) {
      let opened: PluginProcess;
      try {
        opened = await parts.open();
        refusals = 0;
      } catch (error) {
        why = `it could not be started: ${wordsOf(error)}`;
        log.warn({ err: error, plugin: name }, "a plugin could not be started; it is tried again");
        await pause(clock, fullJitter(refusals++, random), closing.signal);
        continue;
      }
      const problem = await live(opened);
      if (closing.signal.aborted) return;
      const now = clock.monotonic();
      crashed = [...crashed.filter((at) => now - at < CRASHES_MS), now];
      why = problem;
      log.warn({ plugin: name, why: problem, crashes: crashed.length }, "a plugin crashed");
      if (crashed.length >= MOST_CRASHES) {
        givenUp = true;
        await parts.onGivenUp(problem);
        parts.onChange();
        return;
      }
      parts.onChange();
      await pause(clock, fullJitter(crashed.length - 1, random), closing.signal);
    }
  }

  /** From its start to its end. Why it ended. */
  async function live(opened: PluginProcess): Promise<string> {
    const stop = () => opened.kill("it was told to end");
    try {
      // A module that never loads is not waited for when we close.
      closing.signal.addEventListener("abort", stop, { once: true });
      if (closing.signal.aborted) stop();
      await opened.start();
      closing.signal.removeEventListener("abort", stop);
    } catch (error) {
      // Where its line has ended, how its process did says more.
      if (!(error instanceof GoneError)) opened.kill(`it did not start: ${wordsOf(error)}`);
      return await opened.ended;
    }
    process = opened;
    why = undefined;
    parts.onUp(opened);
    next.resolve(opened);
    parts.onChange();
    if (parts.startup) void told(opened, "onStartup");
    const ended = await opened.ended;
    process = undefined;
    why = ended;
    next = Promise.withResolvers();
    return ended;
  }

  async function told(to: PluginProcess, hook: "onStartup" | "onShutdown"): Promise<void> {
    try {
      await to.call("hook", { params: { name: hook, event: null }, withinMs: SHUTDOWN_MS });
    } catch (error) {
      log.warn({ err: error, plugin: name, hook }, "a hook failed");
    }
  }

  const kept = keep().catch((error: unknown) => {
    why = wordsOf(error);
    givenUp = true;
    log.error({ err: error, plugin: name }, "a plugin is not looked after any more");
    parts.onChange();
  });

  return {
    process: () => process,
    why: () => why,
    crashes: () => crashed.filter((at) => clock.monotonic() - at < CRASHES_MS).length,
    get hasGivenUp() {
      return givenUp;
    },
    async up(signal) {
      for (;;) {
        signal.throwIfAborted();
        if (process?.link.isOpen) return process;
        if (closing.signal.aborted || givenUp)
          throw new TemporaryError(`the plugin ${name} is not up (${why ?? "it was turned off"})`);
        const gone = Promise.withResolvers<never>();
        const abort = () => gone.reject(signal.reason ?? closing.signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        closing.signal.addEventListener("abort", abort, { once: true });
        try {
          // One whose line has ended is not over yet; only then there can be another.
          await Promise.race([process?.ended ?? next.promise, gone.promise, kept]);
        } finally {
          signal.removeEventListener("abort", abort);
          closing.signal.removeEventListener("abort", abort);
        }
      }
    },
    async close() {
      if (process && parts.shutdown && process.link.isOpen) await told(process, "onShutdown");
      const last = process;
      closing.abort(new TemporaryError(`the plugin ${name} was turned off`));
      await last?.end();
      await kept;
    },
  };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
