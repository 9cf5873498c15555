/**
 * What `npm start` and `npm test` need before they can begin: the npm dependencies as the lock file
 * has them, and a program that makes sandboxes. Each says what it does before it does it, on stderr,
 * and does nothing where nothing is to do.
 *
 * Plain JavaScript for Node 18 and up, and only its own modules: it runs before anything is installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { placeBrowserLibrary } from "./browser-library.mjs";

/** The operator has to mend it; the message says how. */
export class SetupError extends Error {}

/** @throws SetupError with one sentence when something is missing that cannot be installed from here */
export function setUp(root) {
  ensureDependencies(root);
  placeBrowserLibrary(root);
  ensureSandbox();
}

/** Runs `npm ci` where `node_modules` is missing or is not what the lock file says. */
export function ensureDependencies(root) {
  const reason = staleness(
    readJson(join(root, "package-lock.json")),
    readJson(join(root, "node_modules", ".package-lock.json")),
  );
  if (!reason) return;

  say(`Installing dependencies (npm ci), because ${reason}.`);
  // Not by the Node inside node_modules, which npm is about to replace.
  const bin = join(root, "node_modules", ".bin");
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== bin);
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, PATH: path.join(delimiter) },
  });
  if (error)
    throw new SetupError(`npm cannot be started (${error.message}). Install Node with npm, then try again.`);
  if (status !== 0) throw new SetupError("npm ci failed; what it said is above. Mend that, then try again.");
}

/**
 * Why what is installed is not what is locked, as the end of "because …"; undefined when it is.
 * Optional packages may be missing: they are for other platforms.
 */
export function staleness(locked, installed) {
  if (!locked)
    throw new SetupError(
      "package-lock.json is missing or broken. Get it back with: git checkout package-lock.json",
    );
  if (!installed) return "node_modules is missing";
  for (const [path, wanted] of Object.entries(locked.packages ?? {})) {
    if (!path.startsWith("node_modules/")) continue;
    const found = installed.packages?.[path];
    if (!found && wanted.optional) continue;
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    if (!found) return `${name} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) {
      return `${name} is not the version that package-lock.json names`;
    }
  }
  return undefined;
}

/** Makes sure that a sandbox runtime is there; installs bubblewrap on Debian-like systems. */
export function ensureSandbox(machine = thisMachine()) {
  const plan = planSandbox(machine);
  if (plan.ready) return;
  if (plan.sentence) throw new SetupError(plan.sentence);
  say(
    `Installing bubblewrap, which makes the agent's sandbox: ${plan.commands.map((command) => command.join(" ")).join(" && ")}`,
  );
  for (const [program, ...args] of plan.commands) {
    const { status } = spawnSync(program, args, {
      stdio: ["ignore", 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    if (status !== 0) {
      throw new SetupError(
        `Installing bubblewrap failed; what apt said is above. Mend that, then run: ${byHand(machine)}`,
      );
    }
  }
}

/** A machine that was just started mostly updates itself, and nobody else may install meanwhile. In seconds. */
const LOCK_PATIENCE = "DPkg::Lock::Timeout=300";

/**
 * What to do about the sandbox on a machine: nothing (`ready`), `commands` to run, or a `sentence`
 * for the operator. Pure: everything it knows of the machine is in its argument.
 */
export function planSandbox({ platform, root, sudo, bubblewrap, family }) {
  if (platform === "win32") {
    return {
      sentence:
        "Bellhop runs on Linux; on Windows run it inside WSL2: install it with wsl --install, then clone and start there.",
    };
  }
  if (platform !== "linux") {
    return {
      sentence: `Bellhop needs bubblewrap, which exists on Linux only, and this is ${platform}: run Bellhop on a Linux machine or in a Linux VM.`,
    };
  }
  if (bubblewrap) return { ready: true };
  if (family === "debian" && (root || sudo)) {
    const prefix = root ? [] : ["sudo", "-n"];
    return {
      commands: [
        [...prefix, "apt-get", "update", "-qq"],
        [...prefix, "apt-get", "install", "-y", "-qq", "-o", LOCK_PATIENCE, "bubblewrap"],
      ],
    };
  }
  return {
    sentence: `Bellhop needs bubblewrap to lock the agent in a sandbox, and it is not installed. Install it with: ${byHand({ root, family })}`,
  };
}

const INSTALL = {
  debian: "apt-get install bubblewrap",
  fedora: "dnf install bubblewrap",
  arch: "pacman -S bubblewrap",
  suse: "zypper install bubblewrap",
  alpine: "apk add bubblewrap",
};

function byHand({ root, family }) {
  const command = INSTALL[family];
  if (!command) return "your system's package manager (the package is called bubblewrap)";
  return root ? command : `sudo ${command}`;
}

/** The family of a Linux from the text of its `/etc/os-release`: a key of the install commands, or "other". */
export function familyOf(osRelease) {
  const fields = Object.fromEntries(
    osRelease.split("\n").flatMap((line) => {
      const found = /^([A-Z_]+)=["']?(.*?)["']?\s*$/.exec(line);
      return found ? [[found[1], found[2]]] : [];
    }),
  );
  const names = [fields.ID, ...(fields.ID_LIKE ?? "").split(" ")];
  const families = {
    debian: ["debian", "ubuntu"],
    fedora: ["fedora", "rhel", "centos"],
    arch: ["arch"],
    suse: ["suse", "opensuse"],
    alpine: ["alpine"],
  };
  return (
    Object.keys(families).find((family) => families[family].some((name) => names.includes(name))) ?? "other"
  );
}

function thisMachine() {
  const onPath = (name) =>
    (process.env.PATH ?? "")
      .split(delimiter)
      .some((folder) => folder !== "" && existsSync(join(folder, name)));
  const root = process.getuid?.() === 0;
  const bubblewrap = onPath("bwrap");
  return {
    platform: process.platform,
    root,
    bubblewrap,
    // Asked only where it matters: sudo writes to the system's log each time it refuses.
    sudo:
      !root &&
      !bubblewrap &&
      onPath("sudo") &&
      spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0,
    family: existsSync("/etc/os-release") ? familyOf(readFileSync("/etc/os-release", "utf8")) : "other",
  };
}

function readJson(path) {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // half-written: as good as missing
    throw error;
  }
}

/** stdout belongs to the command that follows: `npm -s start -- --json` prints one line there. */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs a script's `main` and turns what the operator has to mend into one sentence and exit code 1. */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}
