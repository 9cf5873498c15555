/** Where bubblewrap makes the sandboxes, agents have the machine's own programs: its browser too. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { sandboxHere } from "../../engines/__tests__/room.ts";
import { silentLog } from "../../log.ts";
import { createBubblewrap } from "../bubblewrap.ts";
import { sandboxUid } from "../staging.ts";
import { bash, createRoom, MiB, run } from "./room.ts";

const sandbox = await sandboxHere();
const browser = existsSync("/usr/bin/chromium");
if (!browser && process.env["BELLHOP_CI"] === "1") throw new Error("chromium is missing");
const note = sandbox.note || (browser ? "" : " (SKIPPED: chromium is missing)");

describe.skipIf(sandbox.missing || !browser)(`Chromium in a sandbox of bubblewrap${note}`, () => {
  it("makes a picture of a page, with its crash handler beside it", { timeout: 120_000 }, async () => {
    const room = createRoom(sandboxUid);
    onTestFinished(room.remove);
    const runtime = createBubblewrap({ home: room.home, clock: systemClock, log: silentLog });
    const spec = room.spec("ours", { limits: { memoryBytes: 2_048 * MiB, pids: 256, tmpBytes: 256 * MiB } });
    const script = `
      echo '<meta charset=utf-8><p>sunny</p>' > /tmp/page.html
      chromium --headless --screenshot=/workspace/group/page.png file:///tmp/page.html 2>/tmp/said || cat /tmp/said
      chromium --headless --remote-debugging-pipe 3</dev/zero 4>/dev/null about:blank >/dev/null 2>&1 &
      for try in $(seq 100); do
        grep -lsa "[c]hrome_crashpad_handler" /proc/[0-9]*/cmdline >/dev/null && echo handler && break
        sleep 0.1
      done`;

    const { stdout } = await run(runtime, spec, bash(script));

    expect(stdout).toBe("handler\n");
    expect(
      readFileSync(join(room.folder("ours"), "page.png"))
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
  });
});
