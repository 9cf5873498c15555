/** Why a machine cannot make sandboxes, in words for the person who can mend it. */
import { readFile } from "node:fs/promises";
import { ConfigError } from "@bellhop/sdk";

export class UnfitError extends ConfigError {
  readonly reason: string;
  /** What to do, with the exact command where there is one. */
  readonly fix: string;
  constructor(reason: string, fix: string, options?: ErrorOptions) {
    super(`${reason}. ${fix}`, options);
    this.reason = reason;
    this.fix = fix;
  }
}

/** By `ID` and `ID_LIKE` of os-release(5). */
const INSTALL: readonly (readonly [family: RegExp, command: string])[] = [
  [/\b(debian|ubuntu)\b/, "apt-get install -y bubblewrap"],
  [/\b(fedora|rhel|centos)\b/, "dnf install -y bubblewrap"],
  [/\barch\b/, "pacman -S --needed bubblewrap"],
  [/\bsuse\b/, "zypper install -y bubblewrap"],
  [/\balpine\b/, "apk add bubblewrap util-linux"],
];

/** The command that installs bubblewrap on this distribution. */
export async function howToInstall(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const ids = release.match(/^ID(_LIKE)?=.*$/gm)?.join(" ") ?? "";
  const command = INSTALL.find(([family]) => family.test(ids))?.[1];
  if (command === undefined) return "Install bubblewrap 0.8 or newer with your system's package manager";
  return `Install it with: ${process.getuid?.() === 0 ? "" : "sudo "}${command}`;
}

/** What bubblewrap and its forerunners print, and what it means. */
const KNOWN: readonly (readonly [printed: RegExp, reason: string, fix: string])[] = [
  [
    /uid map: Permission denied|apparmor/i,
    "AppArmor keeps ordinary programs from making user namespaces",
    "Allow it with: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  ],
  [
    /nesting depth|No space left on device/,
    "This machine allows no (more) user namespaces",
    "Allow them with: sudo sysctl -w user.max_user_namespaces=15000",
  ],
  [
    /No permissions to create (a )?new namespace|Creating new namespace failed/,
    "Making user namespaces is forbidden here",
    "Allow it with: sudo sysctl -w kernel.unprivileged_userns_clone=1 (in a Docker container: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)",
  ],
  [
    /Can't mount proc/,
    "A sandbox cannot have a /proc of its own here, as in most containers",
    "Start the container with: --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
  ],
  [
    /unshare.*(failed|Operation not permitted)|mount: .*permission denied/i,
    "Bellhop runs as root, but without the right to mount",
    "Run it as an ordinary user, or give its container: --cap-add SYS_ADMIN",
  ],
  [
    /setpriv: set[a-z]+ failed/,
    "Bellhop runs as root, but may not become the user of a sandbox",
    "Run it as an ordinary user, or outside of a container whose user ids are limited",
  ],
];

/** @param printed what came on stderr when the trial sandbox failed */
export function explained(printed: string, code: number | null): UnfitError {
  const known = KNOWN.find(([pattern]) => pattern.test(printed));
  if (known) return new UnfitError(known[1], `${known[2]}. It said: ${printed.trim()}`);
  return new UnfitError(
    `A trial sandbox ended with code ${code}: ${printed.trim() || "it said nothing"}`,
    "Try `bwrap --unshare-user --ro-bind / / true`: it has to work for the user that runs Bellhop",
  );
}
