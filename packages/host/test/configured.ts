/**
 * How the host of a journey is set up. It names bubblewrap where a test says nothing of runtimes: a host that chooses for
 * itself asks every container engine first, which takes half a second of processor time at each start. That choice
 * has tests of its own (sandbox/__tests__/detect.test.ts, cli.test.ts).
 */
import { type Config, loadConfig, type LoadOptions } from "../src/config.ts";

/** For hosts that try things again: one of the shorter waits that chance may give, and the same each time. */
export const shortWaits = (): number => 0.1;

export function configured(options: LoadOptions): Config {
  const config = loadConfig(options);
  const { sandbox } = config;
  if (sandbox.runtime !== "auto") return config;
  return { ...config, sandbox: { ...sandbox, runtime: "bubblewrap" } };
}
