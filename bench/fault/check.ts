/**
 * The checker: whether people got what they were promised, judged by the journals of the platform and
 * of the agent. The host's own tables are asked only what nobody outside can know: how a message ended.
 * The invariants are those of guarantees.md, section 2.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { homePaths } from "../../packages/host/src/config.ts";
import { leftovers } from "./leftovers.ts";
import type { PlatformLine, Shown } from "./plugin/words.ts";
import { CANARY, type Message, tokensOf, type World } from "./world.ts";

/** I5, about occurrences, is judged by the scheduler's own suite (scheduler/compare.ts). */
export const INVARIANTS = {
  I1: "every acknowledged message has one end, and its person sees it",
  I2: "every message is completed by one turn",
  I3: "nothing is shown twice, except where G14 allows it",
  I4: "each room is answered in the order in which it was written",
  I6: "no process, cgroup, mount or file of a dead host is left",
  I7: "the canary secret is nowhere but in the host",
  I8: "at least 95 % are answered, and a new host answers within 30 s",
} as const;
export type Invariant = keyof typeof INVARIANTS;

export interface Finding {
  readonly invariant: Invariant;
  readonly sentence: string;
}

export interface Verdict {
  readonly acked: number;
  /** I1. */
  readonly lost: number;
  /** I2 and I3. */
  readonly doubled: number;
  /** Shown or kept, though nobody asked for it; wrong order included. */
  readonly unexpected: number;
  /** What G14 allows to be shown twice, and was; and what may not have arrived, and says so. */
  readonly ambiguous: number;
  readonly findings: readonly Finding[];
}

export interface Expected {
  /** Messages that no answer is promised for: a notice says why. */
  readonly failing?: readonly Message[];
  /** Messages that were given up, and tried again by hand: they have two endings, and come late. */
  readonly redriven?: readonly Message[];
  /** What may be shown beside answers. Default: nothing. */
  readonly notices?: RegExp;
}

const SLOWEST_RECOVERY_MS = 30_000;
const LIVENESS = 0.95;

/** Everything there is to judge by. */
export interface Evidence {
  /** The platform's. */
  readonly journal: readonly PlatformLine[];
  /** By the id under which the platform knows the message. */
  readonly ends: ReadonlyMap<string, End>;
  /** What the host still means to send. */
  readonly owed: readonly string[];
  /** Of hosts that are gone. */
  readonly left: readonly string[];
  /** Where the canary was found. */
  readonly leaks: readonly string[];
  readonly recoveryMs: readonly number[];
}

/** Once no host runs on the world's home. */
export async function check(world: World, expected: Expected = {}): Promise<Verdict> {
  const { journal, recoveryMs, home } = world;
  const { messages: ends, open: owed } = endsOf(home);
  const evidence = {
    journal,
    ends,
    owed,
    recoveryMs,
    left: await leftOf(home),
    leaks: await canaryIn(world),
  };
  return judge(evidence, expected);
}

export function judge(evidence: Evidence, expected: Expected = {}): Verdict {
  const { failing = [], redriven = [], notices } = expected;
  const findings: Finding[] = [];
  const count = { lost: 0, doubled: 0, unexpected: 0, ambiguous: 0 };
  function found(invariant: Invariant, kind: "lost" | "doubled" | "unexpected", sentence: string): void {
    count[kind] += 1;
    findings.push({ invariant, sentence });
  }

  const acked = ackedOf(evidence.journal);
  const shown = evidence.journal.filter((line) => line.what === "shown");
  const answers = Map.groupBy(
    shown.flatMap((line) => tokensOf(line.text).map((token) => ({ token, line }))),
    ({ token }) => token,
  );
  const late = new Set(redriven.map(({ token }) => token));
  const doomed = new Set(failing.map(({ token }) => token));

  for (const { token, id } of acked) {
    const end = evidence.ends.get(id);
    if (!end) found("I1", "lost", `${token} was acknowledged and is not there`);
    else if (end.state !== "done") found("I1", "lost", `${token} has no end, it is ${end.state}`);
    else if (!answers.has(token) && !doomed.has(token)) {
      if (end.uncertain) count.ambiguous += 1;
      else found("I1", "lost", `${token} was ${end.turn} and nobody saw an answer`);
    }
    if (end && end.ends > (late.has(token) ? 2 : 1))
      found("I2", "doubled", `${end.ends} turns ended with ${token}`);
    if (end && end.rows > 1) found("I2", "doubled", `${token} was stored ${end.rows} times`);
  }
  for (const [token, lines] of answers) {
    const turns = new Set(lines.map(({ line }) => line.key.split(":")[0]));
    if (turns.size > 1) found("I3", "doubled", `${token} was answered by ${turns.size} turns`);
  }
  for (const [key, lines] of Map.groupBy(shown, (line) => line.key)) {
    const [first] = lines;
    if (lines.length === 1 || !first) continue;
    if (first.account === "twice" && lines.length === 2) count.ambiguous += 1;
    else found("I3", "doubled", `${key} was shown ${lines.length} times in ${first.account}`);
  }
  for (const { text, room } of shown) {
    if (tokensOf(text).length === 0 && !notices?.test(text))
      found("I3", "unexpected", `${room} was told, unasked: ${text.slice(0, 200)}`);
  }
  for (const line of evidence.journal) {
    if (line.what === "early") found("I3", "unexpected", `${line.key} was sent while the platform said wait`);
  }
  for (const sentence of outOfOrder(shown, late)) found("I4", "unexpected", sentence);
  for (const row of evidence.owed) found("I1", "unexpected", `in the outbox for ever: ${row}`);
  for (const one of evidence.left) found("I6", "unexpected", one);
  for (const place of evidence.leaks) found("I7", "unexpected", `the canary is in ${place}`);

  const wanted = acked.filter(({ token }) => !doomed.has(token));
  const served = wanted.filter(({ token }) => answers.has(token)).length;
  if (served < wanted.length * LIVENESS)
    found("I8", "unexpected", `only ${served} of ${wanted.length} were answered`);
  for (const ms of evidence.recoveryMs) {
    if (ms > SLOWEST_RECOVERY_MS)
      found("I8", "unexpected", `a host took ${Math.round(ms)} ms to answer again`);
  }
  return { acked: acked.length, ...count, findings };
}

