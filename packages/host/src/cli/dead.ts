/** `bellhop dead`: what was given up, until somebody tries it again or drops it (G25). */
import { Command, Option } from "commander";
import type { DeadLetter, OpenedDeadLetter } from "../core/dead.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { ago } from "./status.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

const jsonOption = () => new Option("--json", "one JSON object, as the API gives it");

export function deadCommand(io: Io): Command {
  const say = ({ json }: Options, object: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : words);

  const list = new Command("list")
    .description("Lists what was given up, newest first.")
    .option("--before <id>", "go on after this one")
    .action(async (options: Options & { before?: string }) => {
      const page = await clientFor(io, options.home).dead.list(options.before);
      const now = io.clock.now();
      const rest = page.more ? `More: bellhop dead list --before ${page.letters.at(-1)?.id ?? ""}\n` : "";
      const all = page.letters.map((letter) => inAList(letter, now)).join("");
      say(options, page, page.letters.length === 0 ? "Nothing was given up.\n" : `${all}${rest}`);
    });

  const show = new Command("show")
    .description("Shows all that is known of one.")
    .argument("<id>")
    .action(async (id: string, options: Options) => {
      const letter = await clientFor(io, options.home).dead.show(id);
      say(options, letter, inFull(letter, io.clock.now()));
    });

  const retry = new Command("retry")
    .description("Tries one again: a turn is answered anew, a message is sent anew.")
    .argument("<id>")
    .option("--yes", "also where it may have arrived, and would then be shown twice")
    .action(async (id: string, options: Options & { yes?: true }) => {
      const done = await clientFor(io, options.home).dead.retry(id, options.yes === true);
      say(options, done, "It is tried again.\n");
    });

  const drop = new Command("drop")
    .description("Speaks no more of one. Nothing is deleted.")
    .argument("<id>")
    .action(async (id: string, options: Options) => {
      say(options, await clientFor(io, options.home).dead.drop(id), "It is dropped.\n");
    });

  const dead = new Command("dead")
    .summary("what could not be answered or delivered")
    .description(
      "A turn that failed for good, or a message that could not be delivered, stays here until it is tried again or dropped.",
    )
    .addHelpText("after", HELP);
  for (const command of [list, show, retry, drop])
    dead.addCommand(command.addOption(homeOption()).addOption(jsonOption()));
  return dead;
}

function inAList(letter: DeadLetter, now: number): string {
  return `${letter.id}  ${headline(letter, now)}\n  ${oneLine(letter.text)}\n`;
}

function inFull(letter: OpenedDeadLetter, now: number): string {
  const tries = `${letter.attempts} ${letter.attempts === 1 ? "attempt" : "attempts"}`;
  const texts = letter.texts.map(({ who, text }) => `\n${plain(who)}:\n${plain(text)}\n`).join("");
  return `${letter.id}\n${headline(letter, now)}\n${tries}, begun ${ago(now - letter.createdAt)} ago\n${texts}`;
}

function headline({ kind, chat, at, state, why }: DeadLetter, now: number): string {
  const what = {
    failed: "not answered",
    dead: "not delivered",
    unknown: "perhaps not delivered",
  }[state];
  return oneLine(`${chat}: a ${kind} ${what}, ${ago(now - at)} ago: ${why}`);
}

/** Errors and messages have lines of their own making; a list has one each. */
function oneLine(text: string): string {
  return plain(text).replaceAll(/\s+/g, " ").trim();
}

const HELP = `
Examples:
  bellhop dead list
  bellhop dead show 0190c2f4-…
  bellhop dead retry 0190c2f4-…
  bellhop dead drop 0190c2f4-…

Exit codes: 0 done; 1 there is no such one, or it cannot be tried again.`;
