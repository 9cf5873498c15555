import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../../core/testing.ts";
import { silentLog } from "../../../log.ts";
import { type Archive, createArchives } from "../archives.ts";

const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
const PROGRAM = "#!/bin/sh\necho hello\n";
const URL_OF_IT = "https://tools.test/tool";

async function given(
  answer: (url: string) => Response | Promise<Response> = () => new Response("none", { status: 404 }),
) {
  const root = await mkdtemp(join(tmpdir(), "bellhop-archives-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, "tools");
  const plugin = join(root, "plugin");
  await mkdir(plugin);
  const clock = fakeClock();
  const asked: string[] = [];
  let settle = Promise.withResolvers<void>();
  const archives = createArchives({
    folder,
    arch: "x64",
    fetch: async (url, options) => {
      options.signal.throwIfAborted();
      asked.push(url);
      return await answer(url);
    },
    onSettled: () => {
      settle.resolve();
      settle = Promise.withResolvers<void>();
    },
    clock,
    log: silentLog,
  });
  onTestFinished(archives.close);
  return {
    folder,
    plugin,
    clock,
    asked,
    archives,
    settled: () => settle.promise,
    of: (...all: Archive[]) => archives.of(all, plugin),
  };
}

describe("a program that a plugin brings", () => {
  it("from its own folder is there at once, is a program, and is put there once", async () => {
    const { plugin, folder, of } = await given();
    await writeFile(join(plugin, "hello"), PROGRAM, { mode: 0o600 });
    const archive = { from: "hello", sha256: sha256(PROGRAM), as: "hi" };

    const [state] = await of(archive);
    await rm(join(plugin, "hello"));
    const [again] = await of(archive);

    const source = join(folder, archive.sha256);
    expect(state).toEqual({ as: "hi", source, kind: "program", program: "" });
    expect(again).toEqual(state);
    expect((await stat(source)).mode & 0o777).toBe(0o755);
    expect(await readFile(source, "utf8")).toBe(PROGRAM);
  });

  it("in an archive is found by the archive's name", async () => {
    const { plugin, of } = await given();
    const tar = gzipSync(
      await packTar([{ header: { name: "t/bin/hi", size: PROGRAM.length, mode: 0o755 }, body: PROGRAM }]),
    );
    await writeFile(join(plugin, "t.tgz"), tar);

    expect(await of({ from: "t.tgz", sha256: sha256(tar), as: "bin" })).toMatchObject([
      { program: undefined },
    ]);
    const [inIt] = await of({ from: "t.tgz", sha256: sha256(tar), as: "hi" });
    expect(inIt).toMatchObject({ kind: "folder", program: "bin/hi" });
  });

  it("is left out where it is for another machine", async () => {
    const { of } = await given();

    expect(await of({ from: "x", sha256: sha256(""), as: "x", arch: "arm64" })).toEqual([]);
  });

  it.each([
    ["is not what was approved", "other", /its SHA-256 is [0-9a-f]{64}, and the manifest says/],
    ["is not there", undefined, /there is no .*hello/],
  ])("that %s is missing, with the reason, and leaves nothing", async (_what, content, why) => {
    const { plugin, folder, of } = await given();
    if (content !== undefined) await writeFile(join(plugin, "hello"), content);

    const [state] = await of({ from: "hello", sha256: sha256(PROGRAM), as: "hi" });

    expect(state).toEqual({ as: "hi", missing: expect.stringMatching(why) });
    expect(await readdir(folder).catch(() => [])).toEqual([]);
  });

  it("from elsewhere is missing until it was fetched", async () => {
    const { of, settled, asked } = await given(() => new Response(PROGRAM));
    const archive = { from: URL_OF_IT, sha256: sha256(PROGRAM), as: "hi" };

    const done = settled();
    const [first] = await of(archive);
    const [meanwhile] = await of(archive);
    await done;
    const [then] = await of(archive);

    const coming = { as: "hi", missing: "its programs hi are being fetched from tools.test" };
    expect([first, meanwhile]).toEqual([coming, coming]);
    expect(then).toMatchObject({ as: "hi", kind: "program" });
    expect(asked).toEqual([URL_OF_IT]);
  });

  it.each([
    ["answers with an error", () => new Response("", { status: 503 }), /HTTP 503/],
    ["has other bytes", () => new Response("other"), /SHA-256/],
    [
      "leads out of TLS",
      () => Object.defineProperty(new Response(PROGRAM), "url", { value: "http://tools.test/tool" }),
      /without TLS/,
    ],
  ])("from a place that %s is told of, and asked for again after a while", async (_what, answer, why) => {
    const { of, settled, asked, clock, folder } = await given(answer);
    const archive = { from: URL_OF_IT, sha256: sha256(PROGRAM), as: "hi" };

    const done = settled();
    await of(archive);
    await done;
    const [failed] = await of(archive);
    expect(asked).toHaveLength(1);
    clock.advance(61_000);
    const again = settled();
    await of(archive);
    await again;

    expect(failed).toEqual({ as: "hi", missing: expect.stringMatching(why) });
    expect(asked).toHaveLength(2);
    expect(await readdir(folder).catch(() => [])).toEqual([]);
  });

  it("is given up when the host closes", async () => {
    const hanging = Promise.withResolvers<Response>();
    const { of, archives } = await given(() => hanging.promise);
    await of({ from: URL_OF_IT, sha256: sha256(PROGRAM), as: "hi" });

    const closing = archives.close();
    hanging.reject(new DOMException("over", "AbortError")); // as fetch does when its signal says so
    await closing;

    expect(await of({ from: URL_OF_IT, sha256: sha256(PROGRAM), as: "hi" })).toMatchObject([{ as: "hi" }]);
  });
});
