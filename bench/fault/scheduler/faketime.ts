/**
 * A wall clock for another process that can be set while it runs, by libfaketime (Debian's `faketime`):
 * its timers and its monotonic clock run on as if nothing had happened.
 *
 * The difference to the real clock stands in a file that the library reads at each call; it is replaced
 * in one step, so that nobody reads half of it.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";

export interface FakeWall {
  /** For the environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** What its wall shows now. */
  now(): number;
  set(instant: number): void;
  jump(ms: number): void;
  /** Takes away what the library leaves behind of a process that had no time to do so itself. */
  forget(pid: number): void;
}

/** The variant for programs with threads. */
const LIBRARIES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`,
);

/** undefined where there is none. */
export function faketimeLibrary(): string | undefined {
  return LIBRARIES.find((path) => existsSync(path));
}

/** @param file holds the difference, for as long as a process has this wall */
export function createFakeWall(library: string, file: string, start: number): FakeWall {
  let ahead = 0;

  function put(ms: number): void {
    ahead = Math.round(ms);
    writeFileSync(`${file}.next`, `${ahead < 0 ? "-" : "+"}${(Math.abs(ahead) / 1000).toFixed(3)}`);
    renameSync(`${file}.next`, file);
  }

  put(start - Date.now());
  return {
    env: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    now: () => Date.now() + ahead,
    set: (instant) => put(instant - Date.now()),
    jump: (ms) => put(ahead + ms),
    forget(pid) {
      for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
        rmSync(`/dev/shm/${name}`, { force: true });
    },
  };
}
