/**
 * The one browser of a sandbox, behind a socket: a request is what was typed, an answer is what is printed. One at a
 * time, in the order in which they came. Ends by itself when nothing was wanted for a while, and with its sandbox.
 */
import { createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { createBrowser } from "./browser.ts";
import { run } from "./commands.ts";
import { Said, wordsOf } from "./said.ts";

interface Request {
  readonly argv: readonly string[];
  readonly cwd: string;
}

const idleMs = (Number(process.env["BROWSER_IDLE_MINUTES"]) || 10) * 60_000;
const browser = createBrowser({
  folder: "/workspace/group/.browser",
  downloads: "/workspace/group/downloads",
  proxy: process.env["HTTPS_PROXY"],
});
let line: Promise<void> = Promise.resolve();
let idle: NodeJS.Timeout | undefined;

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy()); // whoever asked has gone
  line = line.then(
    () => serve(socket),
    () => serve(socket),
  );
});
server.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  process.send?.("there is one already");
  process.exit(0);
});
server.listen(`\0${process.argv[2] ?? ""}`, () => process.send?.("ready"));
process.on("SIGTERM", () => void end());
wait();

async function serve(socket: Socket): Promise<void> {
  clearTimeout(idle);
  const { argv, cwd } = JSON.parse(await text(socket)) as Request; // written by cli.mjs
  const answer = await run(browser, argv, cwd).then(
    (said) => ({ ok: true, text: said }),
    (error: unknown) => ({ ok: false, text: error instanceof Said ? error.message : wordsOf(error) }),
  );
  socket.end(JSON.stringify(answer));
  if (argv[0] === "close") await end();
  else wait();
}

function wait(): void {
  idle = setTimeout(() => void end(), idleMs);
}

async function end(): Promise<void> {
  server.close();
  await browser.close();
  process.exit(0);
}
