/**
 * What a root host does before it becomes the group's user.
 *
 * That user cannot walk to the sources, because home and clone may lie below folders that are 0700.
 * So they are bound, still as root and in a private mount namespace, into a small file system of
 * mode 0711, and bubblewrap takes them from there. All of it ends with the process: nothing is left.
 *
 * A bind goes by path, since the kernel refuses descriptors of another mount namespace; a source that
 * was swapped in between is found by forwarder.mjs before anything of the agent's runs.
 */
import { mkdir } from "node:fs/promises";
import { RejectedError } from "@bellhop/sdk";
import type { Source } from "./sources.ts";

/** An empty folder every user can walk to. Nothing is ever seen in it from outside. */
const STAGE = "/run/bellhop-stage";

/**
 * Sandboxes of group n run as this + n. Above everything that distributions, systemd and
 * subuid files hand out (systemd's UIDS-GIDS leaves 1879048192…2147352575 free).
 */
const FIRST_UID = 1_900_000_000;
const LAST_UID = 2_147_352_575;

/**
 * The user of a group's sandboxes: its own where the host is root, else undefined (the host's).
 * @throws RejectedError when the number is none a group can have
 */
export function sandboxUid(groupNumber: number): number | undefined {
  if (!Number.isInteger(groupNumber) || groupNumber < 0 || groupNumber > LAST_UID - FIRST_UID) {
    throw new RejectedError(
      `a group cannot have the number ${groupNumber}: 0 to ${LAST_UID - FIRST_UID} are there`,
    );
  }
  return process.getuid?.() === 0 ? FIRST_UID + groupNumber : undefined;
}

/**
 * $1 the stage, $2 the mounts as an fstab, $3 the user, then `--`-ended names of those that are
 * files, then the command. Octal escapes keep any path one word of the fstab.
 */
const SCRIPT = `set -eu
stage=$1 mounts=$2 user=$3; shift 3
mount -t tmpfs -o mode=0711,nosuid,nodev,size=1m bellhop "$stage"
printf %s "$mounts" > "$stage/fstab"
while [ "$1" != -- ]; do : > "$stage/$1"; shift; done; shift
mount --all --fstab "$stage/fstab"
rm "$stage/fstab"
exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs -- "$@"`;

export interface Staged {
  /** Words before the command, as of `Held.wrap`. */
  readonly wrap: readonly string[];
  /** Where the command finds the source of this index. */
  readonly path: (index: number) => string;
}

/** Makes it so that the command runs as `uid` and finds every source under its staged path. */
export async function stage(sources: readonly Source[], uid: number): Promise<Staged> {
  await mkdir(STAGE, { mode: 0o711, recursive: true });
  const path = (index: number) => `${STAGE}/${index}`;
  const mounts = sources.map(({ path: source, directory }, index) => {
    const options = directory ? "rbind,X-mount.mkdir" : "bind";
    return `${escaped(source)} ${path(index)} none ${options} 0 0\n`;
  });
  const files = sources.flatMap(({ directory }, index) => (directory ? [] : [String(index)]));
  return {
    wrap: [
      ["unshare", "--mount", "--propagation", "private", "--"],
      ["sh", "-c", SCRIPT, "sh", STAGE, mounts.join(""), String(uid), ...files, "--"],
    ].flat(),
    path,
  };
}

/** fstab(5): the file's own separators and anything odd as octal. */
function escaped(path: string): string {
  return [...Buffer.from(path)]
    .map((byte) => {
      const plain = /[A-Za-z0-9/_.,:+@%-]/.test(String.fromCharCode(byte));
      return plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
    })
    .join("");
}
