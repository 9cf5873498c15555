/** `bellhop image` as people run it, with recording stand-ins for the engines' clients. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Manifest } from "@bellhop/sdk";
import { asksOf } from "../src/plugins/asks.ts";
import { cleanUp, run, start } from "./command.ts";

/** Answers as Docker does; has the images whose names are in the file `images`, and builds as `build` says. */
const CLIENT = `#!/bin/bash
cd "$(dirname "$0")"
case "$1" in
  version) echo 20.10.24;;
  image) name="\${!#}"; grep -qx "$name" images || { echo "Error: No such image: $name" >&2; exit 1; }; echo '[{"Id":"sha256:1","Size":350000000}]';;
  tag) echo "$3" >> images;;
  build) env | sort > environment; printf '%s\\n' "$@" > arguments; . ./build;;
esac
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bellhop-image-cli-"));
  await writeFile(join(folder, "docker"), CLIENT);
  await chmod(join(folder, "docker"), 0o755);
  await writeFile(join(folder, "images"), "");
  await builds("echo 'Step 1/2 : FROM debian'; grep -A1 -x -- --tag arguments | tail -1 >> images");
});
afterEach(async () => {
  await cleanUp();
  await rm(folder, { recursive: true, force: true });
});

const builds = (script: string) => writeFile(join(folder, "build"), script);
/** With no other client than ours. */
const options = () => ({ env: { PATH: `${folder}:/usr/bin:/bin`, ANTHROPIC_API_KEY: "sk-not-for-docker" } });
const image = (...words: string[]) => run(["image", ...words], options());

describe("bellhop image", () => {
  it("builds what check then finds, with the builder's lines shown and none of our keys given", async () => {
    const before = await image("check", "--engine", "docker", "--small");
    expect(before.stdout).toMatch(/docker: not there; build it with: bellhop image build --engine docker/);
    expect(before.code).toBe(1);

    const built = await image(
      "build",
      "--engine",
      "docker",
      "--small",
      "--base",
      "debian:12",
      "--network",
      "host",
    );
    expect(built).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^bellhop-agent:\w+ is there, built by docker/),
    });
    expect(built.stderr).toContain("  Step 1/2 : FROM debian\n");
    const words = (await readFile(join(folder, "arguments"), "utf8")).split("\n");
    expect(words).toEqual(
      expect.arrayContaining(["BASE_IMAGE=debian:12", "--network", "host", "--target", "agent"]),
    );
    const environment = await readFile(join(folder, "environment"), "utf8");
    expect(environment).not.toContain("sk-not-for-docker");
    expect(environment).toContain("DOCKER_BUILDKIT=1");

    const after = await image("check", "--engine", "docker", "--small", "--base", "debian:12");
    expect(after).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/docker: there, 350 MB\n {2}bubblewrap: this machine /),
    });
    expect((await image("check", "--engine", "docker", "--small", "--base", "debian:13")).code).toBe(1);
  });

  it("has the lines of plugins that are enabled, and another name with them", async () => {
    const tagWith = async (enabled: boolean, fragment: string) => {
      const plugin = join(folder, "plugins", "charts");
      await mkdir(plugin, { recursive: true });
      await writeFile(join(plugin, "layer"), fragment);
      const manifest = { name: "charts", version: "1.0.0", imageLayer: "layer" };
      await writeFile(join(plugin, "plugin.json"), JSON.stringify(manifest));
      const installed = {
        version: "1.0.0",
        source: { from: "tarball", place: "here", integrity: "sha512-x" },
        enabled,
        scope: { channels: "all", groups: "all" },
        approved: asksOf(Manifest.parse(manifest)),
      };
      await writeFile(join(folder, "plugins", "installed.json"), JSON.stringify({ charts: installed }));
      return await image("check", "--engine", "docker", "--json", "--home", folder);
    };
    const tagOf = (said: { stdout: string }): unknown => JSON.parse(said.stdout).tag;

    const without = tagOf(await image("check", "--engine", "docker", "--json", "--home", folder));
    const off = tagOf(await tagWith(false, "RUN echo charts"));
    const on = tagOf(await tagWith(true, "RUN echo charts"));
    const broken = await tagWith(true, "COPY . /");

    expect(off).toBe(without);
    expect(on).not.toBe(without);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain("The image layer of the plugin charts cannot be used: line 1");
  });

  it("gives the secrets of a build by name, and refuses what names none", async () => {
    await image("build", "--engine", "docker", "--secret", "ca=/etc/ca.pem", "--secret", "apt_conf=/etc/x");
    expect(await readFile(join(folder, "arguments"), "utf8")).toContain(
      "--secret\nid=ca,src=/etc/ca.pem\n--secret\nid=apt_conf,src=/etc/x\n",
    );

    const odd = await image("build", "--secret", "ca");
    expect(odd.code).toBe(1);
    expect(odd.stderr).toContain("apt_sources=/path/of/the/file");
  });

  it("says why a build failed, in the builder's last words", async () => {
    await builds("echo 'E: Unable to locate package jq' >&2; exit 100");

    const { code, stderr } = await image("build", "--engine", "docker", "--quiet");

    expect(code).toBe(1);
    expect(stderr).toMatch(/The image was not built: docker said\nE: Unable to locate package jq\n$/);
  });

  it("ends the builder with all it has started when it is ended itself", async () => {
    await builds("tail -f /dev/null & echo $! > child; echo begun; wait");
    const building = start(["image", "build", "--engine", "docker"], options());
    await building.says("begun");

    building.process.kill("SIGINT");

    expect(await building.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it was called off"),
    });
    const child = (await readFile(join(folder, "child"), "utf8")).trim();
    // Empty for one that is dead and was not yet fetched by its parent.
    expect(await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "")).toBe("");
  });
});
