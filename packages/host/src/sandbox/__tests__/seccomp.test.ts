import { ConfigError } from "@bellhop/sdk";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ALLOW,
  type Arch,
  DENIED,
  EAFNOSUPPORT,
  ENOSYS,
  EPERM,
  KILL_PROCESS,
  seccompFilter,
} from "../seccomp.ts";

interface Call {
  readonly arch?: number;
  readonly nr: number;
  readonly args?: readonly number[];
}

/** Runs the bytes as the kernel's classic BPF machine does. */
function verdict(arch: Arch, { arch: seen, nr, args = [] }: Call): number {
  const code = seccompFilter(arch);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, seen ?? (arch === "x64" ? 0xc000003e : 0xc00000b7), true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, BigInt(value), true);

  let accumulator = 0;
  for (let at = 0; at * 8 < code.length; at++) {
    const operation = code.readUInt16LE(at * 8);
    const jump = (holds: boolean) => code.readUInt8(at * 8 + (holds ? 2 : 3));
    const k = code.readUInt32LE(at * 8 + 4);
    if (operation === 0x20) accumulator = data.getUint32(k, true);
    else if (operation === 0x15) at += jump(accumulator === k);
    else if (operation === 0x35) at += jump(accumulator >= k);
    else if (operation === 0x45) at += jump((accumulator & k) !== 0);
    else if (operation === 0x06) return k;
    else throw new Error(`instruction ${at} is unknown: ${operation}`);
  }
  throw new Error("the program ran off its end");
}

const calls = {
  x64: { read: 0, openat: 257, clone: 56, clone3: 435, socket: 41, ioctl: 16 },
  arm64: { read: 63, openat: 56, clone: 220, clone3: 435, socket: 198, ioctl: 29 },
} as const;

describe.each(["x64", "arm64"] as const)("the system call filter on %s", (arch) => {
  const column = arch === "x64" ? 0 : 1;
  const { read, openat, clone, clone3, socket, ioctl } = calls[arch];

  it.each(Object.entries(DENIED).filter(([, numbers]) => numbers[column] >= 0))("denies %s", (_, numbers) => {
    expect(verdict(arch, { nr: numbers[column] })).toBe(EPERM);
  });

  it("allows what every program does", () => {
    expect(verdict(arch, { nr: read })).toBe(ALLOW);
    expect(verdict(arch, { nr: openat })).toBe(ALLOW);
    expect(verdict(arch, { nr: 434 })).toBe(ALLOW); // pidfd_open
  });

  it("lets a process fork and start threads, but not make namespaces", () => {
    expect(verdict(arch, { nr: clone, args: [0x01200011] })).toBe(ALLOW); // fork
    expect(verdict(arch, { nr: clone, args: [0x003d0f00] })).toBe(ALLOW); // pthread_create
    expect(verdict(arch, { nr: clone, args: [0x10000011] })).toBe(EPERM); // CLONE_NEWUSER
    expect(verdict(arch, { nr: clone, args: [0x00020011] })).toBe(EPERM); // CLONE_NEWNS
    expect(verdict(arch, { nr: clone3 })).toBe(ENOSYS);
  });

  it("allows only sockets that a network namespace confines", () => {
    for (const family of [1, 2, 10, 16]) expect(verdict(arch, { nr: socket, args: [family] })).toBe(ALLOW);
    for (const family of [17, 38, 40])
      expect(verdict(arch, { nr: socket, args: [family] })).toBe(EAFNOSUPPORT);
  });

  it("keeps a program from typing into its terminal", () => {
    expect(verdict(arch, { nr: ioctl, args: [0, 0x5401] })).toBe(ALLOW); // TCGETS
    expect(verdict(arch, { nr: ioctl, args: [0, 0x5412] })).toBe(EPERM);
  });

  it("kills a program of another architecture", () => {
    expect(verdict(arch, { arch: 0x40000003, nr: read })).toBe(KILL_PROCESS); // i386
  });

  it("ends in a verdict, whatever is called", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.array(fc.nat(0xffffffff), { maxLength: 6 }), (nr, args) => {
        expect([ALLOW, EPERM, ENOSYS, EAFNOSUPPORT]).toContain(verdict(arch, { nr, args }));
      }),
    );
  });
});

describe("the system call filter", () => {
  it("denies the second numbering of x86-64", () => {
    expect(verdict("x64", { nr: 0x40000000 })).toBe(EPERM);
  });

  it("is refused for a machine it has no table of", () => {
    expect(() => seccompFilter("riscv64")).toThrow(ConfigError);
  });
});
