/**
 * Starting a host leaves a lot behind: sources that were compiled, code that ran once. Node collects
 * it only when memory is wanted again, which in an idle host is never; so it is collected once, after
 * the start, and what is free goes back to the system.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { z } from "zod";

const Collect = z.custom<(options: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void>(
  (value) => typeof value === "function",
);

/** Takes some tens of milliseconds, in which nothing else happens. */
export function releaseMemory(): void {
  setFlagsFromString("--expose-gc");
  const collect = Collect.parse(runInNewContext("gc"));
  setFlagsFromString("--no-expose-gc");
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}
