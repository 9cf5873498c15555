/**
 * What in a folder speaks against giving it to an agent: something named like a secret, or a socket, behind
 * which a program of this machine listens that knows nothing of sandboxes.
 *
 * - It is looked for at every depth, but not in what tools download and keep by the thousand: there, such names
 *   are those of programs' parts.
 * - The look is bounded. A folder with more in it than that is too large to be looked through at each start of a
 *   sandbox, and is refused, because not to have looked is no reason to trust.
 * - Names alone are read, by path. Whoever can change the folder meanwhile can show us another one and so
 *   hide what is in it, but what is mounted is the folder that was judged (sandbox/sources.ts).
 */
import { opendir } from "node:fs/promises";
import { relative } from "node:path";
import { hasCode } from "../core/error-code.ts";
import { isHarmless, nameFinder, SECRET_NAMES } from "../core/secret-names.ts";

const NOT_LOOKED_INTO: ReadonlySet<string> = new Set(["node_modules", "site-packages", ".git"]);
export const MOST_ENTRIES = 100_000;

/**
 * Why the folder may not be given, or undefined.
 * @param blocked names of the owner's own
 */
export async function contentsProblem(
  folder: string,
  blocked: readonly string[],
  most = MOST_ENTRIES,
): Promise<string | undefined> {
  const find = nameFinder([...SECRET_NAMES, ...blocked]);
  const folders = [folder];
  let seen = 0;
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    try {
      // Some at a time: a folder may hold more than our memory does.
      for await (const entry of await opendir(at, { bufferSize: 256 })) {
        seen += 1;
        const inside = () => relative(folder, `${at}/${entry.name}`);
        if (seen > most) {
          return `it has more than ${most} files in it, which is more than can be looked through for secrets; mount a smaller folder`;
        }
        if (entry.isSocket())
          return `${inside()} in it is a socket, behind which a program of this machine listens`;
        const name = find(entry.name);
        if (name !== undefined && !(entry.isFile() && isHarmless(entry.name))) {
          return `${inside()} in it is named like a secret (${name}); move it away, or mount a folder without it`;
        }
        if (entry.isDirectory() && !NOT_LOOKED_INTO.has(entry.name)) folders.push(`${at}/${entry.name}`);
      }
    } catch (error) {
      // What we cannot read, or is gone, an agent with fewer rights than ours cannot read either.
      if (!["EACCES", "EPERM", "ENOENT", "ENOTDIR"].some((code) => hasCode(error, code))) throw error;
    }
  }
  return undefined;
}
