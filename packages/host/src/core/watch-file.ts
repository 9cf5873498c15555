/**
 * Tells that a file may have changed, without looking at it again and again. The file itself is watched, not
 * its folder, in which a database may be busy; only while there is no such file, its folder is.
 *
 * Whoever is told reads for themselves: one change may be told of several times, and a moment late.
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { hasCode } from "./error-code.ts";

export interface Watching {
  close(): void;
}

/** @param onError the system will not watch; changes are not told of any more */
export function watchFile(file: string, onChange: () => void, onError: (error: unknown) => void): Watching {
  let watcher: FSWatcher | undefined;
  let closed = false;

  function begin(): void {
    if (closed) return;
    watcher?.close();
    watcher = undefined;
    try {
      watcher = watchTarget(file) ?? watchFolder();
    } catch (error) {
      onError(error);
      return;
    }
    watcher?.on("error", onError);
  }

  function watchTarget(path: string): FSWatcher | undefined {
    try {
      return watch(path, (event) => {
        // Moved away, or another file moved over it: what is watched is not the file any more.
        if (event === "rename" || !existsSync(file)) begin();
        onChange();
      });
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  function watchFolder(): FSWatcher | undefined {
    try {
      const folder = watch(dirname(file), (_event, name) => {
        if (name !== null && name !== basename(file)) return;
        if (!existsSync(file)) return;
        begin();
        onChange();
      });
      // It may have come just before.
      if (existsSync(file)) {
        folder.close();
        return watchTarget(file);
      }
      return folder;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined; // not even a folder: nothing to wait for
      throw error;
    }
  }

  begin();
  return {
    close() {
      closed = true;
      watcher?.close();
    },
  };
}
