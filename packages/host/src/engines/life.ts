/**
 * The life of one program in its sandbox, the same for every engine: prepared, spawned behind its
 * guard, talked with, ended. `closed` is the last event, whatever happens, and comes when the whole
 * process tree is gone. It tells a failure only if nobody told it before and nobody asked for the end.
 */
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { EngineFailure } from "../turns/engine.ts";
import type { Command, PreparedSandbox } from "../turns/sandbox.ts";
import type { EventQueue } from "./event-queue.ts";
import { type GuardedProcess, guardProcess, type GuardOptions } from "./guarded-process.ts";
import type { LineLimits } from "./line-guard.ts";
import { startFailure } from "./start-failure.ts";
import { failpoint } from "../core/failpoint.ts";

/** How long a program may take to end after it was asked to. It writes down its conversation meanwhile. */
const END_GRACE_MS = 2_000;

export interface LifeOptions {
  readonly sandbox: Promise<PreparedSandbox>;
  readonly events: EventQueue;
  /** Spawns the program and speaks with it until it says no more. What it throws is no news by itself. */
  readonly talk: (sandbox: PreparedSandbox) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: LineLimits | undefined;
}

export interface Life {
  /** Nothing goes in any more: the program ends or has ended. */
  readonly ending: boolean;
  /** Starts the one program. */
  spawn(sandbox: PreparedSandbox, command: Command, inspect?: GuardOptions["inspect"]): GuardedProcess;
  /** Ends the program for breaking its protocol. */
  breach(reason: string): void;
  /** Why the program cannot go on, in its own words; they count for more than how it ended. */
  lastWords(failure: EngineFailure): void;
  /** `closed` tells no failure: it was told, or the end was asked for. */
  hush(): void;
  /** Kills the process tree. */
  kill(): void;
  /** Ends the program, asked `gently` if there is a way, and by force after a grace. Resolves after `closed`. */
  end(gently?: () => void): Promise<void>;
}

export function createLife({ sandbox, events, talk, clock, log, limits }: LifeOptions): Life {
  let program: GuardedProcess | undefined;
  let ending = false;
  let hushed = false;
  let words: EngineFailure | undefined;
  let cancelGrace = (): void => undefined;

  const closed = live();

  async function live(): Promise<void> {
    let failure: EngineFailure | undefined;
    try {
      failure = await run();
    } catch (err) {
      log.error({ err }, "A sandbox could not be taken down");
      failure = startFailure(err);
    }
    ending = true;
    cancelGrace();
    events.push({ type: "closed", ...(failure && !hushed && { failure }) });
    events.end();
  }

  async function run(): Promise<EngineFailure | undefined> {
    let prepared: PreparedSandbox;
    try {
      prepared = await sandbox;
    } catch (err) {
      return startFailure(err);
    }
    let thrown: unknown = new Error("the engine started no program");
    try {
      if (!ending) await talk(prepared);
    } catch (err) {
      thrown = err;
      // Libraries repeat the program's last words, or tell of its exit: both are known better here.
      log.debug({ err }, "The talk with an engine's program ended");
    }
    if (!program) {
      await prepared.dispose();
      return ending ? undefined : startFailure(thrown);
    }
    return await buried(program);
  }

  /** Its stdout may end before the process does, and the process before what it started. */
  async function buried(spawned: GuardedProcess): Promise<EngineFailure> {
    const cancel = clock.after(END_GRACE_MS, () => void spawned.kill());
    const exit = await spawned.exited;
    cancel();
    await spawned.kill();
    return words ?? spawned.failure(exit);
  }

  return {
    get ending() {
      return ending;
    },
    spawn(prepared, command, inspect) {
      failpoint("sandbox.spawn");
      program = guardProcess(prepared.spawn(command), { clock, log, limits, inspect });
      failpoint("sandbox.spawned");
      return program;
    },
    breach: (reason) => program?.breach(reason),
    lastWords(failure) {
      words = failure;
    },
    hush() {
      hushed = true;
    },
    kill() {
      void program?.kill();
    },
    async end(gently) {
      if (!ending) {
        ending = true;
        if (gently) {
          cancelGrace = clock.after(END_GRACE_MS, () => void program?.kill());
          gently();
        } else void program?.kill();
      }
      await closed;
    },
  };
}
