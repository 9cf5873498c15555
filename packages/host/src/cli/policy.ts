/** `bellhop policy explain`: what would become of an action, and why. */
import { Command, Option } from "commander";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";

export function policyCommand(io: Io): Command {
  const explain = new Command("explain")
    .description("Says whether a group's agent may do something now, and why.")
    .argument("<group>")
    .argument("<action>", 'send, schedule or fetch and its target: "send chat:telegram:7"')
    .addOption(homeOption())
    .addOption(new Option("--json", "one JSON object, as the API gives it"))
    .action(async (group: string, action: string, options: { home?: string; json?: true }) => {
      const found = await clientFor(io, options.home).trust.explain(group, action);
      const words = `${found.effect} ${plain(found.target)}: ${found.verdict}.\n${found.why.map((one) => `  ${plain(one)}\n`).join("")}`;
      io.stdout.write(options.json ? `${JSON.stringify(found)}\n` : words);
    });
  return new Command("policy")
    .summary("what an agent may do, and why")
    .description("What is judged by the policy: docs/trust.md.")
    .addCommand(explain)
    .addHelpText("after", HELP);
}

const HELP = `
Examples:
  bellhop policy explain family "send chat:telegram:7"
  bellhop policy explain main "fetch host:example.com:443"

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
