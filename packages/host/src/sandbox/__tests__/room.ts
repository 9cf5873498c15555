/**
 * What the sandbox contract is tried in: a home below closed folders, two groups, a canary that must
 * never be seen inside, and programs that are run in sandboxes of these groups.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { GroupFolder, newId, SandboxId } from "../../core/ids.ts";
import type {
  Mount,
  SandboxExit,
  SandboxLimits,
  SandboxProcess,
  SandboxRuntime,
  SandboxSpec,
} from "../../turns/sandbox.ts";

export const MiB = 1024 * 1024;
const LIMITS: SandboxLimits = { cpus: 1, memoryBytes: 512 * MiB, pids: 64, tmpBytes: 8 * MiB };

export interface Ended extends SandboxExit {
  readonly stdout: string;
  readonly stderr: string;
}

export type Room = ReturnType<typeof createRoom>;

/** @param uid the user of a group's sandboxes where it is not this process's own */
export function createRoom(uid: (groupNumber: number) => number | undefined) {
  // mkdtemp makes it 0700: nobody else can walk to anything below.
  const base = mkdtempSync(join(tmpdir(), "bellhop contract\\ #ü-"));
  const home = join(base, "home");
  const canary = `canary-${newId(SandboxId)}`;
  mkdirSync(join(home, "groups"), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, ".env"), `KEY=${canary}\n`, { mode: 0o600 });
  writeFileSync(join(home, "open-to-all"), canary, { mode: 0o644 });
  for (const group of ["ours", "theirs"]) {
    mkdirSync(join(home, "groups", group, ".claude"), { recursive: true });
  }
  writeFileSync(join(home, "groups", "theirs", "diary"), canary);
  mkdirSync(join(home, "media"));
  writeFileSync(join(home, "media", "photo"), "a photo");
  const numbers = { ours: 7, theirs: 8 };

  function spec(
    group: keyof typeof numbers,
    change: Partial<Pick<SandboxSpec, "mounts">> & { limits?: Partial<SandboxLimits> } = {},
  ): SandboxSpec {
    const folder = join(home, "groups", group);
    const mounts: Mount[] = [
      { source: folder, target: "/workspace/group", mode: "rw" },
      { source: join(folder, ".claude"), target: "/home/agent/.claude", mode: "rw" },
      { source: join(home, "media"), target: "/workspace/media", mode: "ro" },
    ];
    const doorDirectory = join(home, `door-${group}`);
    mkdirSync(doorDirectory, { recursive: true });
    chmodSync(doorDirectory, 0o711);
    return {
      id: newId(SandboxId),
      group: GroupFolder.parse(group),
      groupNumber: numbers[group],
      mounts: [...mounts, ...(change.mounts ?? [])],
      doorDirectory,
      limits: { ...LIMITS, ...change.limits },
    };
  }

  return {
    base,
    home,
    canary,
    folder: (group: keyof typeof numbers) => join(home, "groups", group),
    uidOf: (group: keyof typeof numbers) => uid(numbers[group]) ?? process.getuid?.(),
    spec,
    /** The host's end of a group's door. */
    async openDoor(group: keyof typeof numbers, serve: (socket: Socket) => void): Promise<Server> {
      const { doorDirectory, groupNumber } = spec(group);
      const socket = join(doorDirectory, "broker.sock");
      rmSync(socket, { force: true });
      const server = createServer({ allowHalfOpen: true }, (connection) => {
        connection.on("error", () => undefined); // the forwarder waits at the door too, and goes with its sandbox
        serve(connection);
      });
      await new Promise<void>((resolve) => server.listen(socket, resolve));
      chmodSync(socket, 0o600);
      const owner = uid(groupNumber);
      if (owner !== undefined) chownSync(socket, owner, owner);
      return server;
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** Starts a program in a new sandbox. */
export async function start(
  runtime: SandboxRuntime,
  spec: SandboxSpec,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<SandboxProcess> {
  const sandbox = await runtime.prepare(spec);
  return sandbox.spawn({ argv, env });
}

/** Runs a program in a new sandbox to its end. */
export async function run(
  runtime: SandboxRuntime,
  spec: SandboxSpec,
  argv: readonly string[],
  { stdin = "", env = {} }: { readonly stdin?: string; readonly env?: Record<string, string> } = {},
): Promise<Ended> {
  const process = await start(runtime, spec, argv, env);
  process.stdin.on("error", () => undefined); // a program may end without reading
  process.stdin.end(stdin);
  const [stdout, stderr, exit] = await Promise.all([
    text(process.stdout),
    text(process.stderr),
    process.exited,
  ]);
  return { stdout, stderr, ...exit };
}

export const bash = (script: string) => ["/bin/bash", "-c", script];
export const node = (script: string) => ["/opt/bellhop/bin/node", "-e", script];
export const perl = (script: string) => ["/usr/bin/perl", "-e", script];

/** The next line a program prints. @throws when it ends before */
export async function nextLine(process: SandboxProcess): Promise<string> {
  let line = "";
  for await (const chunk of process.stdout.iterator({ destroyOnReturn: false })) {
    line += String(chunk);
    if (line.includes("\n")) return line.trim();
  }
  throw new Error(`the program ended after ${JSON.stringify(line)}: ${await text(process.stderr)}`);
}

/** Pids on this machine that have `word` in their command line. */
export function processesWith(word: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
    } catch {
      return false; // ended while we looked
    }
  });
}
