import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { MOST_ENTRIES, contentsProblem } from "../mount-contents.ts";
import { aMachine, FAMILY, MAIN } from "./a-machine.ts";

const root = process.getuid?.() === 0;

describe("what a group's sandbox is given of this machine", () => {
  it("is what the group wants and the allowlist permits, by its real path", async () => {
    const ada = aMachine();
    const recipes = ada.folder("recipes");
    symlinkSync(recipes, join(ada.userHome, "food"));
    ada.allow({ roots: [{ path: "~/recipes" }] });
    const mounts = ada.mounts({ family: [{ source: "~/food", target: "cooking" }] });

    const { dev, ino } = lstatSync(recipes, { bigint: true });
    expect(await mounts.of(FAMILY)).toEqual([
      {
        source: recipes,
        target: "/workspace/extra/cooking",
        mode: "ro",
        foreign: { dev: String(dev), ino: String(ino) },
      },
    ]);
    expect(await mounts.of(MAIN)).toEqual([]);
    expect(ada.told).toEqual([]);
  });

  it("leaves out what is refused, says why, and gives the rest", async () => {
    const ada = aMachine();
    ada.folder("recipes");
    ada.folder("recipes/.ssh");
    ada.folder("music");
    ada.allow({ roots: [{ path: "~/recipes" }], blocked: ["diary"] });
    ada.file("recipes/soups/leek.md");
    const mounts = ada.mounts({
      family: [
        "~/recipes/soups",
        "~/music",
        "~/recipes/.ssh",
        "~/recipes/none",
        "recipes",
        "~/recipes/soups",
      ].map((source) => ({ source })),
    });

    expect((await mounts.of(FAMILY)).map(({ target }) => target)).toEqual(["/workspace/extra/soups"]);
    expect((await mounts.states()).map(({ source, refused = "" }) => [source, refused])).toEqual([
      ["~/recipes/soups", ""],
      ["~/music", expect.stringContaining("none of the roots")],
      ["~/recipes/.ssh", expect.stringContaining("named like a secret")],
      ["~/recipes/none", "there is no such file or folder"],
      ["recipes", expect.stringContaining("absolute path")],
      ["~/recipes/soups", expect.stringContaining("in each other's way")],
    ]);
    expect(ada.recorded.map(({ refused }) => refused === undefined)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("is what plugins want too, after the group's own and as the allowlist permits", async () => {
    const ada = aMachine();
    ada.folder("recipes");
    ada.folder("music");
    ada.allow({ roots: [{ path: "~/recipes", rw: true }] });
    const origin = { kind: "plugin", name: "cook", allowAbsoluteContainerPath: false } as const;
    const mounts = ada.mounts({ family: [{ source: "~/recipes" }] }, (group) =>
      group === FAMILY
        ? [
            { source: "~/recipes", target: "cook", mode: "ro", origin },
            { source: "~/music", mode: "ro", origin },
            { source: "~/recipes", target: "/cook", mode: "ro", origin },
          ]
        : [],
    );

    expect((await mounts.of(FAMILY)).map(({ target, mode }) => [target, mode])).toEqual([
      ["/workspace/extra/recipes", "ro"],
      ["/workspace/extra/cook", "ro"],
    ]);
    expect(await mounts.of(MAIN)).toEqual([]);
    expect((await mounts.states()).map(({ group, refused = "" }) => [group, refused])).toEqual([
      ["family", ""],
      ["family", ""],
      ["family", expect.stringContaining("none of the roots")],
      ["family", expect.stringContaining("unless you approve")],
    ]);
  });

  it("is recorded again only when it is decided otherwise", async () => {
    const ada = aMachine();
    ada.folder("recipes");
    ada.allow({ roots: [{ path: "~/recipes" }] });
    const mounts = ada.mounts({ family: [{ source: "~/recipes" }] });

    await mounts.of(FAMILY);
    await mounts.of(FAMILY);
    ada.allow({ roots: [] });
    await mounts.of(FAMILY);
    await mounts.states();

    expect(ada.recorded.map(({ refused }) => refused)).toEqual([
      undefined,
      expect.stringContaining("none of the roots"),
    ]);
  });

  it("is not what a link leads to outside of the roots, nor Bellhop's own by a link", async () => {
    const ada = aMachine();
    ada.folder("recipes");
    ada.folder("private");
    symlinkSync(join(ada.userHome, "private"), join(ada.userHome, "recipes", "link"));
    symlinkSync(ada.home, join(ada.userHome, "recipes", "bell"));
    ada.allow({ roots: [{ path: "~/recipes" }, { path: ada.base }] });
    const mounts = ada.mounts({ main: [{ source: "~/recipes/bell" }, { source: "~" }] });

    expect(await mounts.of(MAIN)).toEqual([]);
    ada.allow({ roots: [{ path: "~/recipes" }] });
    expect(await ada.mounts({ main: [{ source: "~/recipes/link" }] }).of(MAIN)).toEqual([]);
  });

  it("is not the folder in which the allowlist really lies, else an agent could write it", async () => {
    const ada = aMachine();
    ada.allow({ roots: [{ path: "~/dotfiles", rw: true }] });
    ada.folder("dotfiles");
    renameSync(ada.allowlist, join(ada.userHome, "dotfiles", "list.json"));
    symlinkSync(join(ada.userHome, "dotfiles", "list.json"), ada.allowlist);
    const mounts = ada.mounts({ main: [{ source: "~/dotfiles", mode: "rw" }] });

    expect(await mounts.of(MAIN)).toEqual([]);
    expect(await mounts.states()).toMatchObject([{ refused: expect.stringContaining("Bellhop's own") }]);
  });

  it("can be a single file, but no socket or pipe", async () => {
    const ada = aMachine();
    ada.file("shared/list.txt", "milk");
    spawnSync("mkfifo", [join(ada.userHome, "shared", "pipe")]);
    ada.allow({ roots: [{ path: "~/shared" }] });
    const mounts = ada.mounts({ main: [{ source: "~/shared/list.txt" }, { source: "~/shared/pipe" }] });

    expect((await mounts.of(MAIN)).map(({ target }) => target)).toEqual(["/workspace/extra/list.txt"]);
    expect((await mounts.states())[1]?.refused).toMatch(/neither a folder nor a plain file/);
  });
});

describe("the allowlist", () => {
  const wish = { family: [{ source: "~/recipes" }] };
  function given() {
    const ada = aMachine();
    ada.folder("recipes");
    return { ada, mounts: ada.mounts(wish) };
  }

  it("that is missing permits nothing, which is told once", async () => {
    const { ada, mounts } = given();

    expect(await mounts.of(FAMILY)).toEqual([]);
    expect(await mounts.of(FAMILY)).toEqual([]);

    expect(ada.told).toEqual([expect.stringContaining("there is no")]);
    expect(await mounts.states()).toMatchObject([
      { refused: expect.stringContaining("mount-allowlist.json") },
    ]);
  });

  it("is not asked for by whoever wants nothing", async () => {
    const { ada, mounts } = given();

    expect(await mounts.of(MAIN)).toEqual([]);
    expect(ada.told).toEqual([]);
  });

  it.each([
    ["no JSON", "{ roots: [] }", /is no JSON/],
    ["cut short", '{"roots": [{"path": "~/recipes"}', /is no JSON/],
    ["empty", "", /is no JSON/],
    ["without roots", "{}", /roots/],
    ["misspelled", '{"roots": [{"path": "~/recipes"}], "bloked": ["x"]}', /bloked/],
    ["with a root of a wrong kind", '{"roots": [{"path": "~/recipes", "rw": "no"}]}', /roots\.0\.rw/],
    [
      "with a relative root",
      '{"roots": [{"path": "~/recipes"}, {"path": "recipes"}]}',
      /no absolute path: "recipes"/,
    ],
  ])("that is %s permits nothing at all, which is told once", async (_how, text, why) => {
    const { ada, mounts } = given();
    ada.allow(text);

    expect(await mounts.of(FAMILY)).toEqual([]);
    expect(await mounts.of(FAMILY)).toEqual([]);

    expect(ada.told).toEqual([expect.stringMatching(why)]);
  });

  it("that others can write permits nothing", async () => {
    const { ada, mounts } = given();
    ada.allow({ roots: [{ path: "~/recipes" }] });
    chmodSync(ada.allowlist, 0o620);

    expect(await mounts.of(FAMILY)).toEqual([]);
    expect(ada.told).toEqual([expect.stringContaining("chmod go-w")]);
  });

  it("that is a pipe or a folder permits nothing, and keeps nobody waiting", async () => {
    const { ada, mounts } = given();
    spawnSync("mkfifo", [ada.allowlist]);
    expect(await mounts.of(FAMILY)).toEqual([]);

    rmSync(ada.allowlist);
    mkdirSync(ada.allowlist);
    expect(await mounts.of(FAMILY)).toEqual([]);
  });

  it("holds as it is now, for the next sandbox", async () => {
    const { ada, mounts } = given();
    const given1 = async () => (await mounts.of(FAMILY)).length;

    ada.allow({ roots: [{ path: "~/recipes" }] });
    expect(await given1()).toBe(1);
    ada.allow("oops");
    expect(await given1()).toBe(0);
    ada.allow({ roots: [{ path: "~/recipes" }] });
    expect(await given1()).toBe(1);
    rmSync(ada.allowlist);
    expect(await given1()).toBe(0);
  });

  it("passes over a root that is not there, such as a disk that is not plugged in", async () => {
    const { ada, mounts } = given();
    ada.allow({ roots: [{ path: "/media/ada/stick" }, { path: "~/recipes" }] });

    expect(await mounts.of(FAMILY)).toHaveLength(1);
  });
});

describe("a folder that is to be mounted", () => {
  function given(...files: string[]) {
    const ada = aMachine();
    for (const file of files) ada.file(`site/${file}`);
    ada.folder("site");
    return join(ada.userHome, "site");
  }

  it.each([".env", "deep/er/.env.local", "config/credentials.json", ".git-credentials", "a/id_rsa"])(
    "is refused for %s in it",
    async (file) => {
      expect(await contentsProblem(given("index.html", file), [])).toContain(
        `${file} in it is named like a secret`,
      );
    },
  );

  it("is refused for a folder of secrets, for a link that is called like one, and for the owner's own names", async () => {
    const site = given(".aws/config", "docs/diary.txt");
    expect(await contentsProblem(site, [])).toContain(".aws in it");

    rmSync(join(site, ".aws"), { recursive: true });
    expect(await contentsProblem(site, ["diary"])).toContain("docs/diary.txt in it");
    expect(await contentsProblem(site, [])).toBeUndefined();

    symlinkSync("elsewhere", join(site, ".netrc"));
    expect(await contentsProblem(site, [])).toContain(".netrc in it");
  });

  it("may hold samples, program text, and whatever tools have downloaded", async () => {
    const site = given(
      ".env.example",
      "src/credentials.ts",
      "node_modules/aws/credentials.json",
      ".git/refs/token.json",
    );

    expect(await contentsProblem(site, [])).toBeUndefined();
  });

  it("is refused for a socket in it, behind which a program of the machine listens", async () => {
    const site = given("index.html");
    const server = createServer().listen(join(site, "db.sock"));
    onTestFinished(() => void server.close());
    await once(server, "listening");

    expect(await contentsProblem(site, [])).toContain("db.sock in it is a socket");
  });

  it("is refused when it is too large to be looked through, and its links are not followed", async () => {
    const site = given(...Array.from({ length: 20 }, (_, index) => `${index % 4}/${index}`));
    symlinkSync(site, join(site, "again"));

    expect(await contentsProblem(site, [], 25)).toBeUndefined();
    expect(await contentsProblem(site, [], 24)).toMatch(/more than 24 files/);
    expect(MOST_ENTRIES).toBeGreaterThanOrEqual(100_000);
  });
});

describe.skipIf(!root)("a folder that is mounted by a root host (SKIPPED unless root)", () => {
  const AGENT = 1_900_000_007;
  function given(mode: number, owner = 4242) {
    const ada = aMachine({ uid: AGENT });
    const notes = ada.folder("notes");
    writeFileSync(join(notes, "note"), "");
    chownSync(notes, owner, owner);
    chmodSync(notes, mode);
    ada.allow({ roots: [{ path: "~/notes", rw: true }] });
    const wish = (mode: "ro" | "rw") => ada.mounts({ main: [{ source: "~/notes", mode }] });
    return { notes, reason: async (mode: "ro" | "rw") => (await wish(mode).states())[0]?.refused };
  }

  it("is given rw only if the group's user may write there as it is", async () => {
    expect(await given(0o755).reason("rw")).toMatch(/run as user 1900000007, who may not write there/);
    expect(await given(0o755).reason("ro")).toBeUndefined();
    expect(await given(0o777).reason("rw")).toBeUndefined();
    expect(await given(0o700, AGENT).reason("rw")).toBeUndefined();
  });

  it("is refused when the group's user may not even read it", async () => {
    expect(await given(0o750).reason("ro")).toMatch(/may not read it/);
    expect(await given(0o751).reason("ro")).toMatch(/may not read it/);
  });
});
