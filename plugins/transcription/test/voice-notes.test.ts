import { RejectedError } from "@bellhop/sdk";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Transcribe } from "../src/transcriber.ts";
import { openFakeHost, voiceNote } from "./fake-host.ts";

/** Hears the text that is in the file. */
const hearing: Transcribe = async (file) => readFileSync(file, "utf8");
const deaf: Transcribe = async () => {
  throw new RejectedError("the program ended with exit code 1");
};
/** Never answers; ends as it is told. */
const slow: Transcribe = (_file, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });

const recordingsIn = (folder: string): string[] => {
  try {
    return readdirSync(join(folder, "recordings"));
  } catch {
    return [];
  }
};

describe("a message with a voice note", () => {
  it("is held, and goes on with what was said; nothing of it stays", async () => {
    const { startPlugin, files, released, kept, folder, lines } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const modes: number[] = [];
    const plugin = startPlugin(async (file) => {
      modes.push(statSync(file).mode & 0o777);
      return `\u0007 ${await hearing(file, new AbortController().signal)}\n`;
    });

    const verdict = await plugin.hears(voiceNote("m1", { text: "listen" }));
    await plugin.idle();

    expect(verdict).toEqual({ hold: { forMs: 80_000, reason: "its voice note is being transcribed" } });
    expect(released.get("m1")).toEqual({ text: "listen\n\n[voice note, transcribed] buy milk" });
    expect(modes).toEqual([0o600]);
    expect(recordingsIn(folder)).toEqual([]);
    expect([...kept.keys()]).toEqual([]);
    expect(lines).toEqual([]);
  });

  it.each([
    ["cannot be transcribed", deaf, {}, "the program ended with exit code 1"],
    ["holds no words", async () => " \n", {}, "nothing could be heard in it"],
    ["is too large", hearing, { maxBytes: 4 }, "it is larger than 0 MB"],
    ["takes too long", slow, { timeoutMs: 50 }, "it took longer than 0.05 seconds"],
    ["meets a bug", () => Promise.reject(new TypeError("buy milk")), {}, "its transcriber failed"],
  ] as const)("that %s goes on as it was, and says why", async (_what, transcribe, plan, why) => {
    const { startPlugin, files, released, kept, folder, lines } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const plugin = startPlugin(transcribe, plan);

    await plugin.hears(voiceNote("m1"));
    await plugin.idle();

    expect(released.get("m1")).toEqual({ note: `The voice note could not be transcribed: ${why}.` });
    expect(recordingsIn(folder)).toEqual([]);
    expect([...kept.keys()]).toEqual([]);
    expect(lines.join()).not.toContain("milk");
  });

  it("whose file is larger than it was said to be is not read to its end", async () => {
    const { startPlugin, files, released } = await openFakeHost();
    files.set("m1-file", "x".repeat(2_000));
    const plugin = startPlugin(hearing);

    await plugin.hears(voiceNote("m1"));
    await plugin.idle();

    expect(released.get("m1")?.note).toContain("larger than it was said to be");
  });

  it.each([
    ["a recording", "\u001aE A_OPUS words", true],
    ["a film", "\u001aE V_VP9 A_OPUS words", false],
  ])("may be WebM, which is transcribed where it is %s", async (_what, content, transcribed) => {
    const { startPlugin, files, released } = await openFakeHost();
    files.set("f", content);
    const plugin = startPlugin(async () => "buy milk");

    await plugin.hears(
      voiceNote("m1", { files: [{ id: "f", name: "f.webm", type: "video/webm", bytes: 30 }] }),
    );
    await plugin.idle();

    expect(released.get("m1")).toEqual(transcribed ? { text: "[voice note, transcribed] buy milk" } : {});
  });

  it("is left alone where it is not answered, unless the settings say otherwise", async () => {
    const { startPlugin, files, released } = await openFakeHost();
    files.set("m2-file", "buy milk");

    expect(await startPlugin(hearing).hears(voiceNote("m1", { answered: false }))).toBeUndefined();
    const plugin = startPlugin(hearing, { answeredOnly: false });
    await plugin.hears(voiceNote("m2", { answered: false }));
    await plugin.idle();

    expect(released.get("m2")?.text).toContain("buy milk");
  });

  it("has company: all are transcribed, one at a time, and each message waits for those before it", async () => {
    const { startPlugin, files, released } = await openFakeHost();
    for (const name of ["a", "b", "c"]) files.set(name, `words of ${name}`);
    let now = 0;
    let most = 0;
    const plugin = startPlugin(async (file, signal) => {
      most = Math.max(most, (now += 1));
      const said = await hearing(file, signal);
      now -= 1;
      return said;
    });
    const file = (id: string) => ({ id, name: `${id}.ogg`, type: "audio/ogg", bytes: 10 });

    await plugin.hears(voiceNote("m1", { files: [file("a"), file("b")] }));
    const second = await plugin.hears(voiceNote("m2", { files: [file("c")] }));
    await plugin.idle();

    expect(second?.hold?.forMs).toBe(3 * 20_000 + 60_000);
    expect(most).toBe(1);
    expect(released.get("m1")?.text).toBe(
      '[voice note "a.ogg", transcribed] words of a\n\n[voice note "b.ogg", transcribed] words of b',
    );
    expect(released.get("m2")?.text).toBe("[voice note, transcribed] words of c");
  });

  it("is not held where fifty wait already", async () => {
    const { startPlugin, held } = await openFakeHost();
    const plugin = startPlugin(slow);
    for (let count = 0; count < 50; count += 1) await plugin.hears(voiceNote(`m${count}`));

    const verdict = await plugin.hears(voiceNote("one-more"));

    expect(verdict?.note).toContain("50 others are waiting already");
    expect(held.size).toBe(50);
    plugin.end();
    await plugin.idle();
  });

  it("that is edited while it waits keeps its place, and is read as it reads by then", async () => {
    const { startPlugin, files, released } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const plugin = startPlugin(hearing);

    await plugin.hears(voiceNote("m1", { text: "lisen" }));
    await plugin.hears(voiceNote("m1", { text: "listen" }));
    await plugin.idle();

    expect(released.get("m1")?.text).toBe("listen\n\n[voice note, transcribed] buy milk");
  });

  it("whose hold was over before is let be", async () => {
    const { startPlugin, files, held, released, kept } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const plugin = startPlugin(async (file, signal) => {
      held.clear();
      return await hearing(file, signal);
    });

    await plugin.hears(voiceNote("m1"));
    await plugin.idle();

    expect(released.size).toBe(0);
    expect([...kept.keys()]).toEqual([]);
  });
});

