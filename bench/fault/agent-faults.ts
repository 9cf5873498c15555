/** What goes wrong in a sandbox: F2, F3, F9 to F11, F21 and F22. */
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { homePaths } from "../../packages/host/src/config.ts";
import type { HostProcess } from "../host.ts";
import { percentile } from "../stats.ts";
import type { Finding } from "./check.ts";
import { type Outcome, rule, tried } from "./outcome.ts";
import { type Part, pidOf, residentMb } from "./processes.ts";
import type { Message, Room, World } from "./world.ts";

const ROOM: Room = { account: "once", room: "a" };
const NEIGHBOUR: Room = { account: "once", room: "b" };
/** Long enough for a start under load, short enough to be waited for. */
const CLOCKS = { defaults: { silenceMinutes: 0.1, startSeconds: 20 } };
const PATIENCE_MS = 45_000;
const AFRESH = /start afresh/;
const GAVE_UP = /I could not get an answer|could not be|dead/i;

async function up(world: World): Promise<HostProcess & { readonly pid: number }> {
  const host = world.start();
  const { pid } = await host.ready;
  return { ...host, pid };
}

/** It must come, or the checker finds it missing. */
async function answeredAfter(world: World, directives: string, room: Room = ROOM): Promise<Message> {
  const message = await world.write(room, directives);
  await world.answered([message], PATIENCE_MS);
  return message;
}

/** F2: kill -9 of one part of a sandbox in the middle of an answer. */
export function killParts(times: number): Promise<Outcome> {
  const name = { fault: "F2", what: "kill -9 of the agent, its supervisor, its child" };
  const parts: readonly Part[] = ["agent", "supervisor", "child"];
  return tried(name, { rooms: [ROOM], settings: CLOCKS }, async (world) => {
    const host = await up(world);
    const findings: Finding[] = [];
    for (let at = 0; at < times; at += 1) {
      for (const part of parts) {
        const message = await world.write(ROOM, "fork:once sleep:1500");
        await seen(world, message);
        process.kill(await pidOf(host.pid, part), "SIGKILL");
        await world.answered([message], PATIENCE_MS);
        const attempts = attemptsAt(world, message);
        // Without its child an agent goes on.
        const wanted = part === "child" ? 1 : 2;
        findings.push(
          ...rule(attempts === wanted, "I2", `${attempts} attempts after the ${part} was killed`),
        );
      }
    }
    await host.stop();
    return { trials: times * parts.length, findings };
  });
}

/** F3: an agent that is stopped meets the silence clock; a host that is stopped and goes on loses nothing. */
export function stopAndContinue(hostStopMs: number): Promise<Outcome> {
  const name = { fault: "F3", what: "SIGSTOP of the agent; of the host, then SIGCONT" };
  return tried(name, { rooms: [ROOM, NEIGHBOUR], settings: CLOCKS }, async (world) => {
    const host = await up(world);
    const stuck = await world.write(ROOM, "sleep:1000");
    await seen(world, stuck);
    process.kill(await pidOf(host.pid, "agent"), "SIGSTOP");
    await world.answered([stuck], PATIENCE_MS);

    const under = [await world.write(ROOM, "sleep:500"), await world.write(NEIGHBOUR)];
    await seen(world, under[0]);
    host.signal("SIGSTOP");
    await pause(hostStopMs);
    const meanwhile = await world.write(NEIGHBOUR);
    host.signal("SIGCONT");
    await world.answered([...under, meanwhile], PATIENCE_MS);
    await host.stop();
    return { trials: 2, notes: [`the host stood still for ${hostStopMs / 1000} s`] };
  });
}

