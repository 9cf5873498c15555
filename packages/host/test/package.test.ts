/**
 * The package as somebody installs it: built, packed, installed beside no repository, and run by the
 * machine's own Node, which may be too old for Bellhop itself.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import { FAILPOINTS } from "../src/core/failpoint.ts";
import { editInstalled } from "../src/plugins/installed.ts";
import { installedOf, type Written, writePlugin } from "../src/plugins/__tests__/a-room.ts";
import { cleanUp, freshHome, run, startHost } from "./command.ts";

const execute = promisify(execFile);
const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Without the Node of this repository: what a person's shell would find. */
const PATH = (process.env["PATH"] ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .join(delimiter);

describe("the installed package", () => {
  let folder: string;
  let program: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "bellhop-package-"));
    const env = { ...process.env, PATH, npm_config_audit: "false", npm_config_fund: "false" };
    await execute(process.execPath, [join(repository, "scripts", "build.mjs")], { env });
    await execute("npm", ["pack", "--pack-destination", folder], {
      cwd: join(repository, "packages", "host"),
      env,
    });
    const [tarball] = readdirSync(folder);

    mkdirSync(join(folder, "prefix"));
    const install = [
      "install",
      "--global",
      "--prefer-offline",
      "--prefix",
      join(folder, "prefix"),
      join(folder, tarball ?? ""),
    ];
    await execute("npm", install, { cwd: folder, env });
    program = join(folder, "prefix", "bin", "bellhop");
  }, 240_000);
  afterAll(async () => {
    await cleanUp();
    rmSync(folder, { recursive: true, force: true });
  });

  it("brings the Node that it runs on, and asks no registry for our own sdk", () => {
    const modules = join(folder, "prefix", "lib", "node_modules", "bellhop", "node_modules");

    expect(existsSync(join(modules, `node-${process.platform}-${process.arch}`, "bin", "node"))).toBe(true);
    expect(existsSync(join(modules, "@bellhop"))).toBe(false);
  });

  it("holds no place at which the fault suite could stop it", () => {
    const dist = join(folder, "prefix", "lib", "node_modules", "bellhop", "dist");
    const code = readdirSync(dist)
      .filter((name) => name.endsWith(".js"))
      .map((name) => readFileSync(join(dist, name), "utf8"))
      .join("\n");

    expect(code).toContain("begin immediate"); // it is the host that was read
    expect(["failpoint", ...FAILPOINTS].filter((name) => code.includes(name))).toEqual([]);
  });

  it("shows its help, whichever Node the machine has", async () => {
    const { code, stdout, stderr } = await run(["--help"], { program, cwd: folder, env: { PATH } });

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("Usage: bellhop ");
  });

  it("starts a host, answers from a real sandbox, and stops, all outside of the repository", async () => {
    const options = { program, cwd: folder, env: { PATH } };
    const home = freshHome();
    const plugin: Written = {
      name: "here",
      code: `{ hooks: { onTurnEnd() {} } }`,
      manifest: { hooks: ["onTurnEnd"] },
    };
    await writePlugin(join(home, "plugins", "here"), plugin);
    await editInstalled(homePaths(home), () => ({ here: installedOf(plugin) }));
    const host = await startHost(home, options);

    const asked = await run(["ask", "--home", host.home, "run: pwd\nsay: done"], options);
    const web = await fetch(`${host.url}/login`);
    const status = await run(["status", "--home", host.home], options);
    const stopped = await run(["stop", "--home", host.home], options);

    expect(asked).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/\/workspace\/group[^]*done\n$/),
    });
    expect(web.status).toBe(200);
    expect(status.stdout).toMatch(/^plugins +here 1\.0\.0: running/m);
    expect(stopped.code).toBe(0);
    expect((await host.ended).code).toBe(0);
    expect(dirname(host.home)).not.toContain(repository);
  });

  it("gives authors of plugins a host in a box", async () => {
    const installed = join(folder, "prefix", "lib", "node_modules");
    const node = join(
      installed,
      "bellhop",
      "node_modules",
      `node-${process.platform}-${process.arch}`,
      "bin",
      "node",
    );
    const program = `
      import { openBox } from ${JSON.stringify(join(installed, "bellhop", "dist", "testing.js"))};
      const box = await openBox();
      console.log(await box.ask("say: from the box"));
      await box.close();
    `;

    const { stdout } = await execute(node, ["--input-type=module", "-e", program], {
      cwd: folder,
      env: { PATH },
    });

    expect(stdout).toBe("from the box\n");
  });
});
