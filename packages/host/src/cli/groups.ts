/** `bellhop groups`: groups made, changed and removed while Bellhop runs, and which chats they have. */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import type { z } from "zod";
import type { Group } from "../http/schemas.ts";
import { resetsOf, type SettingOptions, settingsOf, withSettings } from "./group-options.ts";
import { chatNamed, clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { count } from "./status.ts";
import { table } from "./table.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function groupsCommand(io: Io): Command {
  const say = ({ json }: Options, value: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(value)}\n` : words);
  const groupsOf = ({ home }: Options) => clientFor(io, home).groups;

  const list = new Command("list")
    .description("Lists the groups, a line each; with --json an array.")
    .action(async (options: Options) => {
      const groups = await groupsOf(options).list();
      say(options, groups, table(groups.map(line)));
    });

  const show = new Command("show")
    .description("Shows what holds for one, its chats and its tasks.")
    .argument("<group>")
    .action(async (name: string, options: Options) => {
      const group = await groupsOf(options).show(name);
      say(options, group, describe(group));
    });

  const add = withSettings(new Command("add"))
    .description(
      "Makes a group. One that was removed is taken up again by its name: its folder, its tasks, what was said.",
    )
    .argument("<group>", NAME)
    .option("--from <group>", "begin with the settings of this group (not with its chats or its memory)")
    .option("--chat <chat...>", "give it these chats, whichever group has them now")
    .action(async (name: string, options: Options & SettingOptions & { from?: string; chat?: string[] }) => {
      const { from, chat = [] } = options;
      const settings = settingsOf(options);
      const group = await groupsOf(options).add({ name, from, settings, chats: chat.map(chatNamed) });
      say(options, group, describe(group));
    });

  const edit = withSettings(new Command("edit"))
    .description("Changes a group's settings, from its next answer on. What is not named stays.")
    .argument("<group>")
    .option("--reset <setting...>", "go back to what config.yaml says")
    .action(async (name: string, options: Options & SettingOptions & { reset?: string[] }) => {
      const change = { ...resetsOf(options.reset ?? []), ...settingsOf(options) };
      const group = await groupsOf(options).edit(name, change);
      say(options, group, describe(group));
    });

  const remove = new Command("remove")
    .description(
      "Removes a group: its answers under way end, its tasks are paused, its chats belong to no group. Its folder is kept.",
    )
    .argument("<group>", "not main, and none of config.yaml: those are taken out there")
    .action(async (name: string, options: Options) => {
      const gone = await groupsOf(options).remove(name);
      const words = `${name} is removed. Paused: ${count(gone.paused, "task")}. Its chats were ${gone.chats.join(", ") || "none"}. Its notes stay in ${gone.folder}.`;
      say(options, gone, `${plain(words)}\n`);
    });

  const bind = new Command("bind")
    .description(
      "Gives chats to a group, whichever has them now: what is written there reaches its assistant, as its trigger says. " +
        "Bind only chats whose people may talk to it.",
    )
    .argument("<group>")
    .argument("[chats...]", "addresses, as `bellhop chats list` shows them")
    .option(
      "--seen",
      "all chats in which somebody wrote and that no group has; shows them first, binds them with --yes",
    )
    .option("--yes", "with --seen: bind them")
    .action(async (name: string, named: string[], options: Options & { seen?: true; yes?: true }) => {
      const client = clientFor(io, options.home);
      if ((options.seen === true) === named.length > 0)
        throw new RejectedError("Name the chats that are meant, or say --seen.");
      const seen = options.seen ? await client.unregistered() : [];
      if (options.seen && !options.yes) {
        say(options, seen, seen.length === 0 ? NOBODY : `${table(seen.map(seenLine))}${HOW_TO_BIND}`);
        return;
      }
      const chats = options.seen ? seen.map(({ id }) => chatNamed(id)) : named.map(chatNamed);
      if (chats.length === 0) {
        say(options, [], NOBODY);
        return;
      }
      const group = await client.groups.bind(name, chats);
      say(options, group, chats.map((chat) => `${plain(chat)} belongs to ${plain(name)} now.\n`).join(""));
    });

  const unbind = new Command("unbind")
    .description(
      "Takes a chat from its group: nothing that is written there is read. A chat of your own desk goes back to main.",
    )
    .argument("<chat>", "address, as `bellhop chats list` shows it")
    .action(async (name: string, options: Options) => {
      const chat = chatNamed(name);
      const { group } = await clientFor(io, options.home).unbind(chat);
      say(options, { id: chat, group }, `${plain(chat)} belongs to ${group ?? "no group"} now.\n`);
    });

  const groups = new Command("groups")
    .summary("make, change and remove groups, and give them chats")
    .description(
      "A group is a folder, a memory, settings and the chats that share them. It is made in config.yaml or here; " +
        "what is chosen here goes over config.yaml. See docs/groups.md.",
    )
    .addHelpText("after", HELP);
  for (const command of [list, show, add, edit, remove, bind, unbind])
    groups.addCommand(
      command
        .addOption(homeOption())
        .addOption(new Option("--json", "one line of JSON, as the API gives it")),
    );
  return groups;
}

/** A chat that no group has. */
export function seenLine(chat: {
  id: string;
  title: string | null;
  messages: number;
  lastSender: string;
}): string[] {
  const said = `${count(chat.messages, "message")}, the last from ${chat.lastSender}`;
  return [chat.id, "(no group)", [chat.title ?? "", said].filter(Boolean).join(": ")];
}

function line({ name, origin, chats, tasks }: z.infer<typeof Group>): string[] {
  return [name, origin, count(tasks.active, "task"), chats.map(({ id }) => id).join(", ") || "no chats"];
}

function describe({ name, origin, folder, settings, chosen, chats, tasks }: z.infer<typeof Group>): string {
  const set = Object.entries(settings).map(([setting, value]) => [
    setting,
    `${String(value)}${setting in chosen ? " (chosen)" : ""}`,
  ]);
  return table([
    ["group", `${name} (${origin})`],
    ["notes", folder],
    ["chats", chats.map(({ id, title }) => (title === null ? id : `${id} (${title})`)).join(", ") || "none"],
    ["tasks", `${tasks.active} active, ${tasks.paused} paused`],
    ...set,
  ]);
}

const NAME = "up to 64 small letters, digits, dashes and underscores";
const NOBODY = "Nobody wrote in a chat that no group has.\n";
const HOW_TO_BIND = "Bind all of them with --yes, or name those that you mean.\n";

const HELP = `
Examples:
  bellhop groups add family --assistant Alfred --trigger called --chat telegram:-100123
  bellhop groups edit family --model haiku --reset assistant
  bellhop groups bind family telegram:-100123 web:kitchen
  bellhop groups bind family --seen
  bellhop groups remove family

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
