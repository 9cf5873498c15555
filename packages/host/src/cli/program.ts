/**
 * The command line: what it is called with becomes one command, and what that throws becomes one
 * sentence and an exit code. 0: done. 1: not done, with the reason on stderr.
 */
import { BellhopError } from "@bellhop/sdk";
import { Command, CommanderError } from "commander";
import { approvalsCommand } from "./approvals.ts";
import { allowCommand } from "./allow.ts";
import { askCommand } from "./ask.ts";
import { auditCommand } from "./audit.ts";
import { chatCommand } from "./chat.ts";
import { channelsCommand } from "./channels.ts";
import { chatsCommand } from "./chats.ts";
import { filesCommand } from "./files.ts";
import { ExitCode, type Io } from "./io.ts";
import { deadCommand } from "./dead.ts";
import { groupsCommand } from "./groups.ts";
import { imageCommand } from "./image.ts";
import { doctorCommand } from "./doctor.ts";
import { grantsCommand } from "./grants.ts";
import { loginCommand } from "./login.ts";
import { panicCommand, resumeCommand } from "./panic.ts";
import { pluginsCommand } from "./plugins.ts";
import { policyCommand } from "./policy.ts";
import { rehearsalCommand } from "./rehearsal.ts";
import { secretsCommand } from "./secrets.ts";
import { peopleCommand } from "./people.ts";
import { pairCommand } from "./pair.ts";
import { sendersCommand } from "./senders.ts";
import { statusCommand } from "./status.ts";
import { stopCommand } from "./stop.ts";
import { taintCommand } from "./taint.ts";
import { tasksCommand } from "./tasks.ts";
import { upCommand } from "./up.ts";
import { usageCommand } from "./usage.ts";
import { VERSION } from "../version.ts";

/** Runs one command line (without program names). Resolves with the exit code. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.code;
    if (error instanceof CommanderError) return error.exitCode; // has said it all: help, or a usage error
    const text = error instanceof BellhopError ? error.message : unexpected(error);
    io.stderr.write(`${text}\n`);
    return 1;
  }
}

export function createProgram(io: Io): Command {
  const program = new Command("bellhop")
    .description("A self-hosted personal assistant whose agent lives in a locked sandbox.")
    .version(VERSION)
    .exitOverride()
    // A command may hand on what follows it: bellhop plugins run.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns || 80,
      getErrHelpWidth: () => io.stderr.columns || 80,
    })
    .showHelpAfterError("See what a command takes with: bellhop help COMMAND")
    .addHelpText("after", HELP);
  const commands = [
    upCommand(io),
    chatCommand(io),
    chatsCommand(io),
    groupsCommand(io),
    channelsCommand(io),
    sendersCommand(io),
    peopleCommand(io),
    pairCommand(io),
    askCommand(io),
    filesCommand(io),
    statusCommand(io),
    doctorCommand(io),
    stopCommand(io),
    tasksCommand(io),
    usageCommand(io),
    deadCommand(io),
    secretsCommand(io),
    approvalsCommand(io),
    grantsCommand(io),
    taintCommand(io),
    policyCommand(io),
    auditCommand(io),
    allowCommand(io),
    panicCommand(io),
    resumeCommand(io),
    pluginsCommand(io),
    imageCommand(io),
    loginCommand(io),
    rehearsalCommand(),
  ];
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

/** What nobody foresaw is a defect of ours: whoever mends it needs all there is. */
function unexpected(error: unknown): string {
  const all = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `Bellhop failed in a way it should not have:\n${all}`;
}

const HELP = `
Examples:
  bellhop up                        start it here, with a terminal chat
  bellhop ask "what is on today?"   one question, one answer
  bellhop chat                      talk to the Bellhop that runs
  bellhop help ask                  all about one command

Everything that Bellhop keeps is in one folder, its home: --home DIR, else
$BELLHOP_HOME, else ~/.bellhop. Each command takes --home.

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
