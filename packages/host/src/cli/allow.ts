/** `bellhop allow`: what rooms may reach on the network. */
import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { ruleWords, targetOf } from "../core/egress-rule.ts";
import { GroupFolder } from "../core/ids.ts";
import type { Client } from "./client.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";

interface Options {
  readonly home?: string;
  readonly group?: string;
  readonly method?: readonly string[];
  readonly path?: string;
  readonly write?: true;
  readonly deny?: true;
  readonly private?: true | string;
}

type Rule = Awaited<ReturnType<Client["egress"]["list"]>>[number];

export function allowCommand(io: Io): Command {
  const list = new Command("list")
    .summary("list what owners have allowed and denied")
    .description("Rules of config.yaml are not in the list; they stand there.")
    .addOption(homeOption())
    .action(async ({ home }: { home?: string }) => {
      const rules = await clientFor(io, home).egress.list();
      io.stdout.write(rules.length === 0 ? "Nothing was allowed or denied yet.\n" : rules.map(line).join(""));
    });
  const remove = new Command("remove")
    .summary("take a rule back")
    .argument("<id>", "its number, as `bellhop allow list` shows it")
    .addOption(homeOption())
    .action(async (id: string, { home }: { home?: string }) => {
      if (!/^\d{1,12}$/.test(id)) throw new RejectedError(`${JSON.stringify(id)} is no number of a rule.`);
      io.stdout.write(`Removed: ${line(await clientFor(io, home).egress.remove(Number(id)))}`);
    });
  return new Command("allow")
    .summary("let rooms reach a host on the network")
    .description(
      "Allows a host, for every group or for one. Narrowed to methods or a path, what is asked of the host " +
        "is looked at; else its bytes pass unread. It holds at once, and until it is removed.",
    )
    .argument("<host>", "example.com, example.com:8443, or *.example.com (* is one label, ** one or more)")
    .option("--group <folder>", "for this group alone")
    .option("--method <name...>", "only these methods, such as GET HEAD")
    .option("--path <prefix>", "only below this path")
    .option("--write", "also without asking in answers that have seen strangers' words")
    .option(
      "--private [address]",
      "though it is not public: pins HOST:PORT to the address it has now, or to this one",
    )
    .option("--deny", "the other way round: never")
    .addOption(homeOption())
    .addHelpText("after", HELP)
    .addCommand(list)
    .addCommand(remove)
    .action(async (name: string, options: Options) => {
      const { home, group, method, path, write = false, deny } = options;
      const address = typeof options.private === "string" ? options.private : undefined;
      const made = await clientFor(io, home).egress.add({
        group: group === undefined ? null : groupNamed(group),
        rule: {
          ...hostAndPort(name),
          ...(method && { methods: [...method] }),
          ...(path !== undefined && { path }),
          action: deny ? "deny" : "allow",
          write,
        },
        private: options.private !== undefined,
        ...(address !== undefined && { address }),
      });
      io.stdout.write(line(made));
    });
}

function groupNamed(name: string): GroupFolder {
  const parsed = GroupFolder.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new RejectedError(`--group ${JSON.stringify(name)} is no group; name its folder, such as family.`);
}

/** A pattern has no brackets, so its port is what stands behind its only colon. */
function hostAndPort(text: string): { host: string; port?: number } {
  const target = targetOf(text);
  if (target) return target;
  const [, host, digits] = /^([^:]+):(\d{1,5})$/.exec(text) ?? [];
  return host === undefined ? { host: text.replace(/^\[(.*)\]$/, "$1") } : { host, port: Number(digits) };
}

function line({ id, group, rule, pin }: Rule): string {
  const where = pin === null ? "" : `, at ${pin}`;
  return `${id}  ${plain(group ?? "every group")}: ${plain(ruleWords(rule))}${plain(where)}\n`;
}

const HELP = `
Examples:
  bellhop allow example.com --group family
  bellhop allow '*.example.com' --method GET HEAD --path /docs
  bellhop allow nas.home:5000 --private             a machine in this house
  bellhop allow models.home:11434 --private 127.0.0.1   a service of this machine
  bellhop allow ads.example.com --deny
  bellhop allow list
  bellhop allow remove 3

Exit codes: 0 done; 1 no Bellhop is running, or it refused.`;
