/** `bellhop rehearsal`: the rehearsal model alone, for people who write plugins or try an agent offline. */
import { ConfigError } from "@bellhop/sdk";
import { Command, InvalidArgumentError } from "commander";
import { once } from "node:events";
import { createRehearsalModel } from "../broker/rehearsal/server.ts";
import { USAGE } from "../broker/rehearsal/directives.ts";
import { systemClock } from "../core/clock.ts";

const DEFAULT_PORT = 7408;

export function rehearsalCommand(): Command {
  return new Command("rehearsal")
    .summary("run the rehearsal model alone, a scripted stand-in for the model's API")
    .description(
      "Runs the rehearsal model alone: a scripted server that speaks the Anthropic Messages API, needs no " +
        "account and costs nothing. Bellhop uses the same one by itself as long as it has no model key.",
    )
    .option("--port <number>", "port on 127.0.0.1; 0 takes any free one", port, DEFAULT_PORT)
    .addHelpText("after", help)
    .action(({ port }: { port: number }) => run(port));
}

/** Serves until Ctrl-C or SIGTERM. @throws ConfigError when the port cannot be had */
async function run(port: number): Promise<void> {
  const model = createRehearsalModel({ clock: systemClock });
  const actual = await model.listen(port).catch((cause: unknown) => {
    throw new ConfigError(
      `The rehearsal model cannot listen on port ${port}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
        "Choose another with --port, or let --port 0 find a free one.",
      { cause },
    );
  });
  const url = `http://127.0.0.1:${actual ?? port}`;
  process.stdout.write(
    `The rehearsal model listens on ${url}\n` +
      `Point a program at it:  ANTHROPIC_BASE_URL=${url} ANTHROPIC_API_KEY=rehearsal\n` +
      "Ctrl-C ends it.\n",
  );
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await model.close();
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

const MEANING: Readonly<Record<keyof typeof USAGE, string>> = {
  say: "answer exactly TEXT",
  run: "run CMD with the Bash tool and answer with its output",
  write: "write TEXT to a file with the Write tool",
  read: "read a file with the Read tool",
  remember: "add a line to the agent's CLAUDE.md",
  recall: "answer with what the system prompt and the memory files say",
  tool: "call any tool that is offered, and answer with its result",
  count: "answer with the number of people's messages it was shown",
  see: "answer with the types and sizes of the images and documents it was given",
  think: "wait before going on",
  stream: "answer N words, one every MS milliseconds",
  error: "fail as the API does; with xN, N times and then no more",
};

function help(): string {
  const lines = Object.entries(MEANING).map(([name, meaning]) => {
    const usage = `${name}: ${USAGE[name as keyof typeof USAGE]}`.trim(); // the keys of one are those of the other
    return `  ${usage.padEnd(20)} ${meaning}`;
  });
  return [
    "",
    "It follows directives, one a line, in the newest message of a person:",
    ...lines,
    "",
    "Example:",
    "  $ bellhop rehearsal --port 7408",
    "  $ curl -s http://127.0.0.1:7408/v1/messages -H 'content-type: application/json' \\",
    `      -d '{"model":"any","messages":[{"role":"user","content":"say: hello"}]}'`,
    "",
    "All of it is described in docs/rehearsal.md.",
  ].join("\n");
}
