/**
 * Where a plugin's process lives, and how much of the machine it may use.
 *
 * - With bubblewrap it has namespaces of its own: it sees the machine read-only, without the home, the policies,
 *   the folder of the user and what lies in /tmp, without other processes; of all that only its own code and its
 *   own data are put back. The network is left to it, for it has to reach its platform. It has no capabilities,
 *   and no way to get any.
 * - Without bubblewrap it is an ordinary process with a clean environment, which `status` says.
 * - Its memory is held by the machine's cgroups where there are any, Buffers included; else by RLIMIT_DATA.
 *   It comes after the host in line for the processor.
 *
 * This is against faults and leaks, not against malice (docs/decisions/plugins-in-namespaces.md).
 */
import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { promisify } from "node:util";
import { modulesAround, type Programs } from "./programs.ts";

/** The strongest means of this machine to hold a whole process. */
export interface Limiter {
  readonly tier: string;
  hold(memoryBytes: number): Promise<Held>;
}
export interface Held {
  /** Words before the command, each a program that becomes the next one by exec. */
  readonly wrap: readonly string[];
  outOfMemory(): Promise<boolean>;
  close(): Promise<void>;
}

export interface HousingParts {
  readonly programs: Programs;
  /** Asked when the first process starts; undefined where the machine has nothing better than RLIMIT_DATA. */
  readonly limiter: () => Promise<Limiter | undefined>;
  /** Absolute folders that no plugin sees: the home, the policies, the user's own. */
  readonly hidden: readonly string[];
  readonly home: string;
  readonly timezone: string;
  /** No namespaces, though the machine has them: so that both can be proved on one machine. */
  readonly plain?: boolean | undefined;
}

export interface House {
  readonly folder: string;
  readonly data: string;
  readonly memoryMb: number;
  /** It mostly waits, as channels do. */
  readonly waits: boolean;
}

export interface Housed {
  readonly chain: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  outOfMemory(): Promise<boolean>;
  close(): Promise<void>;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MiB = 1024 * 1024;
/** Of its memory, what JavaScript's own heap may take; the rest is for Buffers and Node itself. */
const HEAP_SHARE = 0.6;
/** Young objects get 1 MiB and not 16: most of what an idle plugin that was busy once would keep. */
const NURSERY = "--max-semi-space-size=1";
/**
 * For what mostly waits. Without the compilers for code that runs hot, whose speed an adapter does not need: some 3 MiB.
 * The first of V8's compilers stays. And with V8's choices for a small heap: 2.2 MiB (`npm run bench -- channels`:
 * Telegram's takes 53.1 MiB and not 55.3, e-mail's 57.4 and not 59.6); messages take as long as without it.
 */
const UNHURRIED = ["--no-opt", "--no-maglev", "--optimize-for-size"];
/**
 * For the same, what glibc's malloc keeps of what was freed (mallopt(3)). One arena for all threads: 0.4 MiB. The threshold
 * is the one that it begins with; where it is given it does not grow with what was freed once: 3 MiB of WhatsApp's.
 */
const SPARING = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "131072" };
/** What Node reserves and never touches counts for RLIMIT_DATA. */
const RESERVED_BYTES = 600 * MiB;
const NOBODY = "65534";
const PROBE_MS = 5_000;
const NICENESS = "5";

type Means = { readonly namespaces: boolean; readonly limiter: Limiter | undefined };

