/**
 * Which folders of this machine a sandbox may be given beside its group's own, and where in it they are seen.
 * Pure: what the file system says is an argument, and `policy/mounts.ts` asks it.
 *
 * - Nothing is given that the owner's allowlist does not permit: it must lie in an allowed root, and is read-only
 *   unless both the mount and the root say rw. Of several roots around it the nearest one counts.
 * - What is named like a secret is never given, whatever the allowlist says, nor is Bellhop's own, nor what
 *   contains Bellhop's own, nor what the kernel and running programs show as files.
 * - Each mount is judged alone. One that is refused is told with its reason, and the others are given.
 */
import { nameFinder, secretIn } from "./secret-names.ts";

/** Who wants it. A plugin may name a place of its own inside only where the owner approved that. */
export type MountOrigin =
  | { readonly kind: "group" }
  | { readonly kind: "plugin"; readonly name: string; readonly allowAbsoluteContainerPath: boolean };

export interface WantedMount {
  /** On this machine: absolute, or below the user's home as `~/…`. */
  readonly source: string;
  /** Inside: below `/workspace/extra`; by default the last part of the source. */
  readonly target?: string | undefined;
  readonly mode: "ro" | "rw";
  readonly origin: MountOrigin;
}

export interface Allowlist {
  /** Real paths: no links, no `~`. */
  readonly roots: readonly { readonly path: string; readonly rw: boolean }[];
  /** Names that are refused beside those that are so always. */
  readonly blocked: readonly string[];
  /** Whether only `main` may write into what is mounted. */
  readonly othersReadOnly: boolean;
}

export interface MountScene {
  readonly allowlist: Allowlist;
  /** The group is `main`. */
  readonly main: boolean;
  /** Real paths of Bellhop's own folders: its home, and where its policies are. */
  readonly own: readonly string[];
  /** Where things are inside already: other mounts that were allowed. */
  readonly taken: readonly string[];
}

export type MountVerdict =
  | { readonly ok: true; readonly target: string; readonly mode: "ro" | "rw" }
  | { readonly ok: false; readonly reason: string };

export const EXTRA = "/workspace/extra";
/** What the room itself provides, or a runtime does. */
const ROOM_OWN = [
  "/bin",
  "/sbin",
  "/usr",
  "/lib",
  "/etc",
  "/proc",
  "/sys",
  "/dev",
  "/run",
  "/tmp",
  "/var/tmp",
  "/var/run",
  "/root",
  "/boot",
  "/opt/bellhop",
  "/home/agent",
  "/workspace/group",
  "/workspace/global",
  "/workspace/media",
  "/workspace/plugins",
  "/workspace/CLAUDE.md",
];
/** On this machine: not files, but doors to the kernel and to running programs. */
const NO_FILES = ["/proc", "/sys", "/dev", "/run"];
/** Where desktops put sticks and disks, though it is below /run. */
const REMOVABLE = "/run/media";
const LONGEST_TARGET = 255;

/** `~` and `~/…` are the user's home. Undefined for what is no absolute path then. */
export function expanded(path: string, userHome: string): string | undefined {
  const whole = path === "~" || path.startsWith("~/") ? userHome + path.slice(1) : path;
  if (!whole.startsWith("/") || hasControl(whole)) return undefined;
  return whole;
}

/** @param real where the source really is, with no link on the way */
export function judgeMount(wanted: WantedMount, real: string, scene: MountScene): MountVerdict {
  const { allowlist, main, own, taken } = scene;
  const source = judgeSource(wanted.source, real, allowlist, own);
  if (!source.ok) return source;
  const target = judgeTarget(wanted, real, taken);
  if (!target.ok) return target;
  const mayWrite = source.rw && (main || !allowlist.othersReadOnly);
  return { ok: true, target: target.path, mode: wanted.mode === "rw" && mayWrite ? "rw" : "ro" };
}

function judgeSource(
  given: string,
  real: string,
  { roots, blocked }: Allowlist,
  own: readonly string[],
): { ok: true; rw: boolean } | Refused {
  if (own.some((path) => isWithin(real, path))) return refused("it is Bellhop's own, which no agent may see");
  if (own.some((path) => isWithin(path, real))) {
    return refused("Bellhop's own folders are in it, which no agent may see; mount a folder beside them");
  }
  if (NO_FILES.some((path) => isWithin(real, path)) && !real.startsWith(`${REMOVABLE}/`)) {
    return refused("what is there are no files, but ways to the system and to running programs");
  }
  // By both names: a link that is called .ssh says what it leads to.
  const secret = secretIn(real) ?? secretIn(given);
  if (secret !== undefined) return refused(`its path is named like a secret (${secret})`);
  const blockedIn = nameFinder(blocked);
  const unwanted = blockedIn(real) ?? blockedIn(given);
  if (unwanted !== undefined) return refused(`the allowlist blocks the name ${unwanted}`);
  const root = roots
    .filter(({ path }) => isWithin(real, path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  return root ? { ok: true, rw: root.rw } : refused("it is in none of the roots that the allowlist allows");
}

function judgeTarget(
  { target, source, origin }: WantedMount,
  real: string,
  taken: readonly string[],
): { ok: true; path: string } | Refused {
  const wanted = target ?? (lastPart(source) || lastPart(real));
  if (hasControl(wanted) || wanted.length > LONGEST_TARGET) return refused("its target is no plain path");
  const absolute = wanted.startsWith("/");
  if (absolute && origin.kind === "group") {
    return refused(`its target must be relative: it is seen below ${EXTRA}`);
  }
  if (absolute && origin.kind === "plugin" && !origin.allowAbsoluteContainerPath) {
    return refused(`its target must be relative, unless you approve the plugin's allowAbsoluteContainerPath`);
  }
  const parts = (absolute ? wanted.slice(1) : wanted).split("/");
  if (parts.some((part) => part === "" || part === "." || part === ".." || part === "~")) {
    return refused("its target is no plain path: no part of it may be empty, . or ..");
  }
  const path = absolute ? wanted : `${EXTRA}/${wanted}`;
  const over = [EXTRA, ...ROOM_OWN].find((one) => isWithin(one, path));
  if (over !== undefined) return refused(`its target would hide ${over}`);
  if (/^\/lib[^/]*(\/|$)/.test(path)) return refused("its target lies where the sandbox has its libraries");
  const inside = ROOM_OWN.find((one) => isWithin(path, one));
  if (inside !== undefined) return refused(`its target lies in ${inside}, which is the sandbox's own`);
  const other = taken.find((one) => isWithin(one, path) || isWithin(path, one));
  if (other !== undefined)
    return refused(`its target ${path} and the mount at ${other} are in each other's way`);
  return { ok: true, path };
}

type Refused = Extract<MountVerdict, { ok: false }>;

function refused(reason: string): Refused {
  return { ok: false, reason };
}

/** Both absolute and plain. A path is within itself. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === "/" || path.startsWith(`${folder}/`);
}

/** Empty for `/`, `~` and what ends in dots: the real path has a name. */
function lastPart(path: string): string {
  const last = path.split("/").findLast((part) => part !== "") ?? "";
  return last === "~" || last === "." || last === ".." ? "" : last;
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
