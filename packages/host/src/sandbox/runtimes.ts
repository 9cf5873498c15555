/** Every runtime there is, in the order in which they are tried. */
import type { Config } from "../config.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../log.ts";
import { createBubblewrap } from "./bubblewrap.ts";
import { appleContainer } from "./container/apple.ts";
import { createContainers } from "./container/container.ts";
import type { Dialect } from "./container/dialect.ts";
import { docker, podman } from "./container/oci.ts";
import type { Candidate } from "./detect.ts";

export interface RuntimesOptions {
  readonly config: Pick<Config, "home" | "sandbox" | "clientEnvironment">;
  readonly clock: Clock;
  readonly log: Log;
}

export function allRuntimes({ config, clock, log }: RuntimesOptions): readonly Candidate[] {
  const { home, sandbox, clientEnvironment } = config;
  const containers = (dialect: Dialect): Candidate => ({
    runtime: createContainers({
      dialect,
      home,
      image: sandbox.image,
      env: clientEnvironment,
      door: sandbox.door,
      ociRuntime: sandbox.ociRuntime,
      inmates: sandbox.chromiumSandbox ? "browser" : "agent",
      clock,
      log,
    }),
    onlyNamed: dialect.unverified,
  });
  return [
    containers(docker),
    containers(podman),
    { runtime: createBubblewrap({ home, clock, log }) },
    containers(appleContainer()),
  ];
}
