/**
 * `bellhop secrets`: what agents may use without seeing it. The files are changed here, with and without a host;
 * one that runs sees them change. No command shows a value, nor how long it is.
 */
import { RejectedError } from "@bellhop/sdk";
import { Command, Option } from "commander";
import { bindingWords } from "../broker/secrets/binding.ts";
import { declaredSecrets, type NewSecret, removeSecret, setSecret } from "../broker/secrets/edit.ts";
import { SecretName, sourceWords } from "../broker/secrets/file.ts";
import { homeDirectory, homePaths } from "../config.ts";
import { GroupFolder } from "../core/ids.ts";
import { prepareHome } from "../home.ts";
import { hiddenValue } from "./hidden.ts";
import { clientFor, homeOption } from "./home-option.ts";
import type { Io } from "./io.ts";
import { plain } from "./plain.ts";

interface Options {
  readonly home?: string;
  readonly group?: string;
}

interface SetOptions extends Options {
  readonly bind?: string;
  readonly as?: string;
  readonly method?: readonly string[];
  readonly path?: string;
  readonly always?: true;
  readonly from?: string;
  readonly keep?: true;
}

/** What is shorter is not kept out of what leaves: it would tear ordinary words apart. */
const SHORTEST = 8;

const groupOption = (what: string) => new Option("--group <group>", what);

export function secretsCommand(io: Io): Command {
  const set = new Command("set")
    .summary("keep a secret, and say where it may go")
    .description(
      "Asks for the value, or reads it from stdin, and keeps it in .env. With --bind it may go to one more host.",
    )
    .argument("<name>", "capital letters, such as GITHUB_TOKEN")
    .option("--bind <host>", "host, or host:port, that it may go to; *.example.com for names one label below")
    .option(
      "--as <how>",
      "bearer, header:NAME, query:NAME, basic (it is user:password) or basic:USER",
      "bearer",
    )
    .option("--method <methods...>", "only with these methods (default: any)")
    .option("--path <prefix>", "only at and below this path (default: any)")
    .option("--always", "also where a request brings no credential at all")
    .addOption(groupOption("only for this group, in the place of the install's"))
    .option("--from <source>", "no value is asked for; it is in env, env:NAME, .env:NAME or file:/path")
    .option("--keep", "no value is asked for; the one that is there stays")
    .action(async (name: string, options: SetOptions) => {
      const secret = SecretName.safeParse(name);
      if (!secret.success)
        throw new RejectedError(`${plain(name)}: ${secret.error.issues[0]?.message ?? "cannot be"}.`);
      const { paths } = await prepareHome(homeDirectory({ home: options.home, env: io.env }));
      const bind = options.bind === undefined ? undefined : bindingOf(options.bind, options);
      const asks = options.from === undefined && options.keep === undefined;
      const value = asks ? await hiddenValue(io, `Value of ${secret.data} (not shown): `) : undefined;
      if (value !== undefined && value.length < SHORTEST) {
        io.stderr.write(
          `Warning: what has fewer than ${SHORTEST} characters is not kept out of messages and logs.\n`,
        );
      }
      await setSecret(paths, {
        name: secret.data,
        group: groupOf(options.group),
        value,
        from: options.from,
        bind,
      });
      io.stdout.write(`${secret.data} is set. A Bellhop that runs knows of it already.\n`);
    });

  const list = new Command("list")
    .summary("list names, sources and bindings")
    .description("Lists the secrets: where each comes from and where it may go. Never a value.")
    .action(async ({ home }: Options) => {
      const paths = homePaths(homeDirectory({ home, env: io.env }));
      const lines = (await declaredSecrets(paths)).flatMap(({ name, of, groups }) => {
        return [undefined, ...groups].flatMap((group) => listed(name, group, of(group)));
      });
      io.stdout.write(
        lines.length === 0 ? "No secrets yet.\n" : lines.map((line) => `${plain(line)}\n`).join(""),
      );
    });

  const remove = new Command("remove")
    .summary("forget a secret")
    .description("Removes it from secrets.yaml, and its value from .env where nothing else uses it.")
    .argument("<name>")
    .addOption(groupOption("only what this group has of its own"))
    .action(async (name: string, { home, group }: Options) => {
      const secret = SecretName.safeParse(name);
      if (!secret.success)
        throw new RejectedError(`There is no secret ${plain(name)}; bellhop secrets list shows them.`);
      await removeSecret(homePaths(homeDirectory({ home, env: io.env })), {
        name: secret.data,
        group: groupOf(group),
      });
      io.stdout.write(`${secret.data} is removed.\n`);
    });

  const test = new Command("test")
    .summary("see whether one can be had, and is taken")
    .description("Asks the Bellhop that runs to get the value. It is never shown.")
    .argument("<name>")
    .addOption(groupOption("as this group has it (default: main)"))
    .option("--url <url>", "also make one GET with it, at a host that it is bound to")
    .action(async (name: string, { home, group, url }: Options & { url?: string }) => {
      const { from, bound, problem, status } = await clientFor(io, home).testSecret(name, { group, url });
      if (problem !== null)
        throw new RejectedError(`${plain(name)}, from ${plain(from)}: ${plain(problem)}.`);
      const lines = [
        `${name}: there is a value, from ${from}.`,
        bound.length === 0
          ? "It is bound to no host, so no agent can use it."
          : `Bound to: ${bound.join("; ")}.`,
        ...(status === null ? [] : [`${url ?? ""} answered with HTTP ${status}.`]),
      ];
      io.stdout.write(lines.map((line) => `${plain(line)}\n`).join(""));
      if (status === 401 || status === 403) throw new RejectedError("The host did not take it.");
    });

  const secrets = new Command("secrets")
    .summary("let agents use secrets without seeing them")
    .description(
      "An agent has a placeholder in the place of each secret; the real value is put into requests to the hosts that it is bound to, outside of the sandbox.",
    )
    .addHelpText("after", HELP);
  for (const command of [set, list, remove, test]) secrets.addCommand(command.addOption(homeOption()));
  return secrets;
}

