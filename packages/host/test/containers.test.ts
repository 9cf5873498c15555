/** Whole journeys in containers: the real SDK and the rehearsal model, in an engine of the test's own. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  missingFor,
  type StartedEngine,
  startDockerd,
  startPodman,
} from "../src/sandbox/__tests__/engines.ts";
import { givenHost } from "./journey.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

const kinds = [
  { name: "docker", launch: startDockerd },
  { name: "podman", launch: startPodman },
] as const;

describe.each(kinds)("an assistant in $name", ({ name, launch }) => {
  const missing = missingFor(name);

  describe.skipIf(missing !== undefined)(
    `here${missing === undefined ? "" : `, SKIPPED: ${missing}`}`,
    () => {
      let engine: StartedEngine;
      beforeAll(async () => {
        engine = await launch();
      });
      afterAll(async () => {
        await engine.stop();
      });

      const host = (image: string, more = "") =>
        givenHost({
          config: `sandbox:\n  runtime: ${name}\n  image: ${image}\n${more}`,
          env: engine.env,
        });

      it("answers, works in its folder, and is gone when it is stopped", async () => {
        const { ask, host: running } = await host(engine.image);

        expect((await ask("say: hello")).answer).toBe("hello");
        expect((await ask("run: echo kept > kept.txt; cat kept.txt; cat /proc/1/comm")).answer).toContain(
          "kept",
        );
        expect((await running().status()).sandbox.runtime).toBe(name);
      });

      it("answers where no socket reaches into the sandbox", async () => {
        const { ask, host: running } = await host(engine.image, "  door: exec\n");

        expect((await ask("say: hello")).answer).toBe("hello");
        expect((await running().status()).sandbox.version).toContain("door by exec");
      });

      it("waits, with one notice, while the image is not there, and answers when it is", async () => {
        const { send, client, host: running } = await host("bellhop-journey:latest");
        onTestFinished(async () => void (await engine.run("rmi", "bellhop-journey:latest")));
        const asked = await send("say: at last");
        await expect
          .poll(async () => (await running().status()).turns.map(({ state }) => state), { timeout: 60_000 })
          .toEqual(["waiting"]);

        await engine.run("tag", engine.image, "bellhop-journey:latest");

        expect((await asked.told).answer).toContain("at last");
        const chats = await client.chats();
        expect(chats.filter(({ id }) => id === "web:notices")).toHaveLength(1);
      });
    },
  );
});
