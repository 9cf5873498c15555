/** `bellhop pair`: a code that makes whoever sends it from a platform an owner. */
import { Command } from "commander";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { ago } from "./status.ts";

export function pairCommand(io: Io): Command {
  return new Command("pair")
    .summary("become the owner on a platform")
    .description(
      "Prints a code. Send it to the assistant from a chat of yours: whoever sends it is an owner from then on. " +
        "It works once, and for an hour: treat it like a key.",
    )
    .addOption(homeOption())
    .addHelpText("after", HELP)
    .action(async ({ home }: { home?: string }) => {
      const { code, expiresAt } = await clientFor(io, home).senders.pair();
      const left = ago(expiresAt - io.clock.now());
      io.stdout.write(`${code}\n`);
      io.stderr.write(
        `Send this code to the assistant within ${left}, from a direct chat on the platform where it is to know you.\n`,
      );
    });
}

const HELP = `
Example:
  bellhop pair

Exit codes: 0 the code is on stdout; 1 no Bellhop is running, or it refused.`;
