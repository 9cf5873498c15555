/**
 * Everything that runs out: an attacker who takes all there is gets its own sandbox's share, ends with it, and
 * the others are answered meanwhile about as fast as before (F31).
 */
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../../stats.ts";
import type { House } from "../house.ts";
import type { Row, Stage } from "../row.ts";
import { shell } from "./host-files.ts";

/** How long each goes on, and how long the victim is watched. */
const SECONDS = 4;
/** Of the event loop, by F31. */
const LAG_MS = 250;
/** What the victim's answers vary by on a busy machine anyway. */
const FLOOR_MS = 1_000;
const QUIET = 25;
const MEMORY_MB = 256;

/** How long the victim's answers take, ms, until `over`. */
async function latencies(house: House, over: () => boolean): Promise<number[]> {
  const taken: number[] = [];
  while (!over()) {
    const began = performance.now();
    await house.say("theirs", "say: still here");
    taken.push(performance.now() - began);
    await pause(50); // people do not write faster
  }
  return taken;
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

const quietP99 = new WeakMap<House, Promise<number>>();

async function measureQuiet(house: House): Promise<number> {
  await house.say("theirs", "say: awake"); // its sandbox starts once
  let left = QUIET;
  return percentile(await latencies(house, () => (left -= 1) < 0), 0.99);
}

function bomb(tries: string, command: string): Row {
  async function once({ house, note }: Stage): Promise<string | undefined> {
    let quiet = quietP99.get(house);
    if (!quiet) quietP99.set(house, (quiet = measureQuiet(house)));
    const calm = await quiet;
    const before = await residentMb(house.pid);
    house.lag();
    let ended = false;
    const attack = house
      .say("ours", shell(`timeout -s KILL ${SECONDS} bash -c '${command}' 2>&1 | head -c 2000`), {
        patienceMs: 60_000,
      })
      // Whatever becomes of its own answer is its own affair.
      .catch(() => undefined)
      .finally(() => (ended = true));
    const until = performance.now() + (SECONDS + 1) * 1_000;
    const taken = await latencies(house, () => ended || performance.now() > until);
    const grown = (await residentMb(house.pid)) - before;
    const p99 = percentile(taken, 0.99);
    const lag = Math.max(0, ...house.lag());
    note(`victim p99 ${Math.round(p99)} ms (quiet ${Math.round(calm)}), lag ${Math.round(lag)} ms`);
    // All of it goes with its sandbox, and the next one works.
    await house.command("ours", "/new");
    await attack;
    await house.say("ours", shell("rm -rf bomb; echo recovered"), { patienceMs: 60_000 });
    if (p99 > Math.max(2 * calm, FLOOR_MS))
      return `the victim waited ${Math.round(p99)} ms (p99), ${Math.round(calm)} ms before`;
    if (lag > LAG_MS) return `the host stood still for ${Math.round(lag)} ms`;
    return grown > MEMORY_MB ? `the host grew by ${Math.round(grown)} MB` : undefined;
  }
  return {
    class: "resources",
    tries,
    // A machine that others share hiccups: what is the attacker's doing happens again.
    run: async (stage) => (await once(stage)) && (await once(stage)),
  };
}

const perl = (script: string) => `perl -e "${script.replaceAll("$", "\\$").replaceAll('"', '\\"')}"`;

export const RESOURCES: readonly Row[] = [
  bomb("processes", perl("while (1) { fork }")),
  bomb("memory", perl("my @a; while (1) { push @a, q(x) x 10000000 }")),
  bomb("all processors", perl("for (1..16) { fork or do { while (1) {} } } wait")),
  bomb("open files", perl("my @a; while (1) { open(my $f, q(<), q(/dev/null)) and push @a, $f }")),
  bomb("names of files", perl("for (my $i = 0; ; $i++) { open(my $f, q(>), qq(/tmp/$i)) }")),
  bomb("its own disk", "head -c 4G /dev/zero > /tmp/full"),
  bomb("shared memory", "head -c 4G /dev/zero > /dev/shm/full"),
  bomb("the folder's disk", "head -c 1G /dev/zero > /workspace/group/bomb"),
  bomb("output", "cat /dev/zero"),
  bomb("messages of errors", "yes x >&2"),
  bomb(
    "connections to the door",
    perl(
      "use Socket; my @a; my $to = sockaddr_in(8080, inet_aton(q(127.0.0.1))); for (1..10000) { socket(my $s, PF_INET, SOCK_STREAM, 0) and connect($s, $to) and syswrite($s, qq(GET /v1/models HTTP/1.1\\r\\nX: )) and push @a, $s } sleep 60",
    ),
  ),
  bomb(
    "calls of the model",
    perl(
      "use Socket; my $to = sockaddr_in(8080, inet_aton(q(127.0.0.1))); for (1..8) { fork or do { while (1) { socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, $to); syswrite($s, qq(POST /v1/messages HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{})); sysread($s, my $b, 4096); close $s } } } wait",
    ),
  ),
];
