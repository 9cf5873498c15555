import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, readFileSync, renameSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { TemporaryError } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLog } from "../../log.ts";
import { bash, createRoom } from "../../sandbox/__tests__/room.ts";
import { sandboxHere } from "../../engines/__tests__/room.ts";
import { createBubblewrap } from "../../sandbox/bubblewrap.ts";
import { sandboxUid } from "../../sandbox/staging.ts";
import type { Mount, PreparedSandbox } from "../../turns/sandbox.ts";
import { aMachine, MAIN } from "./a-machine.ts";

const sandbox = await sandboxHere();
/** Of sysexits.h: the room is not as ordered (sandbox/forwarder.mjs). */
const NOT_AS_ORDERED = 78;
const SECRET = "the-secret-word";

describe.skipIf(sandbox.missing)(`a mount that is swapped (F30)${sandbox.note}`, () => {
  function given() {
    const room = createRoom(sandboxUid);
    onTestFinished(room.remove);
    const ada = aMachine({ uid: sandboxUid(7) });
    const allowed = dirname(ada.file("shared/parent/notes/word", "allowed"));
    const secret = dirname(ada.file("private/parent/notes/word", SECRET));
    ada.allow({ roots: [{ path: "~/shared", rw: true }] });
    const mounts = ada.mounts({ main: [{ source: "~/shared/parent/notes" }] });
    const runtime = createBubblewrap({ home: room.home, clock: systemClock, log: silentLog });
    const prepare = (list: readonly Mount[]) => runtime.prepare(room.spec("ours", { mounts: list }));
    return { ada, allowed, secret, judge: () => mounts.of(MAIN), prepare };
  }

  it("is read inside as long as nobody touches it", async () => {
    const { judge, prepare } = given();

    expect(await printed(await prepare(await judge()))).toEqual({ code: 0, stdout: "allowed" });
  });

  it.each(["link", "folder", "parent"] as const)(
    "for a %s between the look and the start is not mounted, and looked at again",
    async (how) => {
      const { judge, prepare, allowed, secret } = given();
      const judged = await judge();
      swap(how, allowed, secret);

      await expect(prepare(judged)).rejects.toThrow(TemporaryError);
      await expect(prepare(judged)).rejects.toThrow(/was changed between the look at it and the start/);
      // The next look sees what is there now: outside of the root, or again a plain folder of the owner's.
      expect((await judge()).length).toBe(how === "folder" ? 1 : 0);
    },
  );

  it.each(["link", "folder", "parent"] as const)(
    "for a %s while it is mounted ends the sandbox before anything of the agent's runs",
    async (how) => {
      const { judge, prepare, allowed, secret } = given();
      const prepared = await prepare(await judge());
      swap(how, allowed, secret);

      expect(await printed(prepared)).toEqual({ code: NOT_AS_ORDERED, stdout: "" });
    },
  );

  it.each(["link", "parent"] as const)(
    "for a %s again and again never shows what lies outside of its root",
    { timeout: 120_000 },
    async (how) => {
      const { judge, prepare, allowed, secret } = given();
      const racer = await racing(how, allowed, secret);

      const seen = { allowed: 0, refused: 0 };
      const until = Date.now() + 5_000;
      for (
        let rounds = 0;
        rounds < 20 || seen.allowed === 0 || seen.refused === 0 || Date.now() < until;
        rounds += 1
      ) {
        if (rounds > 2_000 || racer.exitCode !== null) break;
        const stdout = await attempt(judge, prepare);
        expect(stdout).not.toContain(SECRET);
        seen[stdout === "allowed" ? "allowed" : "refused"] += 1;
      }

      expect(racer.exitCode).toBeNull();
      expect(seen.allowed).toBeGreaterThan(0);
      expect(seen.refused).toBeGreaterThan(0);
    },
  );

  it("stays its owner's, whatever its mode", async () => {
    const { ada, allowed, prepare } = given();
    chmodSync(allowed, 0o777);
    const owner = process.getuid?.() === 0 ? 4242 : statSync(allowed).uid;
    chownSync(allowed, owner, owner);
    const list = await ada.mounts({ main: [{ source: allowed, mode: "rw" }] }).of(MAIN);
    const prepared = await prepare(list);

    const { code } = await printed(prepared, "echo hello > /workspace/extra/notes/new");

    expect(code).toBe(0);
    expect(readFileSync(join(allowed, "new"), "utf8")).toBe("hello\n");
    expect(statSync(allowed)).toMatchObject({ uid: owner, mode: 0o40777 });
    expect(statSync(join(allowed, "word")).uid).toBe(process.getuid?.());
  });
});

async function attempt(
  judge: () => Promise<readonly Mount[]>,
  prepare: (list: readonly Mount[]) => Promise<PreparedSandbox>,
): Promise<string> {
  try {
    return (await printed(await prepare(await judge()))).stdout;
  } catch (error) {
    if (error instanceof TemporaryError) return "refused";
    throw error;
  }
}

async function printed(prepared: PreparedSandbox, script = "cat /workspace/extra/notes/word") {
  const program = prepared.spawn({ argv: bash(script), env: {} });
  program.stdin.on("error", () => undefined); // a program may end without reading
  program.stdin.end();
  program.stderr.resume();
  const [stdout, { code }] = await Promise.all([text(program.stdout), program.exited]);
  return { code, stdout };
}

function swap(how: "link" | "folder" | "parent", allowed: string, secret: string): void {
  const [mine, theirs] = how === "parent" ? [dirname(allowed), dirname(secret)] : [allowed, secret];
  renameSync(mine, `${mine}.aside`);
  if (how === "folder") renameSync(theirs, mine);
  else symlinkSync(theirs, mine);
}

async function racing(how: string, allowed: string, secret: string): Promise<ChildProcess> {
  const program = fileURLToPath(new URL("racer.mjs", import.meta.url));
  const racer = spawn(process.execPath, [program, how, allowed, secret], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void racer.kill("SIGKILL"));
  await once(racer.stdout, "data");
  return racer;
}
