import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../core/testing.ts";
import { silentLog } from "../log.ts";
import { openStopSwitch, raiseFlag, readFlag } from "../stop-switch.ts";

function given({ text }: { text?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "bh-switch-"));
  const file = join(folder, "paused");
  if (text !== undefined) writeFileSync(file, text);
  const clock = fakeClock();
  const stopSwitch = openStopSwitch({ file, clock, log: silentLog });
  onTestFinished(() => {
    stopSwitch.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const happened: string[] = [];
  stopSwitch.drive({
    async halt() {
      happened.push("halt");
      return 2;
    },
    async goOn() {
      happened.push("go on");
    },
  });
  return { folder, file, clock, stopSwitch, happened };
}

describe("the emergency stop", () => {
  it("ends everything, says so in a file, and goes on when it is resumed", async () => {
    const { file, clock, stopSwitch, happened } = given();
    const before = stopSwitch.hold();

    const halted = await stopSwitch.pause("Ann", "it talks nonsense");

    const paused = { since: clock.now(), by: "Ann", reason: "it talks nonsense" };
    expect(halted).toEqual({ paused, sandboxes: 2, ms: 0, kept: true });
    expect(before.aborted).toBe(true);
    expect(readFlag(file, 0)).toEqual(paused);

    expect(await stopSwitch.resume()).toBe(true);
    expect(stopSwitch.hold().aborted).toBe(false);
    expect(stopSwitch.paused).toBeUndefined();
    expect(readFlag(file, 0)).toBeUndefined();
    expect(happened).toEqual(["halt", "go on"]);
  });

  it("keeps to who asked first", async () => {
    const { stopSwitch, happened } = given();
    await stopSwitch.pause("Ann", "first");

    const { paused } = await stopSwitch.pause("Ben", "second");

    expect(paused).toMatchObject({ by: "Ann", reason: "first" });
    expect(happened).toEqual(["halt"]);
  });

  it.each([
    { what: "an empty file", text: "" },
    { what: "garbage", text: '{"since": "yesterday"' },
    { what: "another shape", text: "{}" },
  ])("holds from the beginning where it finds $what", ({ text }) => {
    const { stopSwitch, clock } = given({ text });

    expect(stopSwitch.hold().aborted).toBe(true);
    expect(stopSwitch.paused).toEqual({ since: clock.now(), by: expect.any(String), reason: "" });
  });

  it("sees the file come and go", async () => {
    const { file, stopSwitch, happened } = given();

    writeFileSync(file, "");
    await expect.poll(() => happened).toEqual(["halt"]);
    expect(stopSwitch.hold().aborted).toBe(true);
    rmSync(file);

    await expect.poll(() => happened).toEqual(["halt", "go on"]);
    expect(stopSwitch.hold().aborted).toBe(false);
  });

  it("learns the reason that is written after the file was made", async () => {
    const { file, stopSwitch } = given();
    writeFileSync(file, "");
    await expect.poll(() => stopSwitch.paused).toBeDefined();

    writeFileSync(file, JSON.stringify({ since: 1, by: "Ann", reason: "late" }));

    await expect.poll(() => stopSwitch.paused).toEqual({ since: 1, by: "Ann", reason: "late" });
  });

  it("holds where it cannot be written down, and says that a restart would forget it", async () => {
    const { folder, stopSwitch } = given();
    rmSync(folder, { recursive: true });

    expect(await stopSwitch.pause("Ann", "")).toMatchObject({ kept: false, sandboxes: 2 });
    expect(stopSwitch.hold().aborted).toBe(true);
  });

  it("leaves a file that is there as it is", () => {
    const { file } = given({ text: "mine" });

    raiseFlag(file, { since: 1, by: "Ann", reason: "" });

    expect(readFileSync(file, "utf8")).toBe("mine");
  });
});