/** F9 and F10: frames in pieces, and frames that are none. */
export function brokenFrames(): Promise<Outcome> {
  const name = { fault: "F9-F10", what: "torn, oversize, invalid, deep, unknown, forged frames" };
  const kinds = ["torn", "long", "stray", "bytes", "deep", "unknown", "answers", "proto", "deaf", "half"];
  return tried(name, { rooms: [ROOM], settings: CLOCKS }, async (world) => {
    const host = await up(world);
    await answeredAfter(world, "");
    const before = await residentMb(host.pid);
    for (const kind of kinds) await answeredAfter(world, `${kind}:once`);
    await answeredAfter(world, "snoop");
    const grown = (await residentMb(host.pid)) - before;
    await host.stop();
    return {
      trials: kinds.length,
      findings: rule(grown <= 48, "I8", `the host grew by ${Math.round(grown)} MiB`),
      notes: [`the host grew by ${Math.round(grown)} MiB`],
    };
  });
}

/** F11: floods. Meanwhile somebody in another chat wants answers too. */
export function floods(samples: number): Promise<Outcome> {
  const name = { fault: "F11", what: "1 GB on stdout, on stderr, 100,000 messages in a turn" };
  const kinds = ["stdout:once", "stderr:once", "many:once"];
  return tried(name, { rooms: [ROOM, NEIGHBOUR], settings: CLOCKS }, async (world) => {
    const host = await up(world);
    await answeredAfter(world, "", NEIGHBOUR);
    await answeredAfter(world, "");
    const calm = await latencies(world, samples);
    const before = await residentMb(host.pid);
    let most = before;
    const flooded: number[] = [];
    for (const kind of kinds) {
      const message = await world.write(ROOM, kind);
      const watching = new AbortController();
      const watch = watchMemory(host.pid, watching.signal);
      flooded.push(...(await latencies(world, Math.ceil(samples / kinds.length))));
      await world.answered([message], PATIENCE_MS);
      watching.abort();
      most = Math.max(most, await watch);
    }
    await host.stop();
    const [p99, p99Flooded] = [percentile(calm, 0.99), percentile(flooded, 0.99)];
    const grown = most - before;
    return {
      trials: kinds.length,
      findings: [
        ...rule(grown <= 160, "I8", `the host grew by ${Math.round(grown)} MiB under a flood`),
        ...rule(
          p99Flooded <= Math.max(2 * p99, p99 + SLACK_MS),
          "I8",
          `others waited ${Math.round(p99Flooded)} ms instead of ${Math.round(p99)} (p99)`,
        ),
      ],
      notes: [
        `others waited ${Math.round(p99)} ms in peace, ${Math.round(p99Flooded)} ms beside a flood (p99)`,
        `the host grew by at most ${Math.round(grown)} MiB`,
      ],
    };
  });
}

/** What a start of another sandbox costs everybody on two cores, flood or not. */
const SLACK_MS = 300;

async function latencies(world: World, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const began = performance.now();
    await answeredAfter(world, "", NEIGHBOUR);
    all.push(performance.now() - began);
  }
  return all;
}

async function watchMemory(pid: number, signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    most = Math.max(most, await residentMb(pid));
    await pause(100);
  }
  return most;
}

/** F21: what an agent says of the conversation that it should resume, and what it forgets. */
export function resumes(): Promise<Outcome> {
  const name = { fault: "F21", what: "stale session, transient x10, overflow, out of memory on resume" };
  const settings = { ...CLOCKS, sandbox: { runtime: "bubblewrap", memoryMb: 768 } };
  return tried(name, { rooms: [ROOM], settings }, async (world) => {
    const host = await up(world);
    const findings: Finding[] = [];
    const failing: Message[] = [];
    await answeredAfter(world, "");
    const first = await lastSession(world);

    const stumbling = await world.write(ROOM, "transient:x10");
    failing.push(stumbling);
    await world.shows(ROOM, "could not get an answer", PATIENCE_MS);
    await answeredAfter(world, "");
    findings.push(
      ...rule((await lastSession(world)) === first, "I1", "a transient error lost a conversation"),
    );

    failing.push(await world.write(ROOM, "overflow"));
    await pause(2_000);
    await answeredAfter(world, "burst:once");
    findings.push(...rule((await lastSession(world)) === first, "I1", "an overflow lost a conversation"));

    process.kill(await pidOf(host.pid, "agent"), "SIGKILL");
    await answeredAfter(world, "forget:once");
    findings.push(
      ...rule((await lastSession(world)) === first, "I1", "running out of memory lost a conversation"),
    );

    process.kill(await pidOf(host.pid, "agent"), "SIGKILL");
    await answeredAfter(world, "");
    const second = await lastSession(world);
    findings.push(...rule(second !== first, "I1", "a conversation that is gone was resumed"));
    findings.push(
      ...rule(
        await world.shows(ROOM, "start afresh", 5_000),
        "I1",
        "nobody was told that a conversation was lost",
      ),
    );

    process.kill(await pidOf(host.pid, "agent"), "SIGKILL");
    await answeredAfter(world, "");
    findings.push(...rule((await lastSession(world)) === second, "I1", "the new conversation was not kept"));
    await host.stop();
    return {
      trials: 5,
      findings,
      expected: { failing, notices: new RegExp(`${AFRESH.source}|${GAVE_UP.source}`) },
    };
  });
}

