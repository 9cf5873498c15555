/**
 * The emergency stop: one file that says that everything is to stand still (G27).
 *
 * - That the file is there is what counts. One that is empty, cut or garbage pauses too: it needs no more
 *   than a name, which a full disk still has. It is read before anything is begun, so it outlives restarts.
 * - Anybody who may write into the home can make it, also when the host hangs or its database is locked;
 *   a running host sees it come and go by itself, without looking for it.
 * - It lies in `run/`, where nothing else happens: beside the database every commit would wake the watcher.
 * - In memory the pause holds at once, whether the file can be written or not.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, watch, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "./core/clock.ts";
import { hasCode } from "./core/error-code.ts";
import { failpoint } from "./core/failpoint.ts";
import { jsonText } from "./core/json-text.ts";
import { type Hold, Paused } from "./core/pause.ts";
import type { Log } from "./log.ts";

/** What is to happen when it changes. */
export interface Machinery {
  /** Ends everything now; resolves with how many sandboxes were killed, when they are gone. */
  halt(): Promise<number>;
  /** Looks at everything that is due. */
  goOn(): Promise<void>;
}

export interface Halted {
  readonly paused: Paused;
  readonly sandboxes: number;
  /** From the wish to the end of the last sandbox. */
  readonly ms: number;
  /** Whether it is on disk, and so outlives a restart. */
  readonly kept: boolean;
}

export interface StopSwitch {
  readonly hold: Hold;
  readonly paused: Paused | undefined;
  /** From now on it moves these. */
  drive(machinery: Machinery): void;
  /** Resolves when every sandbox is gone. Safe to call again: who asked first stays. */
  pause(by: string, reason: string): Promise<Halted>;
  /** Whether there was a pause to end. @throws the file system's error when the file cannot be removed */
  resume(): Promise<boolean>;
  close(): void;
}

const FlagFile = jsonText(Paused);

export interface StopSwitchParts {
  /** The file; its directory is there. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function openStopSwitch({ file, clock, log }: StopSwitchParts): StopSwitch {
  let machinery: Machinery | undefined;
  let paused = readFlag(file, clock.now());
  /** Of a pause that could not be written: no missing file ends it. */
  let unwritten = false;
  /** Of this pause: the file and the API may both tell of it, and it is done once. */
  let halting: Promise<Pick<Halted, "sandboxes" | "ms">> | undefined;
  let hold = new AbortController();
  if (paused) hold.abort();

  const watcher = watch(dirname(file), (_event, name) => {
    if (name === null || name === basename(file)) look();
  });
  watcher.on("error", (error) => log.error({ err: error }, "the emergency stop's file cannot be watched"));

  function look(): void {
    const found = readFlag(file, clock.now());
    if (found && paused) {
      // A file that is seen while it is being written says more a moment later.
      if (found.by !== NOBODY) paused = found;
    } else if (found) {
      halt(found).catch((error: unknown) => log.error({ err: error }, "not everything could be ended"));
    } else if (paused && !unwritten) {
      goOn();
    }
  }

  async function halt(now: Paused): Promise<Pick<Halted, "sandboxes" | "ms">> {
    paused = now;
    hold.abort();
    if (!halting) {
      const started = clock.monotonic();
      halting = (machinery?.halt() ?? Promise.resolve(0)).then((sandboxes) => {
        const ms = Math.ceil(clock.monotonic() - started);
        log.warn({ by: now.by, reason: now.reason, sandboxes, ms }, "PAUSED: everything stands still");
        return { sandboxes, ms };
      });
    }
    return await halting;
  }

  function goOn(): void {
    paused = undefined;
    unwritten = false;
    halting = undefined;
    hold = new AbortController();
    log.warn({}, "resumed after an emergency stop");
    machinery?.goOn().catch((error: unknown) => log.error({ err: error }, "could not go on with everything"));
  }

  return {
    hold: () => hold.signal,
    get paused() {
      return paused;
    },
    drive(wanted) {
      machinery = wanted;
    },
    async pause(by, reason) {
      const wanted = paused ?? { since: clock.now(), by, reason };
      const halted = halt(wanted); // before anything that may fail
      try {
        failpoint("panic.flag");
        raiseFlag(file, wanted);
        unwritten = false;
      } catch (error) {
        unwritten = true;
        log.error({ err: error }, "the emergency stop cannot be written down; a restart would forget it");
      }
      return { paused: wanted, kept: !unwritten, ...(await halted) };
    },
    async resume() {
      lowerFlag(file);
      if (!paused) return false;
      goOn();
      return true;
    },
    close: () => watcher.close(),
  };
}

/** Who asked, where the file does not say. */
const NOBODY = "somebody who left no name";

/** @returns undefined where there is no file; what cannot be read pauses all the same */
export function readFlag(file: string, now: number): Paused | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    text = "";
  }
  const parsed = FlagFile.safeParse(text);
  return parsed.success ? parsed.data : { since: now, by: NOBODY, reason: "" };
}

/**
 * Makes the file unless it is there; on a full disk it stays empty.
 * @throws the file system's error where not even a name can be made
 */
export function raiseFlag(file: string, paused: Paused): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, "wx", 0o600);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    throw error;
  }
  try {
    writeSync(descriptor, `${JSON.stringify(paused)}\n`);
    fsyncSync(descriptor);
  } catch (error) {
    if (!hasCode(error, "ENOSPC")) throw error;
  } finally {
    closeSync(descriptor);
  }
  syncDirectory(file);
}

/** Removes the file, if it is there. */
export function lowerFlag(file: string): void {
  rmSync(file, { force: true });
  syncDirectory(file);
}

function syncDirectory(file: string): void {
  const directory = openSync(dirname(file), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
