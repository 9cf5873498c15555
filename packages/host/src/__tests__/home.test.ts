import { ConfigError } from "@bellhop/sdk";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { prepareHome, writeDurably } from "../home.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-home-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const given = () => scratch();
const mode = (path: string) => statSync(path).mode & 0o7777;

describe("preparing the home", () => {
  it("makes every folder, for its user alone", async () => {
    const home = join(given(), "deep", "home");

    const { paths } = await prepareHome(home);

    for (const name of ["groups", "sessions", "media", "run", "backups", "logs"]) {
      expect(mode(join(home, name))).toBe(0o700);
    }
    expect(mode(home)).toBe(0o700);
    expect(paths.socket).toBe(join(home, "run", "control.sock"));
  });

  it("leaves everything as it is when it is done again, and goes on where a first start was cut short", async () => {
    const home = join(given(), "home");
    await prepareHome(home);
    writeFileSync(join(home, "groups", "note"), "mine");
    rmdirSync(join(home, "logs"));

    await prepareHome(home);

    expect(readFileSync(join(home, "groups", "note"), "utf8")).toBe("mine");
    expect(mode(join(home, "logs"))).toBe(0o700);
  });

  it("repairs modes that let others in", async () => {
    const home = join(given(), "home");
    await prepareHome(home);
    writeFileSync(join(home, ".env"), "A=1");
    for (const path of [home, join(home, "run")]) chmodSync(path, 0o777);
    chmodSync(join(home, ".env"), 0o644);

    await prepareHome(home);

    expect([mode(home), mode(join(home, "run")), mode(join(home, ".env"))]).toEqual([0o700, 0o700, 0o600]);
  });

  it("takes a directory in which somebody has only put a configuration", async () => {
    const home = given();
    writeFileSync(join(home, ".env"), "ANTHROPIC_API_KEY=x");

    await expect(prepareHome(home)).resolves.toMatchObject({ paths: { home } });
  });

  it("refuses a directory with other things in it, and leaves it as it was", async () => {
    const home = given();
    writeFileSync(join(home, "thesis.tex"), "");
    chmodSync(home, 0o755);

    await expect(prepareHome(home)).rejects.toThrow(
      /holds other things; choose a directory of Bellhop's own/,
    );

    expect(readdirSync(home)).toEqual(["thesis.tex"]);
    expect(mode(home)).toBe(0o755);
  });

  it("refuses a directory for everybody, even an empty one", async () => {
    const home = given();
    chmodSync(home, 0o1777);

    await expect(prepareHome(home)).rejects.toThrow("is a directory for everybody");

    expect(mode(home)).toBe(0o1777);
  });

  it("refuses a link, a file, and a folder inside that is a link", async () => {
    const place = given();
    mkdirSync(join(place, "real"));
    symlinkSync("real", join(place, "link"));
    writeFileSync(join(place, "file"), "");
    await prepareHome(join(place, "home"));
    chmodSync(join(place, "real"), 0o755);
    const withLink = join(place, "other");
    mkdirSync(withLink);
    writeFileSync(join(withLink, "config.yaml"), "");
    symlinkSync("../real", join(withLink, "groups"));

    await expect(prepareHome(join(place, "link"))).rejects.toThrow(/link is a link; name the directory/);
    await expect(prepareHome(join(place, "file"))).rejects.toThrow(/file is not a directory/);
    await expect(prepareHome(withLink)).rejects.toThrow(/groups is a link/);

    expect(mode(join(place, "real"))).toBe(0o755);
  });

  it.skipIf(process.getuid?.() !== 0)("refuses the directory of another user", async () => {
    const home = given();
    chownSync(home, 12_345, 12_345);

    await expect(prepareHome(home)).rejects.toThrow("belongs to another user (uid 12345)");
  });

  it("says in one sentence that a place cannot be written", async () => {
    const preparing = prepareHome("/proc/bellhop");

    await expect(preparing).rejects.toThrow(ConfigError);
    await expect(preparing).rejects.toThrow(
      /^The home \/proc\/bellhop cannot be used \(.*\)\. Make it writable/,
    );
  });
});

describe("writing durably", () => {
  it("replaces the file as a whole, past a leftover of an earlier crash", async () => {
    const file = join(given(), "file");
    writeFileSync(file, "old");
    writeFileSync(`${file}.partial`, "half");

    await writeDurably(file, "new");

    expect(readFileSync(file, "utf8")).toBe("new");
    expect(readdirSync(join(file, ".."))).toEqual(["file"]);
    expect(mode(file)).toBe(0o600);
  });
});
