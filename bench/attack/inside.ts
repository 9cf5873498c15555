/** The attempts that are made inside the sandbox, in one go: what attacker.mjs tries, and what came of it. */
import { z } from "zod";
import { HOLDERS } from "./canaries.ts";
import type { House } from "./house.ts";
import { CLASSES, type Outcome } from "./row.ts";

const Tried = z.object({ name: z.string(), leak: z.string().nullable() });
const PATIENCE_MS = 180_000;

/** @param names only these attempts; without, all of them */
export async function tryInside(house: House, names?: readonly string[]): Promise<Outcome[]> {
  const { home, base, pid: hostPid, loopbackPort, canaries } = house;
  const backwards = Object.fromEntries(
    HOLDERS.map((holder) => [holder, canaries[holder].split("").toReversed().join("")]),
  );
  const known = JSON.stringify({ home, base, hostPid, loopbackPort, backwards });
  const wanted = names === undefined ? "all" : names.join(",");
  const answer = await house.say("ours", `run: node /workspace/group/attacker.mjs '${wanted}' '${known}'`, {
    patienceMs: PATIENCE_MS,
  });
  const lines = answer.split("\n").filter((line) => line.startsWith("{"));
  const tried = lines.map((line) => Tried.parse(JSON.parse(line)));
  if (tried.length === 0) throw new Error(`the attacker did not work: ${answer.slice(0, 2_000)}`);
  return tried.map(({ name, leak }) => {
    const [kind = "", tries = ""] = name.split(/\.(.*)/s);
    const found = CLASSES.find((one) => one === kind);
    if (!found) throw new Error(`an attempt of no class: ${name}`);
    return { class: found, tries, runtime: house.runtime, leak: leak ?? undefined, tookMs: 0 };
  });
}
