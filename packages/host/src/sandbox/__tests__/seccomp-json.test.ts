/**
 * The filter as OCI engines take it must be the same as bubblewrap's: every verdict is compared, by
 * reading the profile as libseccomp does.
 */
import * as fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DENIED, seccompJson } from "../seccomp.ts";

const Profile = z.object({
  defaultAction: z.literal("SCMP_ACT_ALLOW"),
  archMap: z.array(z.object({ architecture: z.string(), subArchitectures: z.array(z.string()).max(0) })),
  syscalls: z.array(
    z.object({
      names: z.array(z.string()).min(1),
      action: z.literal("SCMP_ACT_ERRNO"),
      errnoRet: z.int().positive(),
      args: z
        .array(
          z.object({
            index: z.int(),
            value: z.int(),
            valueTwo: z.int().optional(),
            op: z.enum(["SCMP_CMP_EQ", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"]),
          }),
        )
        .max(1), // more than one for the same argument would be joined by "or"
    }),
  ),
});

/** What the kernel answers: an error number, or undefined for yes. */
function verdict(
  inmates: "agent" | "browser",
  name: string,
  args: readonly number[] = [],
): number | undefined {
  const { syscalls } = Profile.parse(seccompJson(inmates));
  return syscalls.find((rule) => {
    const matches = rule.args.every(({ index, op, value, valueTwo = 0 }) => {
      const given = BigInt(args[index] ?? 0);
      if (op === "SCMP_CMP_EQ") return given === BigInt(value);
      if (op === "SCMP_CMP_GT") return given > BigInt(value);
      return (given & BigInt(value)) === BigInt(valueTwo);
    });
    return rule.names.includes(name) && matches;
  })?.errnoRet;
}

const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
const CLONE = { user: 0x10000000, process: 0x20000000, net: 0x40000000, mount: 0x20000 };

describe("the filter as container engines take it", () => {
  it("is committed as the engines and people read it", () => {
    const file = (name: string): unknown =>
      JSON.parse(readFileSync(new URL(`../../../../../container/${name}`, import.meta.url), "utf8"));

    expect(file("seccomp.json")).toEqual(seccompJson("agent"));
    expect(file("seccomp-browser.json")).toEqual(seccompJson("browser"));
  });

  it("knows exactly the two machines, and none of their other numberings", () => {
    const { archMap } = Profile.parse(seccompJson("agent"));

    expect(archMap.map(({ architecture }) => architecture)).toEqual([
      "SCMP_ARCH_X86_64",
      "SCMP_ARCH_AARCH64",
    ]);
  });

  it.each(Object.keys(DENIED))("denies %s", (name) => {
    expect(verdict("agent", name)).toBe(EPERM);
  });

  it("judges namespaces, sockets and terminals as bubblewrap's does", () => {
    expect(verdict("agent", "clone", [0x01200011])).toBeUndefined(); // fork
    expect(verdict("agent", "clone", [0x003d0f00])).toBeUndefined(); // pthread_create
    for (const flag of Object.values(CLONE)) expect(verdict("agent", "clone", [flag | 0x11])).toBe(EPERM);
    expect(verdict("agent", "clone3")).toBe(ENOSYS);
    expect(verdict("agent", "ioctl", [0, 0x5401])).toBeUndefined();
    expect(verdict("agent", "ioctl", [0, 0x5412])).toBe(EPERM);
    fc.assert(
      fc.property(fc.nat(0xffffffff), (family) => {
        const allowed = [1, 2, 10, 16].includes(family);
        expect(verdict("agent", "socket", [family])).toBe(allowed ? undefined : EAFNOSUPPORT);
      }),
      { examples: Array.from({ length: 48 }, (_, family) => [family]) },
    );
  });

  it("lets a browser build its own sandbox where that is wanted, and still not mount, trace or enter others", () => {
    for (const flag of [CLONE.user, CLONE.process, CLONE.net]) {
      expect(verdict("browser", "clone", [flag | 0x11])).toBeUndefined();
    }
    expect(verdict("browser", "clone", [CLONE.user | CLONE.mount])).toBe(EPERM);
    expect(verdict("browser", "unshare")).toBeUndefined();
    expect(verdict("browser", "chroot")).toBeUndefined();
    for (const name of ["mount", "setns", "ptrace", "bpf", "keyctl", "open_by_handle_at"]) {
      expect(verdict("browser", name)).toBe(EPERM);
    }
  });
});
