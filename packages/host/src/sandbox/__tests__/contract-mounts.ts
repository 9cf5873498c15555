/** The part of the sandbox contract that is about what is mounted (F30). */
import { ConfigError, RejectedError, TemporaryError } from "@bellhop/sdk";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SandboxProcess, SandboxRuntime } from "../../turns/sandbox.ts";
import { bash, type Room, run } from "./room.ts";

/** What is promised of mounts. */
export function mountsContract(given: () => { readonly room: Room; readonly runtime: SandboxRuntime }): void {
  describe("is mounted only as ordered:", () => {
    const extra = (source: string, target = "/workspace/extra/x") => ({
      mounts: [{ source, target, mode: "ro" as const }],
    });

    it("no source through a link", async () => {
      symlinkSync(given().room.folder("theirs"), join(given().room.home, "link"));

      await expect(
        given().runtime.prepare(given().room.spec("ours", extra(join(given().room.home, "link")))),
      ).rejects.toThrow(/symbolic link/);
      await expect(
        given().runtime.prepare(given().room.spec("ours", extra(join(given().room.home, "link", "diary")))),
      ).rejects.toThrow(/symbolic link/);
    });

    it("no source that is missing or odd", async () => {
      await expect(
        given().runtime.prepare(given().room.spec("ours", extra(join(given().room.home, "nothing")))),
      ).rejects.toThrow(ConfigError);
      await expect(given().runtime.prepare(given().room.spec("ours", extra("/dev/null")))).rejects.toThrow(
        /neither a folder nor a plain file/,
      );
    });

    it.each([
      "relative",
      "/usr/lib/x",
      "/tmp/x",
      "/workspace/../etc/x",
      "/workspace/group",
      "/workspace/group/below",
      "/run/bellhop",
      "/workspace/a\0b",
    ])("no target at %j", async (target) => {
      const source = join(given().room.home, "media");

      await expect(given().runtime.prepare(given().room.spec("ours", extra(source, target)))).rejects.toThrow(
        RejectedError,
      );
    });

    it("a source that is swapped after it was checked stops everything", async () => {
      const source = join(given().room.home, "swapped");
      for (const swap of [
        () => symlinkSync(given().room.folder("theirs"), source),
        () => mkdirSync(source),
      ]) {
        rmSync(source, { recursive: true, force: true });
        rmSync(`${source}-away`, { recursive: true, force: true });
        mkdirSync(source);
        const sandbox = await given().runtime.prepare(given().room.spec("ours", extra(source)));
        renameSync(source, `${source}-away`);
        swap();

        const started: SandboxProcess = sandbox.spawn({
          argv: bash("touch ran; cat /workspace/extra/x/*"),
          env: {},
        });
        let said = "";
        for await (const chunk of started.stdout) said += String(chunk);

        expect((await started.exited).code).not.toBe(0);
        expect(said).toBe("");
        expect(existsSync(join(given().room.folder("ours"), "ran"))).toBe(false);
      }
    });

    it("what belongs to people stays theirs, and is what was judged or nothing (F30)", async () => {
      const source = join(given().room.base, "theirs of old");
      mkdirSync(source);
      chmodSync(source, 0o777);
      const { dev, ino, uid: owner } = statSync(source, { bigint: true });
      const foreign = { dev: String(dev), ino: String(ino) };
      const spec = (judged: typeof foreign) =>
        given().room.spec("ours", {
          mounts: [{ source, target: "/workspace/extra/x", mode: "rw", foreign: judged }],
        });

      const { code } = await run(given().runtime, spec(foreign), bash("echo mine > /workspace/extra/x/note"));

      expect(code).toBe(0);
      expect(statSync(source, { bigint: true }).uid).toBe(owner);
      expect(readFileSync(join(source, "note"), "utf8")).toBe("mine\n");
      await expect(
        given().runtime.prepare(spec({ dev: String(dev), ino: String(ino + 1n) })),
      ).rejects.toThrow(TemporaryError);
    });

    it("nothing that an option could hide in", async () => {
      const sandbox = await given().runtime.prepare(given().room.spec("ours"));

      expect(() => sandbox.spawn({ argv: ["/bin/true"], env: {}, cwd: "/tmp\0--bind\0/\0/host" })).toThrow(
        RejectedError,
      );
      await sandbox.dispose();
    });
  });
}
