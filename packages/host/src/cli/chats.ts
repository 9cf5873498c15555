/** `bellhop chats`: which group each chat belongs to, and who writes in chats that belong to none. */
import { Command } from "commander";
import { seenLine } from "./groups.ts";
import { chatNamed, clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { table } from "./table.ts";

export function chatsCommand(io: Io): Command {
  const list = new Command("list")
    .summary("list the chats, and those that no group has")
    .addOption(homeOption())
    .action(async ({ home }: { home?: string }) => {
      const client = clientFor(io, home);
      const rows = [
        ...(await client.chats()).map(({ id, title, group }) => [id, group, title ?? ""]),
        ...(await client.unregistered()).map(seenLine),
      ];
      io.stdout.write(rows.length === 0 ? "No chats yet.\n" : table(rows));
    });
  const bind = new Command("bind")
    .summary("let a group have a chat")
    .description(
      "What is written in the chat reaches the assistant from now on, as the group's trigger says. " +
        "Bind only chats whose people may talk to it.",
    )
    .argument("<chat>", "address, as `bellhop chats list` shows it")
    .argument("<group>", "one of the groups: see `bellhop groups list`")
    .addOption(homeOption())
    .action(async (name: string, group: string, { home }: { home?: string }) => {
      const chat = chatNamed(name);
      await clientFor(io, home).bind(chat, group);
      io.stdout.write(`${plain(chat)} belongs to ${plain(group)} now.\n`);
    });
  return new Command("chats")
    .summary("say which group a chat belongs to")
    .description(
      "Lists the chats and binds them to groups. In a chat that no group has, nothing is read. More: bellhop groups --help",
    )
    .addCommand(list)
    .addCommand(bind)
    .addHelpText("after", HELP);
}

const HELP = `
Examples:
  bellhop chats list
  bellhop chats bind telegram:-100123 family

Exit codes: 0 done; 1 no Bellhop is running, or it refused.`;
