/** `bellhop taint`: which groups have read something from outside, and what changed in their folders since. */
import { Command, Option } from "commander";
import type { TaintReport } from "../core/trust.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { ago } from "./status.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

/** More than anybody reads at once; --json has all. */
const MOST_SHOWN = 200;

export function taintCommand(io: Io): Command {
  const show = new Command("show")
    .description("Shows why a group is tainted, since when, and what changed in its folders.")
    .argument("<group>")
    .action(async (group: string, options: Options) => {
      const report = await clientFor(io, options.home).trust.taint(group);
      io.stdout.write(options.json ? `${JSON.stringify(report)}\n` : inWords(report, io.clock.now()));
    });

  const clear = new Command("clear")
    .description("Says that you have seen what changed, and answer for it.")
    .argument("<group>")
    .action(async (group: string, options: Options) => {
      const report = await clientFor(io, options.home).trust.clearTaint(group);
      const words = `The folders of ${group} are clean.\n${conversations(report)}`;
      io.stdout.write(options.json ? `${JSON.stringify(report)}\n` : words);
    });

  const taint = new Command("taint")
    .summary("what came from outside, and what it may have left")
    .description(
      "Words that no owner wrote taint the conversation that reads them until /new, and the folders that its agent can write until you clear them here. A tainted agent needs your approval for what reaches beyond its own chat.",
    )
    .addHelpText("after", HELP);
  for (const command of [show, clear])
    taint.addCommand(
      command.addOption(homeOption()).addOption(new Option("--json", "one JSON object, as the API gives it")),
    );
  return taint;
}

function inWords(report: TaintReport, now: number): string {
  const { group, tainted, causes, changes, snapshotAt, whole } = report;
  if (!tainted) return `The folders of ${group} are clean.\n${conversations(report)}`;
  const shown = changes.slice(0, MOST_SHOWN);
  const more = changes.length - shown.length;
  return [
    `The folders of ${group} are tainted:`,
    ...causes.map(({ cause, at }) => `  ${ago(now - at)} ago: ${plain(cause)}`),
    snapshotAt === null
      ? "What lay in them while they were clean is not known: look at all of it."
      : `Changed since they were clean, ${ago(now - snapshotAt)} ago: ${changes.length === 0 ? "nothing" : ""}`,
    ...shown.map(
      ({ path, change, bytes }) => `  ${change}  ${plain(path)}${bytes === null ? "" : ` (${bytes} bytes)`}`,
    ),
    ...(more > 0 ? [`  and ${more} more (--json has all)`] : []),
    ...(snapshotAt !== null && !whole ? ["There are more files than are looked at."] : []),
    `When you have seen to it: bellhop taint clear ${group}`,
    conversations(report),
  ].join("\n");
}

function conversations({ conversations: tainted }: TaintReport): string {
  if (tainted.length === 0) return "";
  const names = tainted.map((one) => `  ${plain(one)}`).join("\n");
  return `These conversations stay tainted until /new, and taint the folders again when they go on:\n${names}\n`;
}

const HELP = `
Examples:
  bellhop taint show family
  bellhop taint clear family

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
