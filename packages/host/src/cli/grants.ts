/** `bellhop grants`: what an owner allows beforehand, for a group or one task of it. */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import { GroupFolder } from "../core/ids.ts";
import { TaskId } from "../core/task.ts";
import { type Grant, GrantableEffect } from "../core/trust.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

interface AddOptions extends Options {
  readonly task?: string;
  readonly uses?: string;
  readonly perDay?: string;
  readonly until?: string;
}

export function grantsCommand(io: Io): Command {
  const say = ({ json }: Options, object: object, words: string) =>
    io.stdout.write(json ? `${JSON.stringify(object)}\n` : words);

  const add = new Command("add")
    .description("Grants something beforehand.")
    .argument("<group>")
    .argument("<effect>", GrantableEffect.options.join(", "))
    .argument("<target>", "chat:telegram:7, group:family, host:example.com:443; * stands for anything")
    .option("--task <id>", "only for the runs of this task")
    .option("--uses <number>", "so often in all")
    .option("--per-day <number>", "so often within any 24 hours")
    .option("--until <date>", "its end: 2026-12-31, or with a time 2026-12-31T18:00")
    .action(async (group: string, effect: string, target: string, options: AddOptions) => {
      const grant = await clientFor(io, options.home).trust.grant({
        group: checked(GroupFolder, group, "the name of a group"),
        effect: checked(GrantableEffect, effect, `one of ${GrantableEffect.options.join(", ")}`),
        target,
        ...(options.task !== undefined && { task: checked(TaskId, options.task, "the id of a task") }),
        ...(options.uses !== undefined && { maxUses: count(options.uses) }),
        ...(options.perDay !== undefined && { perDay: count(options.perDay) }),
        ...(options.until !== undefined && { endsAt: instant(options.until) }),
      });
      say(options, grant, `Granted.\n${inAList(grant)}`);
    });

  const list = new Command("list")
    .description("Lists the grants that are in force.")
    .option("--group <group>", "only those of this group")
    .option("--all", "also those that were revoked or have ended")
    .action(async (options: Options & { group?: string; all?: true }) => {
      const grants = await clientFor(io, options.home).trust.grants({
        group: options.group,
        all: options.all === true,
      });
      say(options, { grants }, grants.length === 0 ? "Nothing is granted.\n" : grants.map(inAList).join(""));
    });

  const revoke = new Command("revoke")
    .description("Takes a grant back.")
    .argument("<id>")
    .action(async (id: string, options: Options) => {
      say(options, await clientFor(io, options.home).trust.revoke(id), "It allows nothing any more.\n");
    });

  const grants = new Command("grants")
    .summary("what you allow the agents beforehand")
    .description(
      "A standing grant lets a group, or one task of it, do what would otherwise need your approval: for a task that reads the web and writes to another chat while you sleep.",
    )
    .addHelpText("after", HELP);
  for (const command of [add, list, revoke])
    grants.addCommand(
      command.addOption(homeOption()).addOption(new Option("--json", "one JSON object, as the API gives it")),
    );
  return grants;
}

function checked<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  value: string,
  what: string,
): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RejectedError(`${JSON.stringify(value)} is not ${what}.`);
}

function count(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new RejectedError(`${JSON.stringify(text)} is not a number from 1 to 999999.`);
}

function instant(text: string): number {
  const at = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59` : text);
  if (!Number.isNaN(at)) return at;
  throw new RejectedError(`${JSON.stringify(text)} is not a date: write it as in 2026-12-31.`);
}

function inAList(grant: Grant): string {
  const { id, group, task, effect, target, never, maxUses, perDay, endsAt, uses, usesToday, revokedAt } =
    grant;
  const bounds = [
    ...(task === null ? [] : [`task ${task}`]),
    ...(maxUses === null ? [`used ${uses} times`] : [`used ${uses} of ${maxUses} times`]),
    ...(perDay === null ? [] : [`${usesToday} of ${perDay} within 24 hours`]),
    ...(endsAt === null ? [] : [`until ${new Date(endsAt).toISOString()}`]),
    ...(revokedAt === null ? [] : ["revoked"]),
  ];
  return `${id}  ${group} ${never ? "never" : "may"} ${effect} ${plain(target)} (${bounds.join("; ")})\n`;
}

const HELP = `
Examples:
  bellhop grants add main speak-elsewhere 'chat:telegram:-100' --task 7h2k9xqd --per-day 1
  bellhop grants add family network 'host:api.example.com:443' --until 2026-12-31
  bellhop grants list
  bellhop grants revoke m3pw8zra

Exit codes: 0 done; 1 not done, the reason is on stderr.`;
