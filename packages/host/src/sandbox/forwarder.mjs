/**
 * The first program in a sandbox, run by the Node that is mounted at /opt/bellhop/bin/node.
 *
 * 1. `argv[2]` is the host's line of life: a descriptor, the path of a socket to connect to, or `listen:` and
 *    the path of one to wait at. Its first line is JSON: what must lie at each
 *    mount point (device and inode, as the host opened it). Anything else there means that
 *    somebody swapped a source while it was being mounted: nothing is run. And the program's environment,
 *    which is not our own: with NODE_USE_ENV_PROXY, for one, Node takes twice as long to start. And the
 *    program with its folder, where they are not in `argv`.
 * 2. Carries 127.0.0.1:8080 to the broker's socket, byte for byte, half-closed ends included.
 * 3. Closes what the host's own parent may have left open, so that no program inside has it.
 * 4. Waits at the door for files that the host wants to have, and pushes them up through it. What can be
 *    read here is what the agent can read: this program has no more rights than the agent.
 * 5. Runs the program with its own stdin, stdout and stderr, hands signals on, and ends as it ends.
 *    If want of memory was the reason, it says so over the line, where that takes words.
 *    When the line of life breaks, the host is gone, and everything here ends.
 */
import { spawn } from "node:child_process";
import { closeSync, constants as file, readdirSync, readFileSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { connect, createServer, Socket } from "node:net";
import { constants } from "node:os";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";

const DOOR = "/run/bellhop/broker.sock";
const PORT = 8080;
const GROUP = "/workspace/group";
/** The host takes this line off stderr again. */
const WAITING = "bellhop: waiting for the line";
/** Of sysexits.h: `EX_CONFIG`. The host knows it as "the room is not as ordered". */
const NOT_AS_ORDERED = 78;
const KILLED = 128 + constants.signals.SIGKILL;
/** What the host hears over its line before the end, when something was killed for want of memory. */
const STARVED = "out of memory\n";
/** `O_CLOEXEC`, as fdinfo shows it. */
const CLOSE_ON_EXEC = 0o2000000;

const [lineAt = "", ...given] = process.argv.slice(2);
let order = "";
let life;
findLine();

function findLine() {
  if (/^\d+$/.test(lineAt)) return hold(new Socket({ fd: Number(lineAt), readable: true, writable: false }));
  if (!lineAt.startsWith("listen:")) return hold(connect({ path: lineAt }));
  const waiting = createServer((line) => {
    waiting.close(); // there is one line, and nobody else is here yet
    hold(line);
  });
  // The first words on stderr, before anything of the agent's runs: only now can the line be brought.
  waiting.listen(lineAt.slice("listen:".length), () => process.stderr.write(`${WAITING}\n`));
}

function hold(line) {
  life = line;
  line.setEncoding("utf8");
  line.on("data", (text) => {
    const begun = order.endsWith("\n");
    if (begun) return;
    order += text;
    if (order.endsWith("\n")) begin(JSON.parse(order));
  });
  line.on("error", () => process.exit(1));
  line.on("close", () => process.exit(1));
}

function begin({ mounts, env, argv = given, cwd }) {
  closeStrangers();
  for (const { target, dev, ino } of mounts) {
    const found = statSync(target, { bigint: true });
    if (String(found.dev) !== dev || String(found.ino) !== ino) {
      end(NOT_AS_ORDERED, `what was mounted at ${target} is not what the host had opened`);
    }
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (inside) => {
    const door = connect({ path: DOOR, allowHalfOpen: true });
    carry(inside, door);
    carry(door, inside);
  });
  server.on("error", (error) => end(NOT_AS_ORDERED, `cannot listen on port ${PORT}: ${error.message}`));
  waitAtDoor();
  server.listen(PORT, "127.0.0.1", () => run(argv, { env, cwd }));
}

/** Asks first, before there is anybody else here; the door listens to no second one. Without a door there is nothing to wait for. */
function waitAtDoor() {
  const door = connect({ path: DOOR });
  let rest = "";
  door.setEncoding("utf8");
  door.on("error", () => undefined);
  door.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const wanted of lines.filter((one) => one.startsWith("{"))) void push(JSON.parse(wanted));
  });
  door.write("GET /bellhop/wanted HTTP/1.0\r\n\r\n");
}

async function push({ id, path }) {
  const door = connect({ path: DOOR });
  door.on("error", () => undefined); // the host hears of it by what does not come
  door.resume();
  const head = (query, bytes) =>
    `PUT /bellhop/files/${id}${query} HTTP/1.1\r\nHost: bellhop\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`;
  let handle;
  try {
    // A pipe or a device must not make us wait.
    handle = await open(resolve(GROUP, path), file.O_RDONLY | file.O_NONBLOCK | file.O_NOCTTY);
    const found = await handle.stat();
    if (!found.isFile())
      throw Object.assign(new Error(), { code: found.isDirectory() ? "EISDIR" : "EINVAL" });
    door.write(head("", found.size));
    // Not ended: a server of Node's takes that for a request that was left.
    if (found.size > 0)
      await pipeline(handle.createReadStream({ end: found.size - 1, autoClose: false }), door, {
        end: false,
      });
  } catch ({ code = "EIO" }) {
    if (door.bytesWritten === 0) door.write(head(`?problem=${code}`, 0));
    else door.destroy();
  } finally {
    await handle?.close();
  }
}

/** Node marks its own descriptors, and all low ones, as not to be inherited. Others came from outside. */
function closeStrangers() {
  for (const fd of readdirSync("/proc/self/fd").map(Number)) {
    if (fd <= 2) continue;
    const info = readInfo(fd);
    if (info && (parseInt(/^flags:\s+(\d+)/m.exec(info)[1], 8) & CLOSE_ON_EXEC) === 0) closeSync(fd);
  }
}

/** Undefined for the descriptor that listed the folder: it is closed by now. */
function readInfo(fd) {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  } catch {
    return undefined;
  }
}

/** An end is passed on as an end; only a broken connection breaks the other one. */
function carry(from, to) {
  from.pipe(to);
  from.on("error", () => to.destroy());
  from.on("close", () => {
    if (!from.readableEnded) to.destroy();
  });
}

function run([program, ...args], options) {
  const child = spawn(program, args, { stdio: "inherit", ...options });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) =>
    end(error.code === "ENOENT" ? 127 : 126, `cannot run ${program}: ${error.message}`),
  );
  child.on("exit", (code, signal) => {
    const ended = code ?? 128 + constants.signals[signal];
    if (ended === KILLED && life.writable && starved()) life.write(STARVED, () => process.exit(ended));
    else process.exit(ended);
  });
}

/** Not every engine can tell. Where there is no cgroup of our own in sight, this cannot either. */
function starved() {
  return ["memory/memory.oom_control", "memory.events"].some((name) => {
    try {
      return /^oom_kill [1-9]/m.test(readFileSync(`/sys/fs/cgroup/${name}`, "utf8"));
    } catch {
      return false;
    }
  });
}

function end(code, reason) {
  process.stderr.write(`bellhop sandbox: ${reason}\n`);
  process.exit(code);
}
