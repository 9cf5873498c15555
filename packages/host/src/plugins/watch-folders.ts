/**
 * Tells that something about plugins may have changed: in the folders that are named, or in `.env`. Told once for
 * what changes within a moment, so that a folder that is being written is looked at when it is whole.
 */
import { type FSWatcher, statSync, watch } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { type Watching, watchFile } from "../core/watch-file.ts";
import type { Log } from "../log.ts";

const QUIET_MS = 100;

export interface FolderWatcher extends Watching {
  /** These from now on, and no others. */
  watch(folders: readonly string[]): void;
}

export function watchFolders(onChange: () => void, dotEnv: string, clock: Clock, log: Log): FolderWatcher {
  /** By path and inode: a folder that took another's place is another one. */
  const watchers = new Map<string, FSWatcher>();
  let cancel: (() => void) | undefined;
  let closed = false;

  function changed(): void {
    cancel?.();
    if (!closed) cancel = clock.after(QUIET_MS, onChange);
  }

  function onError(error: unknown): void {
    log.warn({ err: error }, "plugins are not watched any more: a change counts after a restart");
  }

  const env = watchFile(dotEnv, changed, onError);

  return {
    watch(folders) {
      const wanted = new Map<string, string>(
        folders.flatMap((folder) => {
          const found = statSync(folder, { throwIfNoEntry: false });
          return found ? [[`${found.ino}:${folder}`, folder] as const] : [];
        }),
      );
      for (const [key, watcher] of watchers) {
        if (wanted.has(key)) continue;
        watcher.close();
        watchers.delete(key);
      }
      for (const [key, folder] of wanted) {
        if (closed || watchers.has(key)) continue;
        try {
          // Bellhop's own lock and half-written files are no news.
          const watcher = watch(folder, { persistent: false }, (_event, name) => {
            if (name === null || !name.endsWith(".partial")) changed();
          });
          watcher.on("error", onError);
          watchers.set(key, watcher);
        } catch (error) {
          onError(error);
        }
      }
    },
    close() {
      closed = true;
      cancel?.();
      env.close();
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}
