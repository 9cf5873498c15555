/** `bellhop chat`: a terminal chat against the running host. */
import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { join } from "node:path";
import { chatNamed, clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { createScreen } from "./screen.ts";
import { openTerminalChat } from "./terminal-chat.ts";

export const DEFAULT_CHAT = "default";

export function chatCommand(io: Io): Command {
  return new Command("chat")
    .summary("talk to the running Bellhop")
    .description("Opens a chat in this terminal against the Bellhop that is running.")
    .addOption(homeOption())
    .option("--chat <name>", "a terminal chat's name, or a whole address such as web:abc", DEFAULT_CHAT)
    .addHelpText("after", HELP)
    .action(async ({ home, chat: name }: { home?: string; chat: string }) => {
      if (!isTerminal(io)) {
        throw new RejectedError('bellhop chat needs a terminal. From a script, use: bellhop ask "text"');
      }
      const client = clientFor(io, home);
      const leave = Promise.withResolvers<void>();
      const chat = await openTerminalChat({
        io,
        client,
        chat: chatNamed(name),
        screen: createScreen(io.stdout),
        historyFile: historyFile(client.home),
        onInterrupt: leave.resolve,
        onLeave: leave.resolve,
        leaving: "leaves; Bellhop runs on, and answers wait for you",
      });
      await Promise.race([leave.promise, chat.finished]);
      await chat.close(0);
    });
}

export function isTerminal({ stdin, stdout }: Io): boolean {
  return stdin.isTTY && stdout.isTTY;
}

/** What was typed in terminals of this home; arrow up brings it back. */
export function historyFile(home: string): string {
  return join(home, "terminal-history");
}

const HELP = `
Shows the last messages of the chat, then what happens in it. What you type is
sent when you press Enter, also while an answer comes. Ends a line with \\ to
go on in the next one; pasted blocks stay together. /help says all of this.

Leave with /exit, Ctrl-D or Ctrl-C: Bellhop runs on without you. When it is
restarted, the chat waits for it and goes on.

Examples:
  bellhop chat
  bellhop chat --chat garden     another conversation with its own memory of what was said

Exit codes: 0 you left; 1 no Bellhop is running, or this is not a terminal.`;
