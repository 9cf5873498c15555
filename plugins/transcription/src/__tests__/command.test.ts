import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { byCommand } from "../command.ts";

const NEVER = new AbortController().signal;

async function givenRecording() {
  const folder = await mkdtemp(join(tmpdir(), "bellhop-transcription-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "a recording; $(touch harmed).ogg");
  await writeFile(file, "buy milk");
  return { folder, file };
}

describe("a program that transcribes", () => {
  it("gets the recording as one argument, as it is, and no more of the environment than it needs", async () => {
    const { folder, file } = await givenRecording();
    const script = 'cat "$1"; echo; env | cut -d= -f1 | sort | tr "\\n" " "';
    const transcribe = byCommand(["bash", "-c", script, "hear", "{file}"], {
      PATH: process.env["PATH"],
      SECRET: "s",
    });

    const said = await transcribe(file, NEVER);

    expect(said).toMatch(/^buy milk\n/);
    expect(said).not.toContain("SECRET");
    expect(existsSync(join(folder, "harmed"))).toBe(false);
  });

  it.each([
    ["exit 3", /exit code 3/],
    ["kill -9 $$", /ended by SIGKILL/],
    ["yes", /more than any speech/],
  ])("that ends with %s is refused without its words", async (script, why) => {
    const { file } = await givenRecording();
    const transcribe = byCommand(["bash", "-c", `${script} # {file}`], process.env);

    await expect(transcribe(file, NEVER)).rejects.toThrow(why);
  });

  it("that is not there is for the owner to mend", async () => {
    const { file } = await givenRecording();

    await expect(byCommand(["no-such-program", "{file}"], process.env)(file, NEVER)).rejects.toThrow(
      "the program no-such-program cannot be started (ENOENT)",
    );
  });

  it("is ended with all that it started when its time is over", async () => {
    const { folder, file } = await givenRecording();
    const over = new AbortController();
    const script = `sleep 600 & echo $! > "$1.pid"; mv "$1.pid" "$1.child"; wait`;
    const asked = byCommand(["bash", "-c", script, "hear", "{file}"], process.env)(file, over.signal);
    await expect.poll(() => existsSync(`${file}.child`), { timeout: 20_000 }).toBe(true);

    over.abort(new Error("its time is over"));

    await expect(asked).rejects.toThrow("its time is over");
    const child = (await readFile(`${file}.child`, "utf8")).trim();
    await expect.poll(() => stateOf(child), { timeout: 20_000 }).toMatch(/^(gone|Z)$/);
    expect(existsSync(folder)).toBe(true);
  });
});

async function stateOf(pid: string): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat === undefined ? "gone" : /\) (\S)/.exec(stat)?.[1];
}
