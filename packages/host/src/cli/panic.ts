/**
 * `bellhop panic` and `bellhop resume`: the emergency stop and its end (G27).
 *
 * - The file comes first: it needs neither the host nor its database. Then the host is told, and where
 *   it does not answer in time, it is killed: its sandboxes die with it.
 * - Whatever happens, what was done and what was not is printed.
 */
import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { existsSync } from "node:fs";
import { homeDirectory, homePaths } from "../config.ts";
import { lowerFlag, raiseFlag } from "../stop-switch.ts";
import { createClient } from "./client.ts";
import { NoHostError } from "./control.ts";
import { homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { holderOf, killHost } from "./kill-host.ts";
import { count } from "./status.ts";

/** G27: everything is dead within 5 s. A locked database holds the host up for 2; the rest is for killing it. */
const ANSWER_MS = 3_000;

export function panicCommand(io: Io): Command {
  return new Command("panic")
    .summary("stop everything at once: the emergency stop")
    .description(
      "Kills every sandbox and holds everything: no answer, no message, no schedule, until: bellhop resume. " +
        "A restart does not end it. What people write meanwhile is kept. " +
        "A Bellhop that does not answer within 3 s is killed.",
    )
    .addOption(homeOption())
    .option("--reason <text>", "why, for whoever looks at: bellhop status", "")
    .addHelpText("after", HELP)
    .action(async (options: { home?: string; reason: string }) => {
      const home = homeOf(io, options.home);
      const flag = tryToRaise(io, home, options.reason);
      const halted = await tellHost(io, home, options.reason);
      if (flag !== undefined && !halted) throw flag;
    });
}

export function resumeCommand(io: Io): Command {
  return new Command("resume")
    .summary("go on after an emergency stop")
    .description("Ends what bellhop panic or /pause began: what was under way is taken up again.")
    .addOption(homeOption())
    .action(async (options: { home?: string }) => {
      const home = homeOf(io, options.home);
      const { paused: flag, socket } = homePaths(home);
      const was = existsSync(flag);
      lowerFlag(flag);
      try {
        const { resumed } = await createClient({ home, socket, clock: io.clock }).resume();
        io.stdout.write(was || resumed ? "Bellhop goes on.\n" : "Bellhop was not paused.\n");
      } catch (error) {
        if (!(error instanceof NoHostError)) throw error;
        io.stdout.write(`${was ? "The pause is over" : "There was no pause"}; no Bellhop runs on ${home}.\n`);
      }
    });
}

/** @returns what kept it from being written down */
function tryToRaise(io: Io, home: string, reason: string): Error | undefined {
  const { paused } = homePaths(home);
  try {
    raiseFlag(paused, { since: io.clock.now(), by: "bellhop panic", reason });
    return undefined;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    io.stderr.write(`${paused} could not be written (${problem}): A RESTART WOULD FORGET THE PAUSE.\n`);
    return new RejectedError("The pause is nowhere on record: do not start Bellhop before it is.", { cause });
  }
}

/** @returns whether the host lives, and holds still */
async function tellHost(io: Io, home: string, reason: string): Promise<boolean> {
  const client = createClient({ home, socket: homePaths(home).socket, clock: io.clock, patience: ANSWER_MS });
  try {
    const { sandboxes, ms } = await client.pause(reason);
    io.stdout.write(
      `PAUSED. ${count(sandboxes, "sandbox", "es")} killed within ${ms} ms; nothing is sent. Go on with: bellhop resume\n`,
    );
    return true;
  } catch (error) {
    const pid = holderOf(home);
    if (pid === undefined) {
      if (!(error instanceof NoHostError)) throw error;
      io.stdout.write(
        `PAUSED. No Bellhop runs on ${home}; when it is started, it stays paused until: bellhop resume\n`,
      );
      return false;
    }
    io.stderr.write(`${error instanceof Error ? error.message : String(error)} It is killed.\n`);
    const others = await killHost(pid, io.clock);
    io.stdout.write(
      `PAUSED. Bellhop (process ${pid}) and ${count(others, "process", "es")} of it were killed. ` +
        `Start it again with: bellhop up. It stays paused until: bellhop resume\n`,
    );
    return false;
  }
}

function homeOf(io: Io, asked: string | undefined): string {
  const home = homeDirectory({ home: asked, env: io.env });
  if (existsSync(homePaths(home).run)) return home;
  throw new RejectedError(`${home} is no home of a Bellhop; name the one you mean with --home.`);
}

const HELP = `
Examples:
  bellhop panic
  bellhop panic --reason "it writes to everybody"
  touch ~/.bellhop/run/paused       the same, without this command

Exit codes: 0 everything stands still; 1 it could not be made sure, the reason is on stderr.`;
