/**
 * The layer that the agents' browser has for images, really built: on the small image, which has no browser, and used
 * as an agent uses it, in a sandbox made from that. It takes its packages from where Debian has them.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { openInternet } from "../src/broker/egress/__tests__/internet.ts";
import { systemClock } from "../src/core/clock.ts";
import { fakePlugin, fakePlugins } from "../src/plugins/__tests__/fake-plugins.ts";
import { readManifest } from "../src/plugins/manifest-file.ts";
import { aptSecrets, missingFor, startPodman } from "../src/sandbox/__tests__/engines.ts";
import { buildImage } from "../src/sandbox/image/builder.ts";
import { readDockerfile } from "../src/sandbox/image/dockerfile.ts";
import { planImage } from "../src/sandbox/image/plan.ts";
import { givenHost } from "./journey.ts";

const PLUGIN = fileURLToPath(new URL("../../../plugins/agent-browser", import.meta.url));
const BUILD_MS = 600_000;
const missing = missingFor("podman");
const note = missing === undefined ? "" : ` (SKIPPED: ${missing})`;

it.skipIf(missing !== undefined)(
  `the small image has the browser with the plugin's layer, and opens a page in it${note}`,
  async () => {
    const engine = await startPodman();
    onTestFinished(engine.stop);
    const manifest = await readManifest(PLUGIN);
    if (manifest?.imageLayer === undefined) throw new Error("the plugin has no layer");
    const plan = planImage({
      dockerfile: await readDockerfile(),
      base: engine.image,
      target: "small",
      layers: [
        { plugin: manifest.name, fragment: await readFile(join(PLUGIN, manifest.imageLayer), "utf8") },
      ],
    });
    await buildImage(engine.builder, {
      plan,
      network: "host",
      options: engine.limits,
      secrets: aptSecrets(),
      onLine: () => undefined,
      deadlineMs: BUILD_MS,
      signal: new AbortController().signal,
      clock: systemClock,
    });
    const internet = await openInternet();
    onTestFinished(internet.close);
    await internet.site("inn.test", (_, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<!doctype html><title>The inn</title><h1>Rooms by the sea</h1>");
    });
    const { ask, client } = await givenHost({
      config: `egress:
  rules:
    - { host: inn.test, path: / }
sandbox:
  runtime: podman
  image: ${plan.tag}
`,
      env: engine.env,
      network: internet.network,
      plugins: fakePlugins(fakePlugin({ folder: PLUGIN, manifest })),
    });

    const { answer } = await ask(
      "run: (browser open https://inn.test/; browser snapshot; browser screenshot sea.png; head -c 4 sea.png) 2>&1",
    );

    expect((await client.status()).sandbox.runtime).toBe("podman");
    expect(answer).toContain('heading "Rooms by the sea"');
    expect(answer).toMatch(/PNG$/);
  },
  BUILD_MS,
);
