/**
 * The system calls that nothing in a sandbox needs: a classic BPF program for `bwrap --seccomp`.
 *
 * A deny list, so that compilers and interpreters of any kind keep working. It closes the parts of
 * the kernel that have a history of escapes, and the sockets that a network namespace does not
 * confine (AF_VSOCK reaches the hypervisor of a virtual machine). A program of another
 * architecture (32-bit on a 64-bit machine) would pass the numbers by, so it is killed.
 *
 * The numbers are those of Linux' `unistd_64.h` (x86-64) and `asm-generic/unistd.h` (arm64).
 */
import { ConfigError } from "@bellhop/sdk";

export type Arch = "x64" | "arm64";

/** `name: [x86-64, arm64]`; -1 where the architecture has no such call. */
export const DENIED = {
  // other processes' memory and files
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // the kernel's own machinery
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  fanotify_init: [300, 262],
  lookup_dcookie: [212, 18],
  syslog: [103, 116],
  // keys are not confined by namespaces
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // mounts and namespaces
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  unshare: [272, 97],
  setns: [308, 268],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // the machine
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  create_module: [174, -1],
  get_kernel_syms: [177, -1],
  query_module: [178, -1],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  vhangup: [153, 58],
  move_pages: [279, 239],
  migrate_pages: [256, 238],
  nfsservctl: [180, 42],
  iopl: [172, -1],
  ioperm: [173, -1],
  modify_ldt: [154, -1],
  uselib: [134, -1],
  ustat: [136, -1],
  sysfs: [139, -1],
  _sysctl: [156, -1],
} as const satisfies Record<string, readonly [x64: number, arm64: number]>;

/** What is judged by its first arguments, too. */
const JUDGED = {
  x64: { clone: 56, clone3: 435, socket: 41, ioctl: 16 },
  arm64: { clone: 220, clone3: 435, socket: 198, ioctl: 29 },
} as const;

/** `AUDIT_ARCH_*` of linux/audit.h. */
const AUDIT_ARCH = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of linux/sched.h. */
const NEW_NAMESPACES = 0x7e020000;
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: those a network namespace confines. */
const SOCKET_FAMILIES = [1, 2, 10, 16];
/** TIOCSTI and TIOCLINUX put words into a terminal's mouth. */
const TERMINAL_FORGERY = [0x5412, 0x541c];
/** On x86-64 the second, 32-bit-pointer numbering of all calls begins here. */
const X32 = 0x40000000;

export const ALLOW = 0x7fff0000;
export const KILL_PROCESS = 0x80000000;
const ERRNO = 0x00050000;
export const EPERM = ERRNO | 1;
/** For `clone3`, whose flags lie in memory where no filter sees them: libc falls back to `clone`. */
export const ENOSYS = ERRNO | 38;
export const EAFNOSUPPORT = ERRNO | 97;

/** `struct sock_filter` of linux/filter.h. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JEQ = 0x15;
const JGE = 0x35;
const JSET = 0x45;
const RETURN = 0x06;
/** Offsets in `struct seccomp_data`; of an argument the low half, both machines being little-endian. */
const NR = 0;
const ARCH = 4;
const argument = (index: number) => 16 + 8 * index;

const load = (k: number): Instruction => ({ code: LOAD, jt: 0, jf: 0, k });
const give = (k: number): Instruction => ({ code: RETURN, jt: 0, jf: 0, k });
/** Goes on with the next instruction if the test holds, else skips `otherwise` instructions. */
const when = (code: number, k: number, otherwise: number): Instruction => ({ code, jt: 0, jf: otherwise, k });
/** `verdict` if the test holds, else on. */
const rule = (code: number, k: number, verdict: number) => [when(code, k, 1), give(verdict)];
/** A block for one call, entered by its number; it must end in a verdict. */
const judge = (call: number, block: readonly Instruction[]) => [when(JEQ, call, block.length), ...block];

