/** `bellhop plugins new|publish|run`: for whoever makes one, and the commands that a plugin brings. */
import { RejectedError } from "@bellhop/sdk";
import { Argument, Command } from "commander";
import { resolve } from "node:path";
import { loadConfig } from "../config.ts";
import { checkPublishable, publish, writeIndexEntry } from "../plugins/market/publish.ts";
import { type Kind, KINDS, scaffold } from "../plugins/market/scaffold/scaffold.ts";
import { runCommand } from "../plugins/market/run-command.ts";
import { pluginPrograms } from "../plugins/programs.ts";
import { ExitCode, type Io } from "./io.ts";
import { plain } from "./plain.ts";
import { at, type HomeOptions } from "./plugins-at.ts";
import { questionsAt } from "./questions.ts";

export function authorCommands(io: Io): Command[] {
  const make = new Command("new")
    .summary("begin a plugin of your own")
    .description(
      "Makes a small plugin that works, with its tests, which node --test runs without installing anything.",
    )
    .addArgument(new Argument("<kind>", "what it is").choices([...KINDS]))
    .argument("<name>", "lower-case letters, digits and dashes")
    .option("--folder <folder>", "where (default: a folder of its name)")
    .action(async (kind: Kind, name: string, options: { folder?: string }) => {
      const folder = resolve(options.folder ?? name);
      await scaffold(kind, name, { folder, sdk: pluginPrograms().sdk });
      io.stdout.write(
        `${plain(folder)} is there.\n  test it:  cd ${plain(folder)} && node --test\n  use it:   bellhop plugins add ${plain(folder)} --link\n`,
      );
    });

  const publishIt = new Command("publish")
    .summary("check a plugin, and publish it")
    .description(
      "Checks that the package has all that its manifest names and nothing that looks like a secret. Then says how to publish it; with --npm it does.",
    )
    .argument("[folder]", "default: this one")
    .option("--index <file>", "also write its entry into this index file")
    .option("--npm", "publish it, as whoever npm is logged in as")
    .action(async (given: string | undefined, options: { index?: string; npm?: true }) => {
      const folder = resolve(given ?? ".");
      const { manifest, entry, files } = await checkPublishable(folder, io.env);
      io.stdout.write(`${manifest.name} ${manifest.version} holds together: ${files.length} files.\n`);
      if (options.npm) {
        await publish(folder, io.env);
        io.stdout.write(`${entry.add}@${manifest.version} is published.\n`);
      } else {
        io.stdout.write(
          `Publish it with: npm publish --ignore-scripts (in ${plain(folder)}), or with --npm.\n`,
        );
      }
      if (options.index !== undefined) {
        await writeIndexEntry(resolve(options.index), entry);
        io.stdout.write(`Its entry is in ${plain(options.index)}.\n`);
      }
    });

  const run = new Command("run")
    .summary("run a command that a plugin brings")
    .description(
      "Runs it in a process of the plugin's, with what the plugin sees of this machine and no more. No Bellhop has to run.",
    )
    .argument("<name>")
    .argument("<command>", "bellhop plugins info NAME lists them")
    .argument("[args...]")
    .passThroughOptions()
    .action(async (name: string, command: string, args: readonly string[], options: HomeOptions) => {
      const { market, paths } = await at(io, options);
      const config = loadConfig({ home: options.home, env: io.env });
      const questions = questionsAt(io);
      const over = new AbortController();
      const abort = () => over.abort(new RejectedError("It was stopped."));
      process.once("SIGINT", abort);
      process.once("SIGTERM", abort);
      try {
        const code = await runCommand(await market.named(name), command, {
          args,
          io: {
            print: (line) => io.stdout.write(`${plain(line)}\n`),
            ask: async (text, { secret }) => {
              if (!questions)
                throw new RejectedError(`${name} asks "${plain(text)}", and nobody can answer here.`);
              return secret ? await questions.secret(plain(text)) : await questions.ask(plain(text));
            },
            signal: over.signal,
          },
          how: { config, paths, environment: io.env, clock: io.clock },
        });
        if (code !== 0) throw new ExitCode(code);
      } finally {
        process.off("SIGINT", abort);
        process.off("SIGTERM", abort);
      }
    });

  return [make, publishIt, run];
}
