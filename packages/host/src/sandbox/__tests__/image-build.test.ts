/** The small image, built by the engines that this machine has, from a base of our own. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { buildImage, findImage } from "../image/builder.ts";
import { readDockerfile } from "../image/dockerfile.ts";
import { type ImageLayer, type ImagePlan, planImage } from "../image/plan.ts";
import { aptSecrets, missingFor, type StartedEngine, startDockerd, startPodman } from "./engines.ts";

const BUILD_MS = 900_000;
const PLUGIN: ImageLayer = {
  plugin: "weather",
  fragment: "RUN echo sunny > /opt/weather\nENV WEATHER=sunny",
};

const kinds = [
  { name: "docker", start: startDockerd },
  { name: "podman", start: startPodman },
] as const;

for (const { name, start } of kinds) {
  const why = missingFor(name);
  const note = why === undefined ? "" : ` (SKIPPED: ${why})`;
  describe.skipIf(why)(`the agent image by ${name}${note}`, () => {
    let here: StartedEngine;
    let plan: ImagePlan;
    const lines: string[] = [];

    function build(of: ImagePlan, more: Partial<Parameters<typeof buildImage>[1]> = {}): Promise<void> {
      return buildImage(here.builder, {
        plan: of,
        network: "host",
        options: here.limits,
        onLine: (line) => lines.push(line),
        deadlineMs: BUILD_MS,
        signal: new AbortController().signal,
        clock: systemClock,
        ...more,
      });
    }
    const inside = (...words: string[]) =>
      here.run(
        "run",
        "--rm",
        "--network=none",
        "--read-only",
        "--cap-drop=ALL",
        ...here.limits,
        plan.tag,
        ...words,
      );

    beforeAll(async () => {
      here = await start();
      const dockerfile = await readDockerfile();
      plan = planImage({ dockerfile, base: here.image, target: "small", layers: [PLUGIN] });
    }, BUILD_MS);
    afterAll(() => here.stop(), 60_000);

    it(
      "is missing before, built with its progress shown, and there afterwards under both its names",
      { timeout: BUILD_MS },
      async () => {
        expect(await findImage(here.builder, plan)).toEqual({ engine: name, state: "missing" });

        await build(plan, { secrets: aptSecrets() });

        expect(lines.join("\n")).toMatch(/ripgrep/);
        expect(await findImage(here.builder, plan)).toEqual({
          engine: name,
          state: "there",
          bytes: expect.any(Number),
          latest: true,
        });
      },
    );

    it("has the programs, the plugin's layer, and an ordinary user 1000", { timeout: 120_000 }, async () => {
      const tools = "git jq curl rg python3 ps";
      const script = `for t in ${tools}; do command -v $t >/dev/null || echo no $t; done; cat /opt/weather; echo $WEATHER; id -u; id -un; pwd`;

      expect((await inside("sh", "-c", script)).split("\n")).toEqual([
        "sunny",
        "sunny",
        "1000",
        "agent",
        "/workspace/group",
      ]);
    });

    it(
      "keeps nothing of the build's secrets, and no program that changes its user",
      { timeout: 120_000 },
      async () => {
        // A builder may leave the mount point, which is empty.
        const script = "cat /etc/apt/sources.list.d/build.sources; find / -xdev -perm /6000 -type f";

        expect(await inside("sh", "-c", `{ ${script}; } 2>/dev/null; true`)).toBe("");
      },
    );

    it("is another one when a layer changes, which is not there then", { timeout: 60_000 }, async () => {
      const other = planImage({
        dockerfile: await readDockerfile(),
        base: here.image,
        target: "small",
        layers: [],
      });

      expect((await findImage(here.builder, other)).state).toBe("missing");
    });

    it(
      "is refused with the builder's own words where a layer fails, and what was there stays",
      { timeout: BUILD_MS },
      async () => {
        const layers = [PLUGIN, { plugin: "broken", fragment: "RUN echo the-reason >&2; exit 3" }];
        const broken = planImage({
          dockerfile: await readDockerfile(),
          base: here.image,
          target: "small",
          layers,
        });

        const building = build(broken, { secrets: aptSecrets() });
        await expect(building).rejects.toThrow(RejectedError);
        await expect(building).rejects.toThrow(/the-reason/);

        expect((await findImage(here.builder, broken)).state).toBe("missing");
        expect(await findImage(here.builder, plan)).toMatchObject({ state: "there", latest: true });
      },
    );

    it(
      "ends with its deadline, and when it is called off, however long a command takes",
      { timeout: 120_000 },
      async () => {
        const layers = [PLUGIN, { plugin: "slow", fragment: "RUN echo begun-$((40+2)); tail -f /dev/null" }];
        const slow = planImage({
          dockerfile: await readDockerfile(),
          base: here.image,
          target: "small",
          layers,
        });
        const secrets = aptSecrets();
        const clock = fakeClock();
        const over = new AbortController();

        const late = build(slow, {
          secrets,
          clock,
          onLine: (line) => line.includes("begun-42") && clock.advance(BUILD_MS),
        });
        await expect(late).rejects.toThrow(/was not done after 15 minutes/);

        const off = build(slow, {
          secrets,
          signal: over.signal,
          onLine: (line) => line.includes("begun-42") && over.abort(),
        });
        await expect(off).rejects.toThrow(TemporaryError);
        await expect(off).rejects.toThrow(/called off/);
        expect((await findImage(here.builder, slow)).state).toBe("missing");
      },
    );
  });
}

describe("an engine that is not there", () => {
  it("is told, in check as in build", async () => {
    const folder = await mkdtemp(join(tmpdir(), "bellhop-image-"));
    const plan = planImage({ dockerfile: await readDockerfile(), target: "small", layers: [] });
    const none = { name: "docker", command: ["docker-of-nobody"], env: { PATH: folder } } as const;
    const silent = join(folder, "docker");
    await writeFile(silent, "#!/bin/sh\necho Cannot connect to the Docker daemon >&2; exit 1\n", {
      mode: 0o755,
    });
    const down = { name: "docker", command: [silent], env: { PATH: folder } } as const;

    expect(await findImage(none, plan)).toEqual({
      engine: "docker",
      state: "unusable",
      why: "docker is not installed",
    });
    expect(await findImage(down, plan)).toMatchObject({
      why: expect.stringContaining("Cannot connect to the Docker"),
    });
    await expect(
      buildImage(down, {
        plan,
        onLine: () => undefined,
        deadlineMs: 1_000,
        signal: new AbortController().signal,
        clock: systemClock,
      }),
    ).rejects.toThrow(/Install or start it/);
    await rm(folder, { recursive: true });
  });
});
