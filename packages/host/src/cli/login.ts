/** `bellhop login`: a fresh link into the web chat. */
import { Command } from "commander";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";

export function loginCommand(io: Io): Command {
  return new Command("login")
    .summary("print a fresh login link for the web chat")
    .description(
      "Prints a link that logs a browser in as the owner. It works once, and for ten minutes: treat it like a key.",
    )
    .addOption(homeOption())
    .addHelpText("after", HELP)
    .action(async ({ home }: { home?: string }) => {
      const { url } = await clientFor(io, home).loginCode();
      io.stdout.write(`${url}\n`);
    });
}

const HELP = `
Example:
  xdg-open "$(bellhop login)"    open the web chat

Exit codes: 0 the link is on stdout; 1 no Bellhop is running, or it refused.`;
