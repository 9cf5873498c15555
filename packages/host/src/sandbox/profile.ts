/**
 * The room itself, as options of bubblewrap (design 5.3): what is there, what can be written, and
 * what the program in it knows of itself.
 *
 * Nothing of the host is in it but its programs and libraries (`/usr` and its like, read-only) and
 * what is mounted. All namespaces are its own, the network has nothing but loopback, and every
 * place that can be written is either mounted or capped.
 */
import { lstat, readlink } from "node:fs/promises";
import { RejectedError } from "@bellhop/sdk";
import { DOOR_FILES, DOOR_URL } from "../core/door.ts";
import type { Command, Mount, SandboxLimits } from "../turns/sandbox.ts";

/** Where things are inside. */
export const INSIDE = {
  node: "/opt/bellhop/bin/node",
  forwarder: "/opt/bellhop/forwarder.mjs",
  doorProgram: "/opt/bellhop/door.mjs",
  mux: "/opt/bellhop/mux.mjs",
  door: "/run/bellhop",
  group: "/workspace/group",
  home: "/home/agent",
} as const;

const ROOTS = `${INSIDE.door}/${DOOR_FILES.roots}`;
const AUTHORITY = `${INSIDE.door}/${DOOR_FILES.authority}`;
const CHROMIUM_POLICY = `${INSIDE.door}/${DOOR_FILES.chromium}`;
/** Docker's default. */
export const SHM_BYTES = 64 * 1024 * 1024;
/** Inside, whatever the user is outside. */
const AGENT = "1000";

/** What every program in a sandbox has in its environment. */
const ENVIRONMENT = {
  PATH: "/opt/bellhop/bin:/usr/local/bin:/usr/bin:/bin",
  HOME: INSIDE.home,
  USER: "agent",
  SHELL: "/bin/bash",
  LANG: "C.UTF-8",
  TMPDIR: "/tmp",
  CLAUDE_CONFIG_DIR: `${INSIDE.home}/.claude`,
  ANTHROPIC_BASE_URL: DOOR_URL,
  HTTP_PROXY: DOOR_URL,
  HTTPS_PROXY: DOOR_URL,
  http_proxy: DOOR_URL,
  https_proxy: DOOR_URL,
  // Without it a client would ask the proxy for the proxy.
  NO_PROXY: "localhost,127.0.0.1",
  no_proxy: "localhost,127.0.0.1",
  NODE_USE_ENV_PROXY: "1",
  // Whom to trust: programs agree on no name for it. These two add to roots of their own …
  NODE_EXTRA_CA_CERTS: AUTHORITY,
  DENO_CERT: AUTHORITY,
  // … and these stand in their place.
  SSL_CERT_FILE: ROOTS,
  CURL_CA_BUNDLE: ROOTS,
  GIT_SSL_CAINFO: ROOTS,
  REQUESTS_CA_BUNDLE: ROOTS,
  PIP_CERT: ROOTS,
  npm_config_cafile: ROOTS,
  AWS_CA_BUNDLE: ROOTS,
  CARGO_HTTP_CAINFO: ROOTS,
} as const;

/**
 * What Debian's Chromium reads before it starts; the agent image has the same. Its crash handler, without which it
 * does not start, wants a place to write to. Its own sandbox needs user namespaces; without, ours is the wall.
 */
export const CHROMIUM_START = [
  'export XDG_CONFIG_HOME="${XDG_CONFIG_HOME:-/tmp/.config}" XDG_CACHE_HOME="${XDG_CACHE_HOME:-/tmp/.cache}"',
  'CHROMIUM_FLAGS="$CHROMIUM_FLAGS --disable-dev-shm-usage"',
  'unshare --user true 2>/dev/null || CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox"',
] as const;

/** The few files of /etc that programs look for, where the agent has this user and group inside. */
export const etcFiles = (user: string, group: string) => ({
  "/etc/passwd": `agent:x:${user}:${group}:agent:${INSIDE.home}:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n`,
  "/etc/group": `agent:x:${group}:\nnogroup:x:65534:\n`,
  "/etc/hosts": "127.0.0.1 localhost agent\n::1 localhost\n",
  "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
});

/** The same in every sandbox of bubblewrap's. */
export const ETC_FILES = {
  ...etcFiles(AGENT, AGENT),
  "/etc/chromium.d/bellhop": `${CHROMIUM_START.join("\n")}\n`,
};

/** Links, because what they lead to differs from install to install. Chromium, and Google's Chrome. */
const ETC_LINKS = ["/etc/chromium", "/etc/opt/chrome"].flatMap((etc) => {
  return ["--symlink", CHROMIUM_POLICY, `${etc}/policies/managed/bellhop.json`];
});

