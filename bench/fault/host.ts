/**
 * The host under test: what `bellhop up --json` starts, with the fake platform's channels in its own
 * memory or as a plugin of its home, and, where wanted, one armed failpoint. Its one argument is `FaultHost` as JSON.
 */
import { join } from "node:path";
import { z } from "zod";
import { EXIT_CODE, takeStops } from "../../packages/host/src/cli/signals.ts";
import { loadConfig } from "../../packages/host/src/config.ts";
import { systemClock } from "../../packages/host/src/core/clock.ts";
import { armFailpoints, FAILPOINTS } from "../../packages/host/src/core/failpoint.ts";
import { startHost } from "../../packages/host/src/main.ts";
import { platformChannel } from "./plugin/channel.ts";
import { Account } from "./plugin/words.ts";

const FaultHost = z.object({
  home: z.string(),
  /** The platform whose channels the host has itself; without it a plugin in the home brings them. */
  platform: z.url().optional(),
  /** Strikes at the nth time that the place is passed, once. */
  arm: z
    .object({
      place: z.enum(FAILPOINTS),
      nth: z.int().positive(),
      action: z.enum(["kill", "stop", "throw", "delay"]),
    })
    .optional(),
});
export type FaultHost = z.infer<typeof FaultHost>;

/** Of the whole process, which is what a slow disk does to it. */
const DELAY_MS = 1_500;

function strike(action: NonNullable<FaultHost["arm"]>["action"]): void {
  switch (action) {
    case "kill":
      process.kill(process.pid, "SIGKILL");
      return;
    case "stop":
      process.kill(process.pid, "SIGSTOP");
      return;
    case "delay":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, DELAY_MS);
      return;
    case "throw":
      throw new Error("a failpoint was armed to fail here");
    default:
      action satisfies never;
  }
}

const { home, platform, arm } = FaultHost.parse(JSON.parse(process.argv[2] ?? ""));
if (arm) {
  let left = arm.nth;
  armFailpoints((place) => {
    if (place !== arm.place) return;
    left -= 1;
    if (left === 0) strike(arm.action);
  });
}

const config = loadConfig({
  home,
  env: { XDG_CONFIG_HOME: join(home, "run", "config") },
  flags: { port: 0 },
});
const starting = startHost({
  config,
  channels:
    platform === undefined ? [] : Account.options.map((account) => platformChannel(account, platform)),
});
let code = 0;
takeStops({
  clock: systemClock,
  drain: () => void starting.then((host) => host.drain()),
  now: (signal) => {
    code = EXIT_CODE[signal];
    void starting.then((host) => host.stop());
  },
});
const host = await starting;
const token = await host.apiToken("admin");
process.stdout.write(
  `${JSON.stringify({ url: host.url, token, pid: process.pid, model: host.model, sandbox: host.sandbox })}\n`,
);
await host.finished;
process.exit(code);