function listed(
  name: string,
  group: string | undefined,
  own: ReturnType<Awaited<ReturnType<typeof declaredSecrets>>[number]["of"]>,
): string[] {
  const who = group === undefined ? name : `${name} of ${group}`;
  if (!own) return group === undefined ? [] : [`${who}: off, or without a source`];
  const where =
    own.bind.length === 0 ? ["  bound to no host"] : own.bind.map((one) => `  ${bindingWords(one)}`);
  return [`${who}: ${sourceWords(own.source)}`, ...where];
}

/** As secrets.yaml has it; what is wrong with it is found when that is read again. */
function bindingOf(bind: string, { as = "bearer", method, path, always }: SetOptions): NewSecret["bind"] {
  const [, host = bind, port] = /^(.+?):(\d+)$/.exec(bind) ?? [];
  const [how = "", name] = as.split(/:(.*)/s);
  if (name === undefined && (how === "header" || how === "query")) {
    throw new RejectedError(`--as ${how} needs a name: write --as ${how}:NAME.`);
  }
  return {
    host,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(method ? { methods: method } : {}),
    ...(path === undefined ? {} : { path }),
    as: how,
    ...(name === undefined ? {} : how === "basic" ? { user: name } : { name }),
    ...(always ? { always } : {}),
  };
}

function groupOf(name: string | undefined): GroupFolder | undefined {
  if (name === undefined) return undefined;
  const group = GroupFolder.safeParse(name);
  if (group.success) return group.data;
  throw new RejectedError(
    `--group ${plain(name)} is no group: its folder's name is lower-case letters, digits and dashes.`,
  );
}

const HELP = `
Examples:
  bellhop secrets set GITHUB_TOKEN --bind api.github.com
  pass show weather | bellhop secrets set WEATHER_KEY --bind api.weather.example --as query:key --method GET
  bellhop secrets set GITHUB_TOKEN --keep --bind github.com --as basic:x-access-token
  bellhop secrets set GITHUB_TOKEN --group family
  bellhop secrets test GITHUB_TOKEN --url https://api.github.com/user

A value that a command gives (pass, op, vault) is written into secrets.yaml by hand:
  GITHUB_TOKEN: { from: { command: [pass, show, github] }, bind: [ … ] }

Exit codes: 0 done; 1 not done, or the value cannot be had or was not taken.`;
