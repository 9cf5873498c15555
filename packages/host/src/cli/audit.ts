/** `bellhop audit`: who did what, and whether the record of it is whole. */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import type { AuditRecord } from "../core/trust.ts";
import { clientFor, homeOption } from "./home-option.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function auditCommand(io: Io): Command {
  const tail = new Command("tail")
    .description("Shows the newest rows, and the head of the chain.")
    .option("-n, --lines <number>", "so many of them", "20")
    .action(async (options: Options & { lines: string }) => {
      if (!/^[1-9]\d{0,2}$/.test(options.lines) || Number(options.lines) > 500)
        throw new RejectedError("--lines takes a number from 1 to 500.");
      const found = await clientFor(io, options.home).trust.auditTail(Number(options.lines));
      const { rows, head } = found;
      const last = head === null ? "The audit is empty.\n" : `Head: ${head.id}:${head.hash}\n`;
      const words = `${rows.map(inALine).join("")}${last}`;
      io.stdout.write(options.json ? `${JSON.stringify(found)}\n` : words);
    });

  const verify = new Command("verify")
    .description("Finds any row that was changed, removed, added or moved. Exit code 1 if there is one.")
    .option(
      "--head <head>",
      "a head that `audit tail` printed before: also finds rows that were cut off since",
    )
    .action(async (options: Options & { head?: string }) => {
      const verdict = await clientFor(io, options.home).trust.auditVerify(anchorOf(options.head));
      const words = verdict.ok
        ? `All ${verdict.rows} rows are as they were written.\n`
        : `The audit is NOT whole: ${plain(verdict.why ?? "")}. The ${verdict.rows} rows before are.\n`;
      io.stdout.write(options.json ? `${JSON.stringify(verdict)}\n` : words);
      if (!verdict.ok) throw new ExitCode(1);
    });

  const exported = new Command("export")
    .description("Writes every row, oldest first, as one JSON object a line.")
    .option("--after <row>", "only those after this one", "0")
    .action(async (options: Options & { after: string }) => {
      if (!/^\d{1,15}$/.test(options.after)) throw new RejectedError("--after takes the number of a row.");
      const { trust } = clientFor(io, options.home);
      let after = Number(options.after);
      for (;;) {
        const rows = await trust.audit(after);
        const last = rows.at(-1);
        if (!last) return;
        io.stdout.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
        after = last.id;
      }
    });

  const audit = new Command("audit")
    .summary("who did what, and was refused what")
    .description(
      "Tool calls, approvals, grants, tasks and administration, each written before it is done and once it is over, in a chain of hashes. Nothing is ever deleted.",
    )
    .addHelpText("after", HELP);
  for (const command of [tail, verify])
    audit.addCommand(
      command.addOption(homeOption()).addOption(new Option("--json", "one JSON object, as the API gives it")),
    );
  audit.addCommand(exported.addOption(homeOption()));
  return audit;
}

function anchorOf(head: string | undefined): { id: number; hash: string } | undefined {
  if (head === undefined) return undefined;
  const [, id, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(head.trim()) ?? [];
  if (id === undefined || hash === undefined)
    throw new RejectedError("--head takes what `bellhop audit tail` prints: NUMBER:HASH.");
  return { id: Number(id), hash };
}

function inALine({ id, at, actor, action, subject, phase, begun, allowed, detail }: AuditRecord): string {
  const how = phase === "begun" ? "begins" : begun === null ? "" : `ends ${begun}`;
  const parts = [
    id,
    new Date(at).toISOString(),
    actor,
    action,
    subject,
    allowed ? "" : "REFUSED",
    how,
    detail,
  ];
  return `${plain(parts.filter((part) => part !== "").join("  ")).replaceAll(/\s*\n\s*/g, " ")}\n`;
}

const HELP = `
Examples:
  bellhop audit tail
  bellhop audit tail -n 100
  bellhop audit verify --head 1042:9f2c…
  bellhop audit export > audit.jsonl

Exit codes: 0 done, whole; 1 not whole, or not done: the reason is shown.`;
