/**
 * What Docker and Podman must prove, each with an engine of the test's own: the contract of all sandboxes, the
 * door by exec, and that nothing outlives its host. A file for each (docker.test.ts, podman.test.ts), so that they
 * run side by side.
 */
import { RejectedError } from "@bellhop/sdk";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { type SandboxRuntime, UnreadyError } from "../../turns/sandbox.ts";
import { createClient } from "../container/client.ts";
import { type ContainersOptions, createContainers } from "../container/container.ts";
import type { Dialect } from "../container/dialect.ts";
import { thisHost } from "../container/guard.ts";
import { homeIdOf } from "../home-id.ts";
import { sandboxUid } from "../staging.ts";
import { sandboxContract } from "./contract.ts";
import { doorContract } from "./contract-door.ts";
import { missingFor, type StartedEngine } from "./engines.ts";
import { bash, createRoom, MiB, nextLine, perl, processesWith, type Room, run, start } from "./room.ts";

/** Its tests may take long: an engine is slow to answer on a machine that is busy. */
export function containersContract(dialect: Dialect, launch: () => Promise<StartedEngine>): void {
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });
  const { name } = dialect;
  if (name === "apple-container") throw new TypeError("there is no engine to start for it");
  const missing = missingFor(name);

  describe.skipIf(missing !== undefined)(
    `${name} here${missing === undefined ? "" : `, SKIPPED: ${missing}`}`,
    () => {
      let engine: StartedEngine;
      beforeAll(async () => {
        engine = await launch();
      });
      afterAll(async () => {
        await engine.stop();
      });

      /** Its engine is known only when the tests run. */
      function later(home: string, options: Partial<ContainersOptions> = {}): SandboxRuntime {
        let made: SandboxRuntime | undefined;
        const runtime = () =>
          (made ??= createContainers({
            dialect,
            home,
            image: engine.image,
            env: environment(),
            clock: systemClock,
            log: silentLog,
            ...options,
          }));
        return { name, probe: () => runtime().probe(), prepare: (spec) => runtime().prepare(spec) };
      }

      const client = () => createClient(dialect.program, environment(), dialect.install);
      const environment = () => engine.env;

      /** The hosts of all containers of this engine. */
      async function containers(): Promise<string[]> {
        const homes = await client().run(["ps", "--all", "--quiet"], 30_000);
        const words = [
          "inspect",
          "--type",
          "container",
          "--format",
          `{{index .Config.Labels "bellhop.host"}}`,
        ];
        const names = homes.split("\n").filter(Boolean);
        if (names.length === 0) return [];
        return (await client().run([...words, ...names], 30_000)).trim().split("\n").sort();
      }

      /** A container as a host of this home leaves it when it dies. */
      async function leave(home: string, host: string): Promise<void> {
        const labels = ["--label", `bellhop.home=${home}`, "--label", `bellhop.host=${host}`];
        const made = await client().run(
          ["create", ...labels, "--network", "none", engine.image, "true"],
          30_000,
        );
        onTestFinished(
          async () => void (await client().run(["rm", "--force", made.trim()], 30_000).catch(String)),
        );
      }

      /** A host of its own process, with a sandbox in which `script` runs and has said something. */
      async function aHost(home: string, script: string): Promise<{ kill: () => void }> {
        const program = fileURLToPath(new URL("a-container-host.ts", import.meta.url));
        const words = [program, name, home, engine.image, script];
        const host = spawn(process.execPath, words, {
          env: environment(),
          stdio: ["ignore", "pipe", "inherit"],
        });
        await once(host.stdout, "data");
        return { kill: () => void host.kill("SIGKILL") };
      }

      const own = {
        insideUid: (group: number) => sandboxUid(group) ?? process.getuid?.() ?? 0,
        writable: ["/dev/mqueue"],
        without: ["/dev/pts"],
        environment: ["HOME", "HOSTNAME", "TERM", "container"],
        etcOfImage: true,
      };
      sandboxContract({ name: "contract", create: later, uid: sandboxUid, own });

      describe("where no socket reaches into the sandbox", () => {
        it("is said by the runtime", async () => {
          const room = createRoom(sandboxUid);
          onTestFinished(room.remove);

          expect(await later(room.home, { door: "exec" }).probe()).toMatchObject({
            ok: true,
            version: expect.stringContaining("door by exec"),
          });
        });

        describe("a sandbox (by exec)", () => {
          let room: Room;
          let runtime: SandboxRuntime;
          beforeAll(() => {
            room = createRoom(sandboxUid);
            runtime = later(room.home, { door: "exec" });
          });
          afterAll(() => room.remove());

          doorContract(() => ({ room, runtime }));

          it("ends with everything in it when it is killed", async () => {
            const marker = aMarker();
            const ours = await start(
              runtime,
              room.spec("ours"),
              bash(`setsid sleep ${marker} & echo up; sleep ${marker}`),
            );
            await nextLine(ours);

            await ours.kill();

            expect(processesWith(`sleep\0${marker}`)).toEqual([]);
            expect((await ours.exited).cause).toBe("killed-by-host");
          });

          it("keeps stderr as the program wrote it, and hands on exit codes", async () => {
            const ended = await run(runtime, room.spec("ours"), bash("echo out; echo oops >&2; exit 7"));

            expect(ended).toMatchObject({ stdout: "out\n", stderr: "oops\n", code: 7 });
          });

          it("tells a program that is too big from one that failed", async () => {
            const spec = room.spec("ours", { limits: { memoryBytes: 200 * MiB } });

            const ended = await run(runtime, spec, perl("my @x; push @x, 'x' x 1e6 while 1"));

            expect(ended.cause).toBe("out-of-memory");
          });

          it("has nothing of the host's where the sockets are, and nothing can be mounted there", async () => {
            const { stdout } = await run(
              runtime,
              room.spec("ours"),
              bash("grep bellhop /proc/self/mountinfo"),
            );
            const mounts = [
              { source: join(room.home, "media"), target: "/run/bellhop", mode: "ro" as const },
            ];

            expect(stdout).not.toMatch(/door-ours|bellhop-line/);
            await expect(runtime.prepare(room.spec("ours", { mounts }))).rejects.toThrow(RejectedError);
          });
        });
      });

      it("ends with its host, though the agent has stopped the program that holds the line", async () => {
        const marker = aMarker();
        const room = createRoom(sandboxUid);
        onTestFinished(room.remove);
        const script = `
        for process in /proc/[0-9]*; do
          grep -qs 'forwarder[.]mjs' "$process/cmdline" && kill -STOP "\${process#/proc/}"
        done
        echo up; exec sleep ${marker}`;
        const host = await aHost(room.home, script);
        onTestFinished(host.kill);
        await expect.poll(() => processesWith(`sleep\0${marker}`)).toHaveLength(1);

        host.kill();

        await expect.poll(() => processesWith(`sleep\0${marker}`), { timeout: 30_000 }).toEqual([]);
        await expect.poll(containers, { timeout: 30_000 }).toEqual([]);
      });

      it("what a host has left is swept by the next of its home; another home's and a living host's are not touched", async () => {
        const [ours, theirs] = [createRoom(sandboxUid), createRoom(sandboxUid)];
        onTestFinished(() => [ours, theirs].forEach((room) => room.remove()));
        const gone = "1.1"; // no process has had this pid and start
        for (const { home } of [ours, theirs]) await leave(homeIdOf(realpathSync(home)), gone);
        await leave(homeIdOf(realpathSync(ours.home)), thisHost());
        expect(await containers()).toHaveLength(3);

        await later(ours.home).probe();
        expect(await containers()).toEqual([thisHost(), gone].sort());
        await later(theirs.home).probe();
        expect(await containers()).toEqual([thisHost()]);
      });

      it("is waited for when its image is gone", async () => {
        const room = createRoom(sandboxUid);
        onTestFinished(room.remove);
        const runtime = later(room.home, { image: "bellhop-test-none:latest" });

        expect(await runtime.probe()).toMatchObject({
          ok: false,
          mayPass: true,
          reason: expect.stringContaining("does not have the image"),
        });
        await expect(runtime.prepare(room.spec("ours"))).rejects.toThrow(UnreadyError);
      });
    },
  );
}

/** A number of seconds that nothing else on this machine sleeps. */
const aMarker = () => `${Math.floor(Math.random() * 1e9)}.25`;