describe("a process that ends while a message is held", () => {
  it("leaves it to the next one, which transcribes it", async () => {
    const { startPlugin, files, released } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const first = startPlugin(slow);
    await first.hears(voiceNote("m1", { text: "listen" }));
    first.end();
    await first.idle();
    expect(released.size).toBe(0);

    const second = startPlugin(hearing);
    await second.onStartup();
    await second.idle();

    expect(released.get("m1")).toEqual({ text: "listen\n\n[voice note, transcribed] buy milk" });
  });

  it("for the third time has it go on as it was", async () => {
    const { startPlugin, files, released, kept } = await openFakeHost();
    files.set("m1-file", "buy milk");
    const first = startPlugin(slow);
    await first.hears(voiceNote("m1"));
    first.end();
    await first.idle();
    for (let count = 0; count < 2; count += 1) {
      const next = startPlugin(slow);
      await next.onStartup();
      await expect.poll(() => JSON.stringify([...kept.values()])).toContain(`"tries":${count + 2}`);
      next.end();
      await next.idle();
    }

    const last = startPlugin(hearing);
    await last.onStartup();
    await last.idle();

    expect(released.get("m1")?.note).toContain("its transcriber ended in the middle 3 times");
    expect([...kept.keys()]).toEqual([]);
  });
});