/** What dead hosts left behind, half a file of somebody's included. */
async function leftOf(home: string): Promise<string[]> {
  const incoming = await readdir(join(homePaths(home).media, ".incoming")).catch(() => []); // no file ever came
  const left = Object.entries(await leftovers(home)).flatMap(([kind, all]: [string, readonly string[]]) =>
    all.map((one) => `${kind}: ${one}`),
  );
  return [...left, ...incoming.map((name) => `half a file: ${name}`)];
}

/** What the host has told the platform that it has, in the order in which it was written. */
function ackedOf(journal: readonly PlatformLine[]): { token: string; id: string }[] {
  const upto = new Map<string, number>();
  for (const line of journal) if (line.what === "acked") upto.set(line.account, line.upto);
  return journal.flatMap((line) =>
    line.what === "wrote" && line.id <= (upto.get(line.account) ?? 0)
      ? [{ token: line.text.slice(0, 7), id: `${line.account}-${line.id}` }]
      : [],
  );
}

/** Tokens of a room, by their first showing. */
function outOfOrder(shown: readonly Shown[], late: ReadonlySet<string>): string[] {
  const findings: string[] = [];
  for (const [room, lines] of Map.groupBy(shown, (line) => `${line.account}:${line.room}`)) {
    const tokens = [...new Set(lines.flatMap(({ text }) => tokensOf(text)))].filter((one) => !late.has(one));
    for (const [at, token] of tokens.entries()) {
      const before = tokens[at - 1];
      if (before !== undefined && before > token) findings.push(`${room}: ${token} came after ${before}`);
    }
  }
  return findings;
}

export interface End {
  readonly rows: number;
  readonly state: string;
  readonly turn: string | null;
  /** How many endings of turns name it. */
  readonly ends: number;
  /** The outbox says itself that it cannot know whether the answer arrived. */
  readonly uncertain: boolean;
}

const Row = z.object({
  id: z.string(),
  platform_id: z.string(),
  state: z.string(),
  turn: z.string().nullable(),
  uncertain: z.int(),
});
const TurnEnd = z.object({ data: z.string() });
const TurnData = z.object({ state: z.string(), inputs: z.array(z.string()) });
const Open = z.object({ chat_id: z.string(), state: z.string(), text: z.string() });

function endsOf(home: string): { messages: Map<string, End>; open: string[] } {
  using db = new DatabaseSync(homePaths(home).database, { readOnly: true });
  const rows = z.array(Row).parse(
    db
      .prepare(
        `SELECT inbox.id, inbox.platform_id, inbox.state, turns.state AS turn,
           EXISTS (SELECT 1 FROM outbox WHERE outbox.turn_id = inbox.turn_id AND outbox.state = 'unknown') AS uncertain
         FROM inbox LEFT JOIN turns ON turns.id = inbox.turn_id`,
      )
      .all(),
  );
  const over = z
    .array(TurnEnd)
    .parse(db.prepare("SELECT data FROM events WHERE kind = 'turn'").all())
    .map(({ data }) => TurnData.parse(JSON.parse(data)))
    .filter(({ state }) => state !== "started" && state !== "retrying");
  const ends = new Map<string, number>();
  for (const input of over.flatMap(({ inputs }) => inputs)) ends.set(input, (ends.get(input) ?? 0) + 1);
  const copies = Map.groupBy(rows, (row) => row.platform_id);
  const messages = rows.map(({ id, platform_id, state, turn, uncertain }): [string, End] => [
    platform_id,
    {
      rows: copies.get(platform_id)?.length ?? 0,
      state,
      turn,
      ends: ends.get(id) ?? 0,
      uncertain: uncertain === 1,
    },
  ]);
  const open = z
    .array(Open)
    .parse(db.prepare("SELECT chat_id, state, text FROM outbox WHERE settled_at IS NULL").all())
    .map(({ chat_id, state, text }) => `${chat_id} ${state} "${text.slice(0, 100)}"`);
  return { messages: new Map(messages), open };
}

/** Everywhere a secret may not be: what people were shown, what the agent found, logs, and the database. */
async function canaryIn(world: World): Promise<string[]> {
  const places: string[] = [];
  if (JSON.stringify(world.journal).includes(CANARY)) places.push("what was shown");
  const { home, env } = homePaths(world.home);
  const names = await readdir(home, { recursive: true, withFileTypes: true });
  for (const entry of names) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path === env) continue;
    if ((await readFile(path)).includes(CANARY)) places.push(path.slice(home.length + 1));
  }
  return places;
}
