/**
 * The owner's `mount-allowlist.json`: what of this machine sandboxes may be given at all.
 *
 * - It lies apart from the home, in the folder of the policies, which is never mounted. It is read anew for every
 *   sandbox that opens, so a change holds from the next one on and nothing old is ever kept.
 * - Where it is missing, or anything at all is wrong with it, nothing is permitted: a typing error must not open
 *   more than was meant. A file that others could have written is such a wrong.
 */
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { z } from "zod";
import { hasCode } from "../core/error-code.ts";
import { type Allowlist, expanded } from "../core/mount-policy.ts";

const AllowlistFile = z.strictObject({
  /** Folders that may be mounted, with all that is in them. */
  roots: z.array(z.strictObject({ path: z.string().min(1), rw: z.boolean().default(false) })),
  /** Names that are never mounted, beside those that look like secrets. */
  blocked: z.array(z.string().trim().min(1)).default([]),
  /** Whether groups other than `main` only read. */
  othersReadOnly: z.boolean().default(true),
});

export type AllowlistState =
  | { readonly state: "good"; readonly allowlist: Allowlist }
  | { readonly state: "missing" }
  /** `why` goes on after the file's name. */
  | { readonly state: "broken"; readonly why: string };

const MAX_BYTES = 256 * 1024;
const OTHERS_WRITE = 0o022;

/** @param userHome what `~` means */
export async function readAllowlist(file: string, userHome: string): Promise<AllowlistState> {
  const text = await readOwners(file);
  if (typeof text !== "string") return text;
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return broken(`is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = AllowlistFile.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return broken(`is not as it should be: ${issue?.path.join(".") || "the whole"}: ${issue?.message}`);
  }
  const { roots, blocked, othersReadOnly } = parsed.data;
  const real: { path: string; rw: boolean }[] = [];
  for (const { path, rw } of roots) {
    const whole = expanded(path, userHome);
    if (whole === undefined) return broken(`names a root that is no absolute path: ${JSON.stringify(path)}`);
    // One that is not there, such as a disk that is not plugged in, has nothing in it to permit.
    const at = await realpath(whole).catch(() => undefined);
    if (at !== undefined) real.push({ path: at, rw });
  }
  return { state: "good", allowlist: { roots: real, blocked, othersReadOnly } };
}

/** The text, if nobody but its owner can have written it. */
async function readOwners(file: string): Promise<string | AllowlistState> {
  try {
    // A pipe in its place must not make us wait.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (!found.isFile()) return broken("is no plain file");
    if (found.size > MAX_BYTES) return broken("is larger than such a file can be");
    if ((found.mode & OTHERS_WRITE) !== 0) return broken("can be written by others: run chmod go-w on it");
    if (process.getuid && found.uid !== process.getuid() && found.uid !== 0) {
      return broken(`belongs to another user (uid ${found.uid})`);
    }
    return await handle.readFile("utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { state: "missing" };
    return broken(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function broken(why: string): AllowlistState {
  return { state: "broken", why };
}
