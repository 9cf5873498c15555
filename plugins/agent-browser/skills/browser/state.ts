/**
 * Who the browser is to the sites that it has visited: cookies and what pages keep, in one file of the group's folder.
 * It is written after every command, for a sandbox ends without a word; a second browser of the same group, in
 * another sandbox, starts from what the first last wrote. It holds logins: nobody but the group's sandboxes sees it.
 */
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContext } from "playwright-core";

export type State = Awaited<ReturnType<BrowserContext["storageState"]>>;

export function stateIn(folder: string) {
  const file = join(folder, "state.json");
  let written = "";

  return {
    /** Undefined where there is none, or none that can be read. */
    async load(): Promise<State | undefined> {
      try {
        const state = JSON.parse(await readFile(file, "utf8")) as State;
        return Array.isArray(state.cookies) && Array.isArray(state.origins) ? state : undefined;
      } catch {
        return undefined; // the agent may have written anything there: then nobody is logged in
      }
    },

    async save(context: BrowserContext): Promise<void> {
      const state = JSON.stringify(await context.storageState());
      if (state === written) return;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      const partial = `${file}.${process.pid}`;
      await writeFile(partial, state, { mode: 0o600 });
      await rename(partial, file);
      written = state;
    },

    async forget(): Promise<void> {
      await rm(file, { force: true });
      written = "";
    },
  };
}
