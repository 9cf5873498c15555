/** `bellhop approvals`: what agents asked for, and the owner's answers. */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import type { Approval } from "../core/trust.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { ago } from "./status.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function approvalsCommand(io: Io): Command {
  const say = ({ json }: Options, object: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : words);

  const list = new Command("list")
    .description("Lists what waits for your answer, oldest first.")
    .option("--all", "also the last that were answered")
    .action(async (options: Options & { all?: true }) => {
      const found = await clientFor(io, options.home).trust.approvals(options.all === true);
      const now = io.clock.now();
      const words = found.map((one) => inAList(one, now)).join("\n");
      say(options, { approvals: found }, found.length === 0 ? "Nothing waits for your answer.\n" : words);
    });

  async function answer(
    ids: readonly string[],
    options: Options & { all?: true },
    how: "once" | "group" | "never" | "deny",
  ): Promise<void> {
    const { trust } = clientFor(io, options.home);
    const waiting = options.all ? await trust.approvals(false) : [];
    const chosen = options.all ? waiting.map(({ id }) => id) : ids;
    if (chosen.length === 0)
      throw new RejectedError(
        options.all ? "Nothing waits for your answer." : "Say which: bellhop approvals list shows their ids.",
      );
    // Exactly those that are shown: what is asked meanwhile is not answered by it.
    const decided = await trust.answer(chosen, how);
    const words = decided.map(
      ({ id, outcome, words: what }) => `${OUTCOMES[outcome]} (${id}): ${plain(what)}\n`,
    );
    say(options, { decided }, words.join(""));
  }

  const approve = new Command("approve")
    .description("Allows these, each once.")
    .argument("[ids...]")
    .option("--all", "all that wait now")
    .option("--group", "from now on for the group, where the question offers it")
    .action(async (ids: string[], options: Options & { all?: true; group?: true }) => {
      await answer(ids, options, options.group ? "group" : "once");
    });

  const deny = new Command("deny")
    .description("Refuses these.")
    .argument("[ids...]")
    .option("--all", "all that wait now")
    .option("--never", "for good, where the question offers it")
    .action(async (ids: string[], options: Options & { all?: true; never?: true }) => {
      await answer(ids, options, options.never ? "never" : "deny");
    });

  const approvals = new Command("approvals")
    .summary("what the agents ask you for")
    .description(
      "An agent that has read something from outside needs your leave for what reaches beyond its own chat. It is asked for once per action, waits 15 minutes, and is refused without an answer.",
    )
    .addHelpText("after", HELP);
  for (const command of [list, approve, deny])
    approvals.addCommand(
      command.addOption(homeOption()).addOption(new Option("--json", "one JSON object, as the API gives it")),
    );
  return approvals;
}

const OUTCOMES = { approved: "Allowed", denied: "Refused", gone: "Not open any more" } as const;

function inAList({ id, group, chat, words, state, choices, askedAt }: Approval, now: number): string {
  const answers = choices.length > 1 ? ` (${choices.join(", ")})` : "";
  return `${id}  ${group}, at work in ${plain(chat)}, ${ago(now - askedAt)} ago: ${state}${answers}\n  ${plain(words)}\n`;
}

const HELP = `
Examples:
  bellhop approvals list
  bellhop approvals approve h4kx2mqa
  bellhop approvals approve h4kx2mqa b7yt9wce
  bellhop approvals deny --all

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
