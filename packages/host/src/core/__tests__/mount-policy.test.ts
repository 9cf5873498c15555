import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expanded, judgeMount, type MountScene, type WantedMount } from "../mount-policy.ts";

const GROUP = { kind: "group" } as const;
const approved = { kind: "plugin", name: "notes", allowAbsoluteContainerPath: true } as const;

/** Ada's machine: her projects may be written, her photos read. */
function judge(
  source: string,
  {
    real = source,
    roots = [
      { path: "/home/ada/projects", rw: true },
      { path: "/home/ada/photos", rw: false },
    ],
    blocked = [],
    othersReadOnly = true,
    main = true,
    taken = [],
    ...wanted
  }: Partial<WantedMount & MountScene & MountScene["allowlist"]> & { real?: string } = {},
) {
  return judgeMount({ source, mode: "ro", origin: GROUP, ...wanted }, real, {
    allowlist: { roots, blocked, othersReadOnly },
    main,
    own: ["/home/ada/.bellhop", "/home/ada/.config/bellhop"],
    taken,
  });
}

const why = (verdict: ReturnType<typeof judge>) => (verdict.ok ? "" : verdict.reason);

describe("a mount", () => {
  it("is seen under its own name, read-only", () => {
    expect(judge("/home/ada/projects/site")).toEqual({
      ok: true,
      target: "/workspace/extra/site",
      mode: "ro",
    });
    expect(judge("/home/ada/projects/site/")).toMatchObject({ target: "/workspace/extra/site" });
    expect(judge("/home/ada/projects")).toMatchObject({ target: "/workspace/extra/projects" });
  });

  it("may be given another name, also a deeper one", () => {
    expect(judge("/home/ada/photos/2026", { target: "pictures/new" })).toMatchObject({
      target: "/workspace/extra/pictures/new",
    });
  });

  it("is writable only where group and root both say so, and the group may", () => {
    const mode = (source: string, rest: Parameters<typeof judge>[1] = {}) => {
      const verdict = judge(source, { mode: "rw", ...rest });
      return verdict.ok && verdict.mode;
    };

    expect(mode("/home/ada/projects/site")).toBe("rw");
    expect(mode("/home/ada/projects/site", { mode: "ro" })).toBe("ro");
    expect(mode("/home/ada/photos")).toBe("ro");
    expect(mode("/home/ada/projects/site", { main: false })).toBe("ro");
    expect(mode("/home/ada/projects/site", { main: false, othersReadOnly: false })).toBe("rw");
  });

  it("follows the nearest of several roots around it", () => {
    const roots = [
      { path: "/home/ada", rw: true },
      { path: "/home/ada/photos", rw: false },
    ];

    expect(judge("/home/ada/photos/2026", { roots, mode: "rw" })).toMatchObject({ mode: "ro" });
    expect(judge("/home/ada/notes", { roots, mode: "rw" })).toMatchObject({ mode: "rw" });
  });

  it("is refused outside of all roots, also beside one whose name it begins with", () => {
    expect(why(judge("/home/ada/music"))).toMatch(/none of the roots/);
    expect(why(judge("/home/ada/projects-old"))).toMatch(/none of the roots/);
    expect(why(judge("/home/ada/projects/link", { real: "/srv/else" }))).toMatch(/none of the roots/);
  });

  it("is refused when it is named like a secret, by the name it was given or by its real one", () => {
    const roots = [{ path: "/home/ada", rw: false }];

    expect(why(judge("/home/ada/.ssh", { roots }))).toMatch(/named like a secret \(\.ssh\)/);
    expect(why(judge("/home/ada/keys", { roots, real: "/home/ada/.gnupg/private" }))).toMatch(/\.gnupg/);
    expect(why(judge("/home/ada/.aws", { roots, real: "/home/ada/cloud" }))).toMatch(/\.aws/);
  });

  it("is refused by the names that the owner blocks", () => {
    expect(why(judge("/home/ada/projects/diary.old", { blocked: ["diary"] }))).toMatch(
      /blocks the name diary/,
    );
  });

  it.each(["/home/ada/.bellhop", "/home/ada/.bellhop/groups/family", "/home/ada/.config/bellhop"])(
    "is refused when it is Bellhop's own: %s",
    (source) => {
      expect(why(judge(source, { roots: [{ path: "/", rw: true }] }))).toMatch(/Bellhop's own/);
    },
  );

  it.each(["/", "/home", "/home/ada", "/home/ada/.config"])(
    "is refused when Bellhop's own is in it: %s",
    (source) => {
      expect(why(judge(source, { roots: [{ path: "/", rw: true }] }))).toMatch(
        /Bellhop's own folders are in it/,
      );
    },
  );

  it.each(["/proc/1/root", "/sys", "/dev/shm", "/run/user/1000", "/run/docker.sock", "/run/media"])(
    "is refused where there are no files but ways to the system: %s",
    (source) => {
      expect(why(judge(source, { roots: [{ path: "/", rw: true }] }))).toMatch(/no files/);
    },
  );

  it("may be a disk that a desktop has put below /run/media", () => {
    expect(judge("/run/media/ada/stick", { roots: [{ path: "/run/media/ada", rw: false }] }).ok).toBe(true);
  });
});

describe("where a mount is seen", () => {
  const at = (target: string, origin: WantedMount["origin"] = GROUP, taken: string[] = []) =>
    why(judge("/home/ada/projects/site", { target, origin, taken }));

  it.each(["..", "../group", "a/../../b", "a/..", ".", "./a", "a//b", "a/", "", "a\0b", "a\nb", "~"])(
    "is a plain relative path, not %j",
    (target) => {
      expect(at(target)).toMatch(/no plain path/);
    },
  );

  it("is never absolute for a group, nor for a plugin that was not approved for it", () => {
    const plugin = { ...approved, allowAbsoluteContainerPath: false };

    expect(at("/workspace/extra/site")).toMatch(/must be relative/);
    expect(at("/data/notes", plugin)).toMatch(/unless you approve/);
    expect(at("notes", plugin)).toBe("");
  });

  it("may be absolute for a plugin that the owner approved for it", () => {
    expect(judge("/home/ada/projects/site", { target: "/data/notes", origin: approved })).toEqual({
      ok: true,
      target: "/data/notes",
      mode: "ro",
    });
  });

  it.each([
    "/",
    "/usr",
    "/usr/bin",
    "/run",
    "/run/bellhop",
    "/workspace",
    "/workspace/group",
    "/workspace/group/x",
    "/workspace/extra",
    "/workspace/CLAUDE.md",
    "/home",
    "/home/agent/.claude",
    "/etc/passwd",
    "/opt",
    "/lib64",
    "/libx",
    "/proc/1",
    "/dev",
    "/tmp/x",
    "/var",
    "/data/../usr",
    "/data/./x",
    "//data",
  ])("is not %s, whatever was approved", (target) => {
    expect(at(target, approved)).not.toBe("");
  });

  it("is not that of another mount, nor in it, nor around it", () => {
    const taken = ["/workspace/extra/a/b", "/data/notes"];

    expect(at("a/b", GROUP, taken)).toMatch(/in each other's way/);
    expect(at("a/b/c", GROUP, taken)).toMatch(/in each other's way/);
    expect(at("a", GROUP, taken)).toMatch(/in each other's way/);
    expect(at("/data", approved, taken)).toMatch(/in each other's way/);
    expect(at("a/bc", GROUP, taken)).toBe("");
  });

  it("lies below /workspace/extra and holds no .., whatever a group asks for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "..", ".", "/", "group", "usr", "\0", "", "~"), { maxLength: 6 }),
        fc.constantFrom("", "/"),
        (parts, between) => {
          const verdict = judge("/home/ada/projects/site", { target: parts.join(between) });
          if (!verdict.ok) return;
          expect(verdict.target).toMatch(/^\/workspace\/extra(\/[^/\0]+)+$/);
          expect(verdict.target.split("/")).not.toContain("..");
        },
      ),
    );
  });
});

describe("a path as people write it", () => {
  it("may begin with their home", () => {
    expect(expanded("~", "/home/ada")).toBe("/home/ada");
    expect(expanded("~/notes", "/home/ada")).toBe("/home/ada/notes");
    expect(expanded("/srv/x", "/home/ada")).toBe("/srv/x");
  });

  it("is nothing when it is relative, another user's, or holds control characters", () => {
    expect(
      ["notes", "~ben/notes", "", "/srv/\0x", "/srv/a\nb"].map((path) => expanded(path, "/home/ada")),
    ).toEqual(Array(5).fill(undefined));
  });
});
