/** `bellhop stop`: ends the running host, by default as gently as Ctrl-C. */
import { TemporaryError } from "@bellhop/sdk";
import { Command } from "commander";
import type { Clock } from "../core/clock.ts";
import { clientFor, homeOption } from "./home-option.ts";
import { sleep } from "./follow.ts";
import type { Io } from "./io.ts";
import { count } from "./status.ts";
import { hasCode } from "../core/error-code.ts";

export function stopCommand(io: Io): Command {
  return new Command("stop")
    .summary("stop the running Bellhop")
    .description(
      "Stops the running Bellhop: it takes nothing new, ends the answers it is giving, delivers them, and exits. " +
        "Returns when the process is gone. Messages that still wait are answered after the next start.",
    )
    .addOption(homeOption())
    .option("--now", "do not wait for answers under way; they are tried again after the next start")
    .addHelpText("after", HELP)
    .action(async ({ home, now }: { home?: string; now?: true }) => {
      const client = clientFor(io, home);
      const { pid, turns } = await client.status();
      if (now) process.kill(pid, "SIGQUIT");
      else {
        if (turns.length > 0) io.stderr.write(`Waiting for ${count(turns.length, "live turn")} to end.\n`);
        await client.shutdown();
      }
      await gone(pid, now ? NOW_MS : DRAIN_MS, io.clock);
      io.stdout.write(`Bellhop (process ${pid}) has stopped.\n`);
    });
}

/** The longest drain that a configuration allows is not known here; past this, something hangs. */
const DRAIN_MS = 15 * 60_000;
const NOW_MS = 15_000;
/** There is no event for the end of a process that is not our child, so it is looked for. */
const LOOK_MS = 25;

/** @throws TemporaryError when the process still exists after `patience` ms */
async function gone(pid: number, patience: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + patience;
  const never = new AbortController().signal;
  while (exists(pid)) {
    if (clock.monotonic() > deadline) {
      throw new TemporaryError(
        `Bellhop (process ${pid}) has not stopped within ${patience / 1000} s. End it with: kill -9 ${pid}`,
      );
    }
    await sleep(clock, LOOK_MS, never);
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

const HELP = `
Examples:
  bellhop stop          let it finish its answers first
  bellhop stop --now    end it at once

Exit codes: 0 it has stopped; 1 none was running, or it would not stop.`;
