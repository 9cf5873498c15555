/** `bellhop channels`: accounts on platforms, how they do, connecting one and forgetting it. */
import { RejectedError } from "@bellhop/sdk";
import { Command } from "commander";
import { renderUnicodeCompact } from "uqr";
import type { ConnectStep } from "../core/connect.ts";
import { accountWords } from "../core/status.ts";
import { askedOf } from "./asked.ts";
import type { Client } from "./client.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";
import { questionsAt } from "./questions.ts";

interface Options {
  readonly home?: string;
  readonly json?: true;
}

export function channelsCommand(io: Io): Command {
  const list = new Command("list")
    .summary("list the accounts, and what can be connected")
    .description("Lists the accounts on platforms, each with the truth about it, and which can be connected.")
    .addOption(homeOption())
    .option("--json", "one JSON object, as GET /api/v1/channels gives it")
    .action(async ({ home, json }: Options) => {
      const all = await clientFor(io, home).channels.list();
      const lines = [
        ...all.accounts.map(accountWords),
        ...all.connectable.map((name) => `${name}: can be connected with: bellhop channels connect ${name}`),
      ];
      const words =
        lines.length === 0
          ? "No platform is connected, and no plugin connects one.\n"
          : lines.map((line) => `${plain(line)}\n`).join("");
      io.stdout.write(json ? `${JSON.stringify(all)}\n` : words);
    });

  const connect = new Command("connect")
    .summary("connect an account, step by step")
    .description(
      "Shows what its plugin asks for: a token, a code, a picture for the camera of a phone. What is secret is not " +
        "shown while it is typed. What has to be kept is written to .env. The same on a page: /channels/NAME/connect",
    )
    .argument("<name>", "as `bellhop channels list` shows it")
    .addOption(homeOption())
    .action(async (name: string, { home }: Options) => await follow(clientFor(io, home), name, io));

  const disconnect = new Command("disconnect")
    .summary("forget an account")
    .description(
      "Takes what was kept of an account out of .env; its plugin is without it from then on. On the platform itself " +
        "nothing changes: a token stays good until it is revoked there.",
    )
    .argument(
      "<account>",
      "as `bellhop channels list` shows it, telegram or telegram/work; or its name alone, work; or by its number, telegram/2",
    )
    .option("--yes", "do not ask")
    .addOption(homeOption())
    .action(async (given: string, { home, yes }: Options & { readonly yes?: true }) => {
      const { channels } = clientFor(io, home);
      const [name, own] = await accountOf(given, channels);
      const account = own === "" ? name : `${name}/${own}`;
      if (!yes) {
        const questions = questionsAt(io);
        if (!questions) throw new RejectedError("Nobody can be asked here: say --yes. Nothing was changed.");
        if (!(await questions.confirm(`Forget the account ${account}?`)))
          throw new RejectedError("Nothing was changed.");
      }
      const forgot = await channels.disconnect(name, own);
      io.stdout.write(plain(`Disconnected: ${account}. Taken out of .env: ${forgot.join(", ")}.`) + "\n");
    });

  return new Command("channels")
    .summary("accounts on platforms: how they do, connecting and disconnecting them")
    .description("Says how it stands with each account on a platform, connects new ones, and forgets them.")
    .addCommand(list)
    .addCommand(connect)
    .addCommand(disconnect)
    .addHelpText("after", HELP);
}

/**
 * The channel and the account that are meant.
 * @throws RejectedError several accounts are called so
 */
async function accountOf(
  given: string,
  channels: Client["channels"],
): Promise<readonly [channel: string, account: string]> {
  const [name = "", account] = given.split("/", 2);
  if (account !== undefined) return [name, account];
  const { accounts, connectable } = await channels.list();
  const called = connectable.includes(given) ? [] : accounts.filter((one) => one.account === given);
  const [only, ...others] = called;
  if (others.length > 0)
    throw new RejectedError(
      `Several accounts are called ${plain(given)}: ${called.map((one) => `${one.channel}/${given}`).join(", ")}. Say which one.`,
    );
  return only ? [only.channel, only.account] : [given, ""];
}

/** @throws RejectedError with the reason when it could not be connected */
async function follow({ channels }: Client, name: string, io: Io): Promise<void> {
  using questions = askedOf(io);
  const attempt = await channels.begin(name);
  for (let last: number | undefined; ;) {
    const { number, shown } = await channels.next(name, attempt, last);
    if (number === last) continue; // it takes its time
    last = number;
    if (shown.step === "failed") throw new RejectedError(plain(shown.why));
    io.stdout.write(`${plain(wordsOf(shown))}\n`);
    if (shown.step === "done") return;
    if (shown.step !== "ask") continue;
    try {
      const value = shown.secret
        ? await questions.secret(`${shown.name} (not shown):`, { optional: shown.optional })
        : await questions.ask(">");
      await channels.answer(name, attempt, { number, value });
    } catch (error) {
      await channels.cancel(name, attempt).catch(() => undefined); // the reason is the one at hand
      throw error;
    }
  }
}

function wordsOf(shown: Exclude<ConnectStep, { step: "failed" }>): string {
  switch (shown.step) {
    case "ask":
    case "wait":
      return shown.text;
    case "qr":
      return `${shown.text}\n\n${renderUnicodeCompact(shown.content, { border: 2 })}`;
    case "code":
      return `${shown.text}\n\n    ${shown.code}\n`;
    case "done": {
      const kept = shown.kept.length === 0 ? "" : `\nKept in .env: ${shown.kept.join(", ")}.`;
      return `${shown.text}\nConnected: ${shown.account}.${kept}`;
    }
    default:
      return shown satisfies never;
  }
}

const HELP = `
Examples:
  bellhop channels list
  bellhop channels connect telegram
  bellhop channels disconnect telegram/work

Exit codes: 0 done; 1 no Bellhop is running, or it could not be done.`;