export function createHousing({ programs, limiter, hidden, home, timezone, plain }: HousingParts) {
  let found: Promise<Means> | undefined;
  let known: Means | undefined;

  function means(): Promise<Means> {
    found ??= Promise.all([plain !== true && hasNamespaces(), limiter()]).then(([namespaces, holds]) => {
      known = { namespaces, limiter: holds };
      return known;
    });
    return found;
  }

  /** Options of bubblewrap: from the outermost folder to the innermost, so that each is seen as it is meant. */
  function views({ folder, data }: House): readonly string[] {
    const secret = [...hidden, "/tmp", "/var/tmp"].flatMap(real).filter((path) => path !== "/");
    const below = (path: string) => secret.some((root) => path === root || path.startsWith(`${root}/`));
    const [realHome = home] = real(home);
    const modules = [folder, ...programs.places]
      .flatMap(modulesAround)
      .filter((path) => path.startsWith(`${folder}/`) || !path.startsWith(`${realHome}/`));
    const shown = [realpathSync(process.execPath), ...programs.places, ...modules, folder].flatMap(real);
    const all = new Map<string, readonly string[]>([
      ...secret.map((path) => [path, ["--tmpfs", path]] as const),
      ...shown.filter(below).map((path) => [path, ["--ro-bind", path, path]] as const),
      [data, ["--bind", data, data]] as const,
    ]);
    const depth = (path: string) => path.split("/").length;
    return [...all].toSorted(([a], [b]) => depth(a) - depth(b)).flatMap(([, words]) => words);
  }

  return {
    async house(house: House): Promise<Housed> {
      const { data, folder, memoryMb, waits } = house;
      const { namespaces, limiter: holds } = await means();
      const bytes = memoryMb * MiB;
      const held = await holds?.hold(bytes);
      const env = { PATH, HOME: data, TMPDIR: "/tmp", TZ: timezone, ...(waits && SPARING) };
      const node = [
        realpathSync(process.execPath),
        `--max-old-space-size=${Math.floor(memoryMb * HEAP_SHARE)}`,
        NURSERY,
        ...(waits ? UNHURRIED : []),
        programs.start,
        `${data}/.compiled`,
        programs.main,
        JSON.stringify({ "@bellhop/sdk": programs.sdk, ...programs.sdkParts }),
      ];
      const limits = [
        "--core=0:0",
        ...(held ? [] : [`--data=${bytes + RESERVED_BYTES}:${bytes + RESERVED_BYTES}`]),
      ];
      const linux = process.platform === "linux";
      const walls = namespaces
        ? ["bwrap", ...namespaceOptions(), ...views({ ...house, folder }), "--chdir", data, "--"]
        : linux
          ? ["setpriv", "--pdeathsig", "KILL", "--"]
          : [];
      return {
        chain: [
          ...(held?.wrap ?? []),
          "nice",
          "-n",
          NICENESS,
          ...(linux ? ["prlimit", ...limits] : []),
          // What holds it may add to the environment, and its first process shows what it was started with.
          "env",
          "-i",
          ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
          ...walls,
          ...node,
        ],
        env: { PATH },
        cwd: namespaces ? "/" : data,
        outOfMemory: async () => (await held?.outOfMemory()) ?? false,
        close: async () => await held?.close(),
      };
    },

    /** For `status`; undefined as long as no process was started. */
    get described(): string | undefined {
      if (!known) return undefined;
      const walls = known.namespaces
        ? "each in namespaces of its own"
        : "NOT in namespaces of their own (bubblewrap is not there or does not work), so they can read what the host's user can";
      return `${walls}, memory held by ${known.limiter?.tier ?? "RLIMIT_DATA"}`;
    },
  };
}

export type Housing = ReturnType<typeof createHousing>;

/** As root too the process has no capability; it keeps root's files by name, and nothing of them can be written. */
function namespaceOptions(): readonly string[] {
  const asNobody = process.getuid?.() === 0 ? ["--uid", NOBODY, "--gid", NOBODY] : [];
  return [
    [
      "--unshare-user",
      ...asNobody,
      "--unshare-pid",
      "--unshare-ipc",
      "--cap-drop",
      "ALL",
      "--die-with-parent",
    ],
    ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    // Root's own sysctls may be written without any capability.
    ["--ro-bind", "/proc/sys", "/proc/sys"],
  ].flat();
}

async function hasNamespaces(): Promise<boolean> {
  if (process.platform !== "linux") return false;
  try {
    await promisify(execFile)("bwrap", [...namespaceOptions(), "--tmpfs", "/tmp", "--", "true"], {
      env: { PATH },
      timeout: PROBE_MS,
    });
    return true;
  } catch {
    return false; // `status` says what that means
  }
}

/** None where there is no such place. */
function real(path: string): readonly string[] {
  return existsSync(path) ? [realpathSync(path)] : [];
}
