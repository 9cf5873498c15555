/** What a command has of the process that it runs in, and how it ends with something else than 0 or 1. */
import { BellhopError } from "@bellhop/sdk";
import type { Environment } from "../config.ts";
import type { Clock } from "../core/clock.ts";

export interface Io {
  readonly env: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly clock: Clock;
}

/** A command ended as it should, with another exit code than 0; there is nothing to say. */
export class ExitCode extends BellhopError {
  readonly code: number;
  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}