/** The filter of one architecture, in the order it is run. */
export function seccompProgram(arch: Arch): readonly Instruction[] {
  const { clone, clone3, socket, ioctl } = JUDGED[arch];
  const column = arch === "x64" ? 0 : 1;
  const denied = Object.values(DENIED)
    .map((numbers) => numbers[column])
    .filter((number) => number >= 0);
  return [
    load(ARCH),
    { code: JEQ, jt: 1, jf: 0, k: AUDIT_ARCH[arch] },
    give(KILL_PROCESS),
    load(NR),
    ...(arch === "x64" ? rule(JGE, X32, EPERM) : []),
    ...rule(JEQ, clone3, ENOSYS),
    ...judge(clone, [load(argument(0)), ...rule(JSET, NEW_NAMESPACES, EPERM), give(ALLOW)]),
    ...judge(socket, [
      load(argument(0)),
      ...SOCKET_FAMILIES.flatMap((family) => rule(JEQ, family, ALLOW)),
      give(EAFNOSUPPORT),
    ]),
    ...judge(ioctl, [
      load(argument(1)),
      ...TERMINAL_FORGERY.flatMap((request) => rule(JEQ, request, EPERM)),
      give(ALLOW),
    ]),
    ...denied.flatMap((number) => rule(JEQ, number, EPERM)),
    give(ALLOW),
  ];
}

/**
 * The filter as bubblewrap reads it from a descriptor.
 * @throws ConfigError on an architecture that has no table here
 */
export function seccompFilter(arch: string): Buffer {
  if (arch !== "x64" && arch !== "arm64") {
    throw new ConfigError(
      `Bellhop's sandbox knows the system calls of x64 and arm64, not of ${arch}: use a machine of those kinds`,
    );
  }
  const program = seccompProgram(arch);
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, jt, jf, k }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  }
  return bytes;
}

/** For whom the profile is made. */
export type Inmates =
  /** Nobody in the sandbox makes namespaces. */
  | "agent"
  /** A browser may build its own inner sandbox, which takes user, process and network namespaces. */
  | "browser";

/** What Chromium's own sandbox is made with, beyond what every program may. */
const BROWSER = { calls: ["unshare", "chroot"], namespaces: 0x70000000 } as const;

/**
 * The same filter as an OCI engine takes it (`--security-opt seccomp=`), for both architectures.
 * A filter of these knows no "and" for one argument, so the socket families are denied around those allowed.
 */
export function seccompJson(inmates: Inmates): object {
  const browser = inmates === "browser";
  const names = Object.keys(DENIED).filter(
    (name) => !browser || !BROWSER.calls.some((allowed) => allowed === name),
  );
  const forbidden = browser ? NEW_NAMESPACES & ~BROWSER.namespaces : NEW_NAMESPACES;
  const bits = Array.from({ length: 31 }, (_, index) => 2 ** index).filter((bit) => (forbidden & bit) !== 0);
  const highest = Math.max(...SOCKET_FAMILIES);
  const gaps = Array.from({ length: highest }, (_, family) => family).filter(
    (family) => !SOCKET_FAMILIES.includes(family),
  );
  const deny = (name: string, errnoRet: number, args: readonly object[] = []) => {
    return { names: [name], action: "SCMP_ACT_ERRNO", errnoRet, args };
  };
  const when = (index: number, op: string, value: number, valueTwo?: number) => [
    { index, value, ...(valueTwo !== undefined && { valueTwo }), op },
  ];
  const errno = (verdict: number) => verdict & 0xffff;
  const [eperm, eafnosupport] = [errno(EPERM), errno(EAFNOSUPPORT)];
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    // Nothing but these: a program of another numbering is killed.
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
    ],
    syscalls: [
      { names, action: "SCMP_ACT_ERRNO", errnoRet: eperm, args: [] },
      deny("clone3", errno(ENOSYS)),
      ...bits.map((bit) => deny("clone", eperm, when(0, "SCMP_CMP_MASKED_EQ", bit, bit))),
      ...gaps.map((family) => deny("socket", eafnosupport, when(0, "SCMP_CMP_EQ", family))),
      deny("socket", eafnosupport, when(0, "SCMP_CMP_GT", highest)),
      ...TERMINAL_FORGERY.map((request) => deny("ioctl", eperm, when(1, "SCMP_CMP_EQ", request))),
    ],
  };
}
