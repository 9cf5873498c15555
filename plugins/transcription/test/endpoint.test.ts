import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { byEndpoint } from "../src/endpoint.ts";
import { openFakeService, serviceKey } from "./fake-service.ts";

const NEVER = new AbortController().signal;

async function given({ heard = "buy milk", key = serviceKey, name = "recording.ogg" } = {}) {
  const service = await openFakeService();
  const folder = await mkdtemp(join(tmpdir(), "bellhop-transcription-"));
  onTestFinished(async () => {
    await service.server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const file = join(folder, name);
  await writeFile(file, heard);
  const { url: root } = service.server;
  const ask = byEndpoint(
    { how: "endpoint", root, model: "whisper-1", language: "de", key },
    globalThis.fetch,
  );
  return { ...service, transcribe: (signal: AbortSignal = NEVER) => ask(file, signal) };
}

describe("a service that transcribes", () => {
  it("is sent the recording, the model and the language, and answers with the words", async () => {
    const { transcribe, asked } = await given();

    expect(await transcribe()).toBe("buy milk");
    expect(asked).toEqual([
      { model: "whisper-1", response_format: "json", language: "de", file: "recording.ogg" },
    ]);
  });

  it("that knows no such key is for the owner to mend, in a sentence without the key", async () => {
    const { transcribe } = await given({ key: "sk-wrong" });

    await expect(transcribe()).rejects.toThrow(
      "the transcription service does not take our key (401): look whether it is still the right one",
    );
  });

  it.each([
    [{ how: "server error", status: 503 }, /failed \(503\)/],
    [{ how: "refuse" }, /does not take this \(400\)/],
    [{ how: "slow down", retryAfterMs: 5_000 }, /asks to wait \(429\)/],
    [{ how: "drop after accept" }, /did not say whether it took this/],
    [{ how: "truncate" }, /did not say whether it took this/],
    [{ how: "unreachable" }, /cannot be reached \(ECONNREFUSED\)/],
  ] as const)("that fails so (%j) is asked once", async (fault, why) => {
    const { transcribe, server } = await given();
    server.fault("send", fault);

    await expect(transcribe()).rejects.toThrow(why);
    expect(server.journal.entries.length).toBeLessThanOrEqual(1);
  });

  it.each(["raw:not json", 'raw:{"words":"buy milk"}', 'raw:{"text":7}'])(
    "that answers %s has not transcribed, and is not quoted",
    async (heard) => {
      const { transcribe } = await given({ heard });

      await expect(transcribe()).rejects.toThrow(
        /^the transcription service answered something that is no transcription$/,
      );
    },
  );

  it("that says nothing is left when the time is over", async () => {
    const { transcribe, server } = await given();
    server.fault("send", { how: "go silent" });

    await expect(transcribe(AbortSignal.timeout(200))).rejects.toThrow(/timeout/);
  });
});
