/** `bellhop tasks`: what is done at set times, and what became of each time (G16–G21). */
import { Command, Option } from "commander";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { changeOf, type TaskOptions, whole, withChangeOptions, withTaskOptions } from "./task-options.ts";
import { describeBriefly, describeHistory, describeState, describeTask, listTasks } from "./task-words.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

const jsonOption = () => new Option("--json", "one line of JSON, as the API gives it");

export function tasksCommand(io: Io): Command {
  const say = ({ json }: Options, value: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(value)}\n` : words);
  const tasksOf = ({ home }: Options) => clientFor(io, home).tasks;

  const list = new Command("list")
    .description("Lists the tasks, a line each; with --json an array.")
    .option("--group <group>", "only those of this group")
    .option("--all", "also those that are done or cancelled")
    .action(async (options: Options & { group?: string; all?: true }) => {
      const tasks = await tasksOf(options).list({ group: options.group, all: options.all === true });
      say(options, tasks, tasks.length === 0 ? "There are no tasks.\n" : listTasks(tasks, io.clock.now()));
    });

  const show = new Command("show")
    .description("Shows all about one: when it runs, why it did not run, and its latest runs.")
    .argument("<id>", ID)
    .action(async (id: string, options: Options) => {
      const task = await tasksOf(options).show(id);
      say(options, task, describeTask(task));
    });

  const add = withTaskOptions(new Command("add"))
    .description("Makes a task: one of --cron, --every and --at, and a --prompt or a --script.")
    .option("--group <group>", "whose task it is (default: main)")
    .addHelpText("after", ADD_HELP)
    .action(async (options: Options & TaskOptions & { group?: string }) => {
      const task = await tasksOf(options).add({ group: options.group, ...changeOf(options) });
      say(options, task, describeBriefly(task, io.clock.now()));
    });

  const edit = withChangeOptions(new Command("edit"))
    .description("Changes a task. What is not named stays as it is; its id and its history stay too.")
    .argument("<id>", ID)
    .action(async (id: string, options: Options & TaskOptions) => {
      const task = await tasksOf(options).edit(id, changeOf(options));
      say(options, task, describeBriefly(task, io.clock.now()));
    });

  const states = STATES.map(([name, description]) =>
    new Command(name)
      .description(description)
      .argument("<id>", ID)
      .action(async (id: string, options: Options) => {
        const task = await tasksOf(options)[name](id);
        say(options, task, describeState(task));
      }),
  );

  const run = new Command("run")
    .description("Runs one now, beside its schedule.")
    .argument("<id>", ID)
    .action(async (id: string, options: Options) => {
      const started = await tasksOf(options).run(id);
      const how = started.state === "waiting" ? "waits for its turn" : "has begun";
      const look = `See what becomes of it with: bellhop tasks history ${started.task}`;
      say(options, started, `The run ${started.id} of the task ${started.task} ${how}.\n${look}\n`);
    });

  const history = new Command("history")
    .description("Shows what became of each of its times, newest first; with --json an array.")
    .argument("<id>", ID)
    .addOption(new Option("--limit <n>", "at most so many").argParser(whole).default(50))
    .option("--before <occurrence>", "go on after this one")
    .action(async (id: string, options: Options & { limit: number; before?: string }) => {
      const tasks = tasksOf(options);
      const page = await tasks.history(id, { limit: options.limit, before: options.before });
      const words = options.json ? "" : describeHistory(page, await tasks.show(id)); // for its time zone
      say(options, page.occurrences, words);
    });

  const tasks = new Command("tasks")
    .summary("what is done at set times")
    .description(
      "A task asks the assistant something at set times, or runs a script, and answers in a chat. " +
        "Each time that comes ends in a named state, and the history keeps it. See docs/tasks.md.",
    )
    .addHelpText("after", HELP);
  for (const command of [list, show, add, edit, ...states, run, history])
    tasks.addCommand(command.addOption(homeOption()).addOption(jsonOption()));
  return tasks;
}

const ID = "its id, or a beginning of it that fits only one task";

const STATES = [
  ["pause", "Lets one rest until it is resumed."],
  ["resume", "Goes on with a paused one, from now on: nothing is made up for."],
  ["cancel", "Ends one for good. Its history stays for a while."],
] as const;

const ADD_HELP = `
Examples:
  bellhop tasks add --cron "0 7 * * MON-FRI" --prompt "What is on today?"
  bellhop tasks add --every 90m --prompt "Is the build still green?" --silent
  bellhop tasks add --at "tomorrow 9:00" --prompt "Remind me of the dentist."
  bellhop tasks add --cron @hourly --gate ./new-mail.sh --prompt "Sum up the new mail."
  bellhop tasks add --cron "0 20 * * *" --script "./report.sh" --group family

Exit codes: 0 made; 1 not made, the reason is on stderr.`;

const HELP = `
Examples:
  bellhop tasks list
  bellhop tasks add --at +90s --prompt "say: tea is ready"
  bellhop tasks edit k7m2q9xd --cron "30 6 * * *" --no-until
  bellhop tasks show k7m2
  bellhop tasks history k7m2q9xd --json | jq '.[].state'

Exit codes: 0 done; 1 there is no such task, or it cannot be done.`;
