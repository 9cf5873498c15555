/**
 * A sandbox's process as an engine may handle it: stdout through the line guard, stderr bounded (its
 * tail is kept for the owner), stdin watched, because a program that asks much and reads nothing would
 * fill the host's memory with answers. One breach kills the whole tree.
 */
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import type { EngineFailure } from "../turns/engine.ts";
import type { SandboxExit, SandboxProcess } from "../turns/sandbox.ts";
import { createAllowance } from "../core/allowance.ts";
import { createLineGuard, type LineGuardOptions, type LineLimits } from "./line-guard.ts";

const STDERR_TAIL_BYTES = 8 * 1024;
const STDERR_RATE = { perSecond: 4 * 1024 * 1024, burst: 16 * 1024 * 1024 };
/** A prompt is at most a few MiB; what waits beyond this was asked for by a program that does not read. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024;

export interface GuardedProcess {
  readonly stdin: Writable;
  /** Guarded: whole, parsed, bounded lines. */
  readonly stdout: Readable;
  readonly exited: Promise<SandboxExit>;
  /** Kills the tree and ends stdout. Never rejects. */
  kill(): Promise<void>;
  /** Ends the process for breaking its protocol; the first reason counts. */
  breach(reason: string): void;
  /** Why the process ended, once it has. */
  failure(exit: SandboxExit): EngineFailure;
}

export interface GuardOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: LineLimits | undefined;
  readonly inspect?: LineGuardOptions["inspect"];
}

export function guardProcess(
  process: SandboxProcess,
  { clock, log, limits, inspect }: GuardOptions,
): GuardedProcess {
  const stderrRate = createAllowance(clock, STDERR_RATE);
  let stderr = Buffer.alloc(0);
  let broken: string | undefined;

  function breach(reason: string): void {
    if (broken !== undefined) return;
    broken = reason;
    log.warn({ reason }, "The agent's program broke the protocol; its sandbox is killed");
    process.stdout.destroy();
    process.stderr.destroy();
    void kill();
  }

  function kill(): Promise<void> {
    return process.kill().catch((err: unknown) => {
      log.error({ err }, "A sandbox could not be killed");
    });
  }

  const stdout = createLineGuard({
    clock,
    ...(limits && { limits }),
    inspect(message, bytes) {
      if (process.stdin.writableLength > MAX_UNREAD_BYTES) return "it asks for more than it reads";
      return inspect?.(message, bytes);
    },
    onBreach: breach,
  });
  // The pipes of a dying process break in either direction; that it ended is told by `exited` alone.
  const ignore = (err: unknown) => log.debug({ err }, "A pipe of a sandbox broke");
  process.stdin.on("error", ignore);
  process.stdout.on("error", ignore).on("close", () => stdout.end());
  process.stderr.on("error", ignore);
  stdout.on("error", ignore);
  process.stdout.pipe(stdout);
  process.stderr.on("data", (chunk: Buffer) => {
    if (!stderrRate.take(chunk.length)) breach(`more than ${STDERR_RATE.perSecond} bytes a second on stderr`);
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_TAIL_BYTES);
  });

  return {
    stdin: process.stdin,
    stdout,
    exited: process.exited,
    kill,
    breach,
    failure(exit) {
      if (broken !== undefined) {
        return { class: "crashed", detail: `the agent's program broke the protocol: ${broken}` };
      }
      if (exit.cause === "out-of-memory") {
        return { class: "resource", detail: "the sandbox used more memory than it may have" };
      }
      const how = exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`;
      const last = stderr.toString("utf8").trim();
      return { class: "crashed", detail: `the agent's program ${how}${last && `: ${last}`}` };
    },
  };
}
