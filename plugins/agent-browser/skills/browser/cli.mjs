/**
 * `browser COMMAND …`: says it to the browser of this sandbox, starts that where there is none, and prints what comes
 * back. Plain JavaScript, so that a call costs no more than Node itself.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

/** Of an abstract socket in the sandbox's own network: no file, nothing stale, and no other sandbox sees it. */
const SOCKET = "bellhop-agent-browser";
const FOLDER = "/tmp/agent-browser";
const LOG = `${FOLDER}/log`;

const request = JSON.stringify({ argv: process.argv.slice(2), cwd: process.cwd() });
try {
  const reply = (await asked()) ?? (await start(), await asked());
  if (reply === undefined) throw new Error("the browser ended at once");
  const { ok, text } = JSON.parse(reply);
  (ok ? process.stdout : process.stderr).write(`${text}\n`);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  process.stderr.write(`The browser gave no answer: ${error.message}${lastWords()}\n`);
  process.exitCode = 1;
}

/** Resolves with the answer, or with undefined where nobody listens. */
function asked() {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = connect({ path: `\0${SOCKET}` });
    socket.on("error", (error) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(undefined);
      else reject(new Error(error.message));
    });
    socket.on("connect", () => socket.end(request));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => {
      if (chunks.length > 0) resolve(Buffer.concat(chunks).toString("utf8"));
      else reject(new Error("it ended in the middle, as happens where the sandbox's memory is used up"));
    });
  });
}

/** Resolves once the daemon listens, or another one does. */
async function start() {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  const log = openSync(LOG, "w", 0o600);
  const daemon = fileURLToPath(new URL("daemon.ts", import.meta.url));
  const child = spawn(process.execPath, [daemon, SOCKET], {
    cwd: FOLDER,
    detached: true, // it stays when this command, and the shell around it, are over
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`it could not be started (exit code ${code})`)));
  });
  child.removeAllListeners();
  child.disconnect();
  child.unref();
}

function lastWords() {
  try {
    const words = readFileSync(LOG, "utf8").trim().slice(-2_000);
    return words === "" ? "" : `\n${words}`;
  } catch {
    return ""; // it never began to write
  }
}