/** Of the host's /etc only what holds no secret: never /etc/ssl or /etc/pki as a whole (private keys). */
const ETC_MOUNTS = [
  "/etc/ssl/certs",
  "/etc/ssl/openssl.cnf",
  "/etc/ca-certificates",
  "/etc/pki/tls/certs",
  "/etc/pki/ca-trust/extracted",
  "/etc/crypto-policies",
  "/etc/alternatives",
  "/etc/fonts",
  "/etc/ld.so.cache",
  "/etc/localtime",
];

export interface Room {
  /** Every mount, with the path that bubblewrap is to take it from. */
  readonly mounts: readonly Mount[];
  readonly limits: SandboxLimits;
  /** See `hostTrees`. */
  readonly trees: readonly string[];
  /** Descriptors that hold `ETC_FILES`, in their order. */
  readonly etcFds: readonly number[];
}

/** The options of bubblewrap for a command in a room; they end before the command's own words. */
export function profile({ mounts, limits, trees, etcFds }: Room, cwd: string): string[] {
  const tmpfs = (path: string, bytes: number, mode: string) => {
    return ["--perms", mode, "--size", String(bytes), "--tmpfs", path];
  };
  return [
    ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"],
    ["--unshare-net", "--disable-userns", "--uid", AGENT, "--gid", AGENT, "--hostname", "agent"],
    ["--die-with-parent", "--new-session", "--cap-drop", "ALL"],
    trees,
    ["--proc", "/proc", "--dev", "/dev"],
    tmpfs("/dev/shm", SHM_BYTES, "1777"),
    tmpfs("/tmp", limits.tmpBytes, "1777"),
    tmpfs(INSIDE.home, limits.tmpBytes, "0700"),
    ["--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run"],
    ETC_MOUNTS.flatMap((path) => ["--ro-bind-try", path, path]),
    Object.keys(ETC_FILES).flatMap((path, index) => {
      return ["--perms", "0444", "--file", String(etcFds[index]), path];
    }),
    ETC_LINKS,
    mounts.flatMap(({ source, target, mode }) => [mode === "rw" ? "--bind" : "--ro-bind", source, target]),
    ["--chdir", cwd],
    // /dev is a file system of its own, and could be filled.
    ["--remount-ro", "/dev", "--remount-ro", "/"],
  ].flat();
}

/**
 * The whole environment of a command; its own values come before the room's.
 * @throws RejectedError for a command in which an option of bubblewrap's could hide
 */
export function environment({ argv, env, cwd = INSIDE.group }: Command): Readonly<Record<string, string>> {
  const broken = [cwd, ...argv, ...Object.entries(env).flat()].find((word) => word.includes("\0"));
  if (broken !== undefined) {
    throw new RejectedError(`a sandbox cannot be given ${JSON.stringify(broken)}: it holds a NUL character`);
  }
  return { ...ENVIRONMENT, PWD: cwd, ...env };
}

/**
 * Where mounts may go: absolute and plain, outside what the room itself provides, none twice, and
 * none inside what the agent can write (a link it has left there would lead the mount astray).
 * Returns them with parents before children.
 * @throws RejectedError
 */
export function checkedTargets<M extends Mount>(mounts: readonly M[]): M[] {
  const sorted = [...mounts].sort((a, b) => (a.target < b.target ? -1 : 1));
  for (const [index, { target }] of sorted.entries()) {
    const refuse = (why: string) => new RejectedError(`${target} cannot be a mount in a sandbox: ${why}`);
    if (!/^(\/[^/\0]+)+$/.test(target) || /\/\.\.?(\/|$)/.test(target)) throw refuse("it is no plain path");
    if (/^\/(usr|bin|s?bin|lib[^/]*|proc|dev|sys|tmp)(\/|$)/.test(target)) {
      throw refuse("the sandbox has its own there");
    }
    for (const before of sorted.slice(0, index)) {
      if (before.target === target) throw refuse("two things are mounted there");
      if (before.mode === "rw" && target.startsWith(`${before.target}/`)) {
        throw refuse(`it is below ${before.target}, which the agent can write`);
      }
    }
  }
  return sorted;
}

/** The host's programs and libraries: /usr, and the rest as the links or folders that they are here. */
export async function hostTrees(): Promise<readonly string[]> {
  const rest = await Promise.all(
    ["/bin", "/sbin", "/lib", "/lib32", "/lib64"].map(async (path) => {
      const found = await lstat(path).catch(() => undefined); // not every machine has every one
      if (!found) return [];
      return found.isSymbolicLink() ? ["--symlink", await readlink(path), path] : ["--ro-bind", path, path];
    }),
  );
  return ["--ro-bind", "/usr", "/usr", ...rest.flat()];
}