/**
 * F22: a message that kills every agent it is given to, and an answer that its platform refuses. Both are
 * given up and told, the chat goes on without them, and both come when they are tried again by hand.
 */
export function poison(): Promise<Outcome> {
  const name = { fault: "F22", what: "a message that kills its agent, an answer refused; redriven" };
  return tried(name, { rooms: [ROOM], settings: CLOCKS }, async (world) => {
    const host = await up(world);
    const deadly = await world.write(ROOM, "die:x3");
    const told = await world.shows(ROOM, "could not get an answer", PATIENCE_MS);
    const times = (await world.agentJournal()).filter(
      (line) => line.what === "seen" && line.token === deadly.token,
    ).length;
    const refused = await world.write(ROOM);
    await world.fault({ account: ROOM.account, of: "send", how: "refuse", times: 1, match: refused.token });
    await world.shows(ROOM, "could not be delivered", PATIENCE_MS);
    await answeredAfter(world, "");

    const letters = await deadLetters(host);
    for (const id of letters) await redrive(host, id);
    await world.answered([deadly, refused], PATIENCE_MS);
    await host.stop();
    return {
      trials: 2,
      findings: [
        ...rule(told, "I1", "nobody was told that a message was given up"),
        ...rule(times === 3, "I2", `the message was tried ${times} times instead of 3`),
        ...rule(letters.length === 2, "I1", `there were ${letters.length} dead letters instead of 2`),
      ],
      expected: { redriven: [deadly, refused], notices: GAVE_UP },
    };
  });
}

const Letters = z.object({ letters: z.array(z.object({ id: z.string() })) });

async function deadLetters(host: HostProcess): Promise<string[]> {
  const { letters } = Letters.parse(await (await asOwner(host, "GET", "/dead")).json());
  return letters.map(({ id }) => id);
}

async function redrive(host: HostProcess, id: string): Promise<void> {
  const response = await asOwner(host, "POST", `/dead/${id}/retry`, {});
  if (!response.ok) throw new Error(`${id} could not be tried again: ${await response.text()}`);
}

async function asOwner(host: HostProcess, method: string, path: string, body?: object): Promise<Response> {
  const { url, token } = await host.ready;
  return await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
}

/** Resolves once an agent has been given it. */
async function seen(world: World, message: Message | undefined): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(50)) {
    const lines = await world.agentJournal();
    if (lines.some((line) => line.what === "seen" && line.token === message?.token)) return;
  }
  throw new Error(`no agent was given ${message?.text}`);
}

async function lastSession(world: World): Promise<string | undefined> {
  const line = (await world.agentJournal()).findLast(({ what }) => what === "answered");
  return line && "session" in line ? line.session : undefined;
}

const Attempt = z.object({ attempt: z.int() });

/** How many attempts were charged to the turn that answered it. */
function attemptsAt(world: World, { token }: Message): number | undefined {
  using db = new DatabaseSync(homePaths(world.home).database, { readOnly: true });
  const row = db
    .prepare("SELECT attempt FROM turns JOIN inbox ON inbox.turn_id = turns.id WHERE inbox.text LIKE ?")
    .get(`${token}%`);
  return Attempt.optional().parse(row)?.attempt;
}
