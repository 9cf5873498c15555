/**
 * The entry of the command line. The only file that runs something by being loaded, and beside
 * `config.ts` the only one that touches the process's environment.
 */
import { systemClock } from "../core/clock.ts";
import { runProgram } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Nobody reads it any more: a closed pipe, a terminal that is gone. That must not stop a host.
    if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
  });
}

const { env, stdin, stdout, stderr } = process;
const code = await runProgram(process.argv.slice(2), { env, stdin, stdout, stderr, clock: systemClock });
// Not left to the event loop: what a command has left open must not hold the person's shell.
process.exit(code);
