import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { createBubblewrap } from "../bubblewrap.ts";
import { sandboxUid } from "../staging.ts";
import { sandboxContract } from "./contract.ts";
import { processesWith } from "./room.ts";

const repository = fileURLToPath(new URL("../../../../../", import.meta.url));
const root = process.getuid?.() === 0;
const demanded = process.env["BELLHOP_CI"] === "1";
const home = mkdtempSync(join(tmpdir(), "bellhop-sandbox-test-"));
const runtime = createBubblewrap({ home, clock: systemClock, log: silentLog });
const probe = await runtime.probe();
afterAll(() => rmSync(home, { recursive: true }));

if (!probe.ok && demanded) throw new Error(`${probe.reason}. ${probe.fix}`);
const limits = probe.ok ? `limits by ${probe.limits}` : `SKIPPED: ${probe.reason}`;

describe.skipIf(!probe.ok)(`bubblewrap, ${root ? "as root" : "as an ordinary user"}, ${limits}`, () => {
  sandboxContract({
    name: "contract",
    create: (at) => createBubblewrap({ home: at, clock: systemClock, log: silentLog }),
    uid: sandboxUid,
  });

  describe("when its host is killed", () => {
    it("leaves no process, and what it left of limits is swept by the next host, but not another home's", async () => {
      const marker = `${Math.floor(Math.random() * 1e9)}.75`;
      const elsewhere = mkdtempSync(join(tmpdir(), "bellhop-sandbox-test-"));
      const [ours, other] = await Promise.all([aHost(home, marker), aHost(elsewhere, marker)]);
      onTestFinished(() => {
        ours.kill();
        other.kill();
      });
      await expect.poll(() => processesWith(`sleep\0${marker}`).length).toBe(4);

      const shares = cgroupsOf(ours.pid).map(cpuShareOf);
      expect(shares.every((share) => share === "256" || share === "25")).toBe(true);

      ours.kill();
      other.kill();
      await expect.poll(() => processesWith(`sleep\0${marker}`), { timeout: 5_000 }).toEqual([]);

      const made = probe.ok && probe.limits.startsWith("cgroup") ? 1 : 0;
      expect([cgroupsOf(ours.pid).length, cgroupsOf(other.pid).length]).toEqual([made, made]);
      await createBubblewrap({ home, clock: systemClock, log: silentLog }).probe();
      expect([cgroupsOf(ours.pid).length, cgroupsOf(other.pid).length]).toEqual([0, made]);
      await createBubblewrap({ home: elsewhere, clock: systemClock, log: silentLog }).probe();
      expect([cgroupsOf(ours.pid).length, cgroupsOf(other.pid).length]).toEqual([0, 0]);
      for (const folder of [elsewhere, ours.base, other.base]) rmSync(folder, { recursive: true });
    });
  });
});

/** The clone and all homes below a folder that only `uid` can enter; `test` picks from this file. */
function inClosedFolders(uid: number, test: string): { status: number | null; output: string } {
  const closed = mkdtempSync(join(tmpdir(), "bellhop-closed-"));
  // One more descriptor, as a careless parent leaves it: no sandbox may have it.
  const stray = openSync("/etc/passwd", "r");
  const script = `set -eu
    mount -t tmpfs -o mode=0700,uid=${uid},gid=${uid} closed "$1"
    mkdir "$1/clone" "$1/tmp"; chown ${uid}:${uid} "$1/tmp"
    mount --rbind "$2" "$1/clone"
    cd "$1/clone"
    exec setpriv --reuid ${uid} --regid ${uid} --clear-groups env TMPDIR="$1/tmp" HOME="$1/tmp" NO_COLOR=1 BELLHOP_CLOSED=1 \\
      "$1/clone/$3" node_modules/vitest/vitest.mjs run --configLoader=native --cache=false --reporter=verbose -t "$4" \\
      packages/host/src/sandbox/__tests__/bubblewrap.test.ts 2>&1`;
  const node = process.execPath.slice(repository.length);
  const { status, stdout } = spawnSync(
    "unshare",
    ["--mount", "--propagation", "private", "sh", "-c", script, "sh", closed, repository, node, test],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit", ...Array<"ignore">(100).fill("ignore"), stray] },
  );
  rmSync(closed, { recursive: true });
  return { status, output: stdout };
}

const possible =
  root && process.env["BELLHOP_CLOSED"] === undefined && process.execPath.startsWith(repository);
const why = root ? "" : " (SKIPPED: only root can become another user)";

describe.skipIf(!possible && !(demanded && root && !process.env["BELLHOP_CLOSED"]))(
  `bubblewrap, with clone and home below closed folders${why}`,
  () => {
    it("keeps the whole contract for an ordinary user", { timeout: 120_000 }, () => {
      const { status, output } = inClosedFolders(4242, "as an ordinary user");

      expect(output).toMatch(/as an ordinary user, limits by (rlimit\+watchdog|systemd-scope)/);
      expect({ status, output }).toEqual({ status: 0, output: expect.stringMatching(/Tests .* passed/) });
    });

    it("works for root, and hands no stray descriptor in", { timeout: 60_000 }, () => {
      const { status, output } = inClosedFolders(0, "is a room that");

      expect({ status, output }).toEqual({
        status: 0,
        output: expect.stringMatching(/✓ .*gives a program nothing but its three streams/),
      });
    });
  },
);

async function aHost(
  at: string,
  marker: string,
): Promise<{ base: string; pid: number | undefined; kill: () => void }> {
  const program = fileURLToPath(new URL("a-host.ts", import.meta.url));
  const host = spawn(process.execPath, [program, at, marker], { stdio: ["ignore", "pipe", "ignore"] });
  const [said] = await once(host.stdout, "data");
  return { base: String(said).trim(), pid: host.pid, kill: () => host.kill("SIGKILL") };
}

/** Names of the cgroups for memory that a host made. */
/** What it gets of short processors, against 1024 (v1) or 100 (v2) of anything else. */
function cpuShareOf(cgroup: string): string | undefined {
  const files = [`/sys/fs/cgroup/cpu/${cgroup}/cpu.shares`, `/sys/fs/cgroup/${cgroup}/cpu.weight`];
  return files.flatMap((file) => (existsSync(file) ? readFileSync(file, "utf8").trim() : []))[0];
}

function cgroupsOf(pid: number | undefined): string[] {
  const folders = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder).filter((name) => new RegExp(`^bellhop-[0-9a-f]+-${pid}\\.`).test(name));
    } catch {
      return []; // not this version's
    }
  });
}
