/**
 * `bellhop up`: the host in the foreground, with a terminal chat beside it where there is a terminal.
 *
 * - stdout is for people, or with `--json` for exactly one line; logs go to the home's log file.
 * - The first stop signal drains: nothing new is taken, live answers are finished and delivered, exit
 *   code 0. The second ends it now (G26).
 */
import { Command, InvalidArgumentError } from "commander";
import { type Config, homePaths, loadConfig } from "../config.ts";
import type { Host } from "../main.ts";
import { DEFAULT_CHAT, historyFile, isTerminal } from "./chat.ts";
import { createClient } from "./client.ts";
import { chatNamed, homeOption } from "./home-option.ts";
import { ExitCode, type Io } from "./io.ts";
import { type Screen, createScreen } from "./screen.ts";
import { EXIT_CODE, type StopSignal, takeStops } from "./signals.ts";
import { type TerminalChat, openTerminalChat } from "./terminal-chat.ts";
import { VERSION } from "../version.ts";
import { showWaiting } from "./waiting.ts";

interface UpOptions {
  readonly home?: string;
  readonly port?: number;
  readonly terminal: boolean;
  readonly json?: true;
}

export function upCommand(io: Io): Command {
  return new Command("up")
    .summary("start Bellhop here")
    .description("Starts Bellhop in the foreground, and a chat with it if this is a terminal.")
    .addOption(homeOption())
    .option(
      "--port <number>",
      "port of the web chat on this machine; 0 takes any free one (default: config.yaml's)",
      port,
    )
    .option("--no-terminal", "no chat in this terminal")
    .option("--json", "print one line of JSON when ready, and nothing else: url, token, pid, model, sandbox")
    .addHelpText("after", HELP)
    .action((options: UpOptions) => up(options, io));
}

/** Of the connection to the host, after it has drained: what it sent last is on its way to the screen. */
const LAST_WORDS_MS = 500;

async function up(options: UpOptions, io: Io): Promise<void> {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal | "SIGQUIT">();
  const stops = takeStops({ clock: io.clock, drain: first.resolve, now: second.resolve });
  try {
    const load = () => loadConfig({ home: options.home, env: io.env, flags: { port: options.port } });
    const config = load();
    for (const warning of config.warnings) io.stderr.write(`Warning: ${warning}\n`);
    // Loaded here and not above: the other commands need none of it, and should start at once.
    const { startHost } = await import("../main.ts");
    const started = startHost({ config, reload: load, environment: io.env });
    // A first signal waits until it has started: what it opens on the way must be closed in order.
    const host = await Promise.race([started, second.promise.then(endNow)]);

    const screen = createScreen(io.stdout);
    const json = options.json === true;
    await announce({ host, config, io, json });
    const talks = options.terminal && !json && isTerminal(io);
    const chat = talks ? await openChat({ config, io, screen, press: () => stops.press() }) : undefined;
    const live = io.stdout.isTTY && !json;
    await untilStopped({ host, chat, screen, live, io, first: first.promise, second: second.promise });
  } finally {
    stops.close();
  }
}

interface Running {
  readonly host: Host;
  readonly chat: TerminalChat | undefined;
  readonly screen: Screen;
  /** Somebody watches stdout. */
  readonly live: boolean;
  readonly io: Io;
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal | "SIGQUIT">;
}

async function untilStopped({ host, chat, screen, live, io, first, second }: Running): Promise<void> {
  // A chat that cannot go on is no reason to end a host that others talk to.
  chat?.finished.catch((error: unknown) => {
    io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  });
  // Through the API a host may also stop by itself.
  await Promise.race([first, second, host.finished]);
  chat?.closeInput();

  const draining = host.drain();
  const waiting = showWaiting({ host, screen, live, io });
  const forced = await Promise.race([Promise.all([draining, host.finished]).then(() => undefined), second]);
  waiting.close();
  if (forced !== undefined) {
    await host.stop();
    await chat?.close(0);
    endNow(forced);
  }
  await chat?.close(LAST_WORDS_MS);
}

function endNow(signal: StopSignal | "SIGQUIT"): never {
  throw new ExitCode(EXIT_CODE[signal]);
}

interface Announcement {
  readonly host: Host;
  readonly config: Config;
  readonly io: Io;
  readonly json: boolean;
}

async function announce({ host, config, io, json }: Announcement): Promise<void> {
  if (json) {
    const { url, sandbox } = host;
    const token = await host.apiToken("admin");
    const model = host.provider === "rehearsal" ? "rehearsal" : host.model;
    io.stdout.write(`${JSON.stringify({ url, token, pid: process.pid, model, sandbox })}\n`);
    return;
  }
  // A link that logs in belongs on a screen, not in a log file.
  const web = io.stdout.isTTY
    ? `${await host.loginUrl()}\n            (works once, for ten minutes; another: bellhop login)`
    : `${host.url} (log in with the link that this prints: bellhop login)`;
  io.stdout.write(
    [
      `Bellhop ${VERSION} is ready.`,
      `  web chat  ${web}`,
      `  model     ${describeModel(host, config)}`,
      `  sandbox   ${host.sandbox}`,
      "",
    ].join("\n"),
  );
}

function describeModel({ provider, model }: Host, { home }: Config): string {
  if (provider !== "rehearsal") return `${model} by ${provider}`;
  return `rehearsal, a scripted stand-in. For a real one put ANTHROPIC_API_KEY=… in ${homePaths(home).env} and start again.`;
}

interface ChatHere {
  readonly config: Config;
  readonly io: Io;
  readonly screen: Screen;
  readonly press: () => void;
}

/** Through the socket like any other terminal: there is one way in. */
function openChat({ config: { home }, io, screen, press }: ChatHere): Promise<TerminalChat> {
  return openTerminalChat({
    io,
    client: createClient({ home, socket: homePaths(home).socket, clock: io.clock }),
    chat: chatNamed(DEFAULT_CHAT),
    screen,
    historyFile: historyFile(home),
    onInterrupt: press,
    onLeave: press,
    leaving: "stops Bellhop, after the answers it is giving",
    hostIsHere: true,
  });
}

function port(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number <= 65_535) return number;
  throw new InvalidArgumentError("It is a port: 0 to 65535.");
}

const HELP = `
The home is made on the first start: config.yaml, .env for secrets, the
database, the groups' folders. Only one Bellhop can have a home at a time.

Ctrl-C (or SIGTERM) stops it gently: nothing new is taken, the answers under way
are finished and delivered. A second Ctrl-C ends it at once; what was under way
is tried again after the next start.

Without a model credential a scripted stand-in answers, the rehearsal model.

Examples:
  bellhop up
  bellhop up --home /srv/bellhop --port 8080 --no-terminal
  bellhop up --json --port 0 | jq -r .url

Exit codes: 0 it drained and stopped; 1 it could not start or run, the reason is
on stderr; 128 and the signal's number where a second signal ended it.`;
