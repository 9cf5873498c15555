/** `bellhop people`: who is known by several ids. A link is the owner's own act: nobody makes one in a chat. */
import { Command, Option } from "commander";
import type { z } from "zod";
import type { Person } from "../http/schemas.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { table } from "./table.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function peopleCommand(io: Io): Command {
  const say = ({ json }: Options, value: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(value)}\n` : words);

  const list = new Command("list")
    .description("Lists those who are known by several ids.")
    .action(async (options: Options) => {
      const people = await clientFor(io, options.home).people.list();
      say(options, people, people.length === 0 ? "Nobody has several ids.\n" : table(people.map(line)));
    });

  const link = new Command("link")
    .description(
      "Says that these ids are one person: agents are told one name, and role, rates and budgets are one. " +
        "Who is an owner under one of them is an owner under each.",
    )
    .argument("<senders...>", "such as telegram:7 and discord:9")
    .option("--name <name>", "what agents are told they are called")
    .action(async (senders: string[], options: Options & { name?: string }) => {
      const person = await clientFor(io, options.home).people.link(senders, options.name);
      const owner = person.owner ? " Under each of these ids they are an owner.\n" : "";
      say(options, person, `${table([line(person)])}${owner}`);
    });

  const unlink = new Command("unlink")
    .description("Takes one id out of its link: it stands for itself again.")
    .argument("<sender>")
    .action(async (sender: string, options: Options) => {
      const done = await clientFor(io, options.home).people.unlink(sender);
      say(options, done, `${plain(sender)} stands for itself now.\n`);
    });

  const people = new Command("people")
    .summary("say which ids are one person")
    .description("Links the ids of one person, on one platform or on many. See docs/groups.md.")
    .addHelpText("after", HELP);
  for (const command of [list, link, unlink])
    people.addCommand(
      command
        .addOption(homeOption())
        .addOption(new Option("--json", "one line of JSON, as the API gives it")),
    );
  return people;
}

function line({ name, senders, owner }: z.infer<typeof Person>): string[] {
  return [name, owner ? "owner" : "", senders.join(", ")];
}

const HELP = `
Examples:
  bellhop people link telegram:7 discord:9 --name Ann
  bellhop people unlink discord:9

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
