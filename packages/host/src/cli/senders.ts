/** `bellhop senders`: strangers who wait to be let in, and the owner's word on them. */
import { Command } from "commander";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { ago, count } from "./status.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function sendersCommand(io: Io): Command {
  const say = ({ json }: Options, object: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : words);

  const list = new Command("list")
    .description("Lists strangers who wait, and senders of whom it was decided.")
    .action(async (options: Options) => {
      const all = await clientFor(io, options.home).senders.list();
      const now = io.clock.now();
      const lines = [
        ...all.waiting.map(
          ({ sender, name, messages, expiresAt }) =>
            `${sender}  waits  ${name}: ${count(messages, "message")} held, for ${ago(expiresAt - now)} more`,
        ),
        ...all.senders.map(
          ({ id, standing, name, by, at }) => `${id}  ${standing}  ${name}: by ${by}, ${ago(now - at)} ago`,
        ),
      ];
      const words = lines.map((line) => `${plain(line).replaceAll("\n", " ")}\n`).join("");
      say(options, all, words === "" ? "Nobody waits, and of nobody was decided.\n" : words);
    });

  const allow = new Command("allow")
    .description(
      "Lets somebody in. What was held of them is answered, in a group of their own; who did not write yet is let in when they do.",
    )
    .argument("<who>", "the code that they were given, or their address, such as telegram:7")
    .action(async (who: string, options: Options) => {
      const done = await clientFor(io, options.home).senders.allow(who);
      say(options, done, `${plain(done.sender)} is let in.\n`);
    });

  const deny = new Command("deny")
    .description(
      "Turns somebody away: what was held of them is dropped, and they call the assistant nowhere.",
    )
    .argument("<who>", "the code that they were given, or their address, such as telegram:7")
    .action(async (who: string, options: Options) => {
      const done = await clientFor(io, options.home).senders.deny(who);
      say(options, done, `${plain(done.sender)} is turned away.\n`);
    });

  const senders = new Command("senders")
    .summary("let strangers in, or turn them away")
    .description(
      "Who writes to the assistant directly and is a stranger is held for an hour, until you have decided. " +
        "Who may call it at all: sender-allowlist.json in ~/.config/bellhop.",
    )
    .addHelpText("after", HELP);
  for (const command of [list, allow, deny])
    senders.addCommand(
      command.addOption(homeOption()).option("--json", "one JSON object, as the API gives it"),
    );
  return senders;
}

const HELP = `
Examples:
  bellhop senders list
  bellhop senders allow 7K2M9QXA
  bellhop senders deny telegram:7

Exit codes: 0 done; 1 no Bellhop is running, or it names nobody.`;
