/**
 * What a task does before its model is asked, or instead: its gate, or its script.
 *
 * - A gate says by JSON on its last line whether the model is woken, and what it is told:
 *   `{"wake": true, "context": …}`. What it said is kept under the turn's fence, so a later attempt goes
 *   by it and does not ask again: a gate may have marked as seen what it saw.
 * - A script is the whole task: what it prints is the answer.
 */
import { BellhopError, StaleError } from "@bellhop/sdk";
import { z } from "zod";
import { filterOutbound } from "../core/outbound-filter.ts";
import type { KnownSecrets } from "../core/known-secrets.ts";
import { jsonText } from "../core/json-text.ts";
import type { Claim } from "../store/claims.ts";
import { type ClaimedTask, keepGateWord, type RunEnd } from "../store/occurrences.ts";
import type { Turns } from "../store/turns.ts";
import type { EngineFailure } from "./engine.ts";
import { UnreadyError } from "./sandbox.ts";
import type { ScriptEnd, Scripts } from "./scripts.ts";

export interface TaskRunParts {
  readonly scripts: Pick<Scripts, "run">;
  readonly turns: Pick<Turns, "perform">;
  readonly secrets: KnownSecrets;
}

/** What is to be done next. */
export type Before =
  /** The model is asked; `told` is what it hears of the gate. */
  | { readonly next: "ask"; readonly told: string | undefined }
  /** The run is over, and this is what it says. */
  | { readonly next: "over"; readonly answer: string; readonly run: RunEnd }
  | { readonly next: "failed"; readonly failure: EngineFailure }
  /** The turn is to end at once. */
  | { readonly next: "end" };

const GateWord = z.object({ wake: z.boolean(), context: z.json().optional() });
const WrittenGateWord = jsonText(GateWord);
type GateWord = z.infer<typeof GateWord>;

const GATE_MS = 60_000;
/** What fits into a prompt beside everything else. */
const CONTEXT_LENGTH = 20_000;
const ANSWER_LENGTH = 100_000;
const ASLEEP = "Its gate saw nothing to do.";

export function createTaskRun({ scripts, turns, secrets }: TaskRunParts) {
  async function execute(
    { chat, session }: Claim,
    task: ClaimedTask,
    { command, timeoutMs }: { command: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<ScriptEnd> {
    const env = {
      BELLHOP_TASK: task.id,
      BELLHOP_SCHEDULED_FOR: new Date(task.scheduledFor).toISOString(),
    };
    try {
      return await scripts.run({ session, group: chat.folder, command, env, timeoutMs }, signal);
    } catch (error) {
      if (!(error instanceof BellhopError) || error instanceof StaleError || error instanceof UnreadyError)
        throw error;
      return { how: "failed", why: `no sandbox could be opened (${error.message})` };
    }
  }

  async function ask(claim: Claim, task: ClaimedTask, gate: string, signal: AbortSignal): Promise<Before> {
    const ended = await execute(claim, task, { command: gate, timeoutMs: GATE_MS }, signal);
    if (ended.how === "aborted") return { next: "end" };
    const word = ended.how === "exited" && ended.code === 0 ? readWord(ended.stdout) : whyNot(ended);
    if (typeof word === "string") return gateFailed(task, word);
    const said = JSON.stringify(word);
    await turns.perform(claim, (trx) => keepGateWord(trx, task.occurrence, said));
    return follow(word);
  }

  function gateFailed(task: ClaimedTask, why: string): Before {
    if (task.gateFailure === "wake") return { next: "ask", told: `It failed: ${why}` };
    return failed(`its gate failed: ${why}`);
  }

  /** What it printed may be told in the chat, so it passes the filter like everything else. */
  function failed(why: string): Before {
    return { next: "failed", failure: { class: "script", detail: filterOutbound(why, secrets) } };
  }

  async function runScript(
    claim: Claim,
    task: ClaimedTask,
    script: { command: string; timeoutMs: number },
    signal: AbortSignal,
  ): Promise<Before> {
    const ended = await execute(claim, task, script, signal);
    if (ended.how === "aborted") return { next: "end" };
    if (ended.how === "failed" || ended.code !== 0) return failed(`its script failed: ${whyNot(ended)}`);
    const answer = filterOutbound(ended.stdout, secrets).trim();
    if (answer.length > ANSWER_LENGTH)
      return failed(`its script printed more than ${ANSWER_LENGTH} characters`);
    return { next: "over", answer, run: { state: "succeeded", result: answer } };
  }

  return {
    /** @param timeoutMs what a script may take */
    async before(claim: Claim, task: ClaimedTask, timeoutMs: number, signal: AbortSignal): Promise<Before> {
      const { script, gate, gateSaid } = task;
      try {
        if (script !== null) return await runScript(claim, task, { command: script, timeoutMs }, signal);
        if (gateSaid !== null) return follow(WrittenGateWord.parse(gateSaid));
        return gate === null ? { next: "ask", told: undefined } : await ask(claim, task, gate, signal);
      } catch (error) {
        // No fault of the task's: it waits, whatever it wants done about its own failures.
        if (!(error instanceof UnreadyError)) throw error;
        return { next: "failed", failure: { class: "unready", detail: error.message } };
      }
    },
  };
}

function follow({ wake, context }: GateWord): Before {
  if (!wake) return { next: "over", answer: "", run: { state: "skipped", reason: ASLEEP } };
  if (context === undefined) return { next: "ask", told: undefined };
  const told = typeof context === "string" ? context : JSON.stringify(context);
  return { next: "ask", told: told.slice(0, CONTEXT_LENGTH).toWellFormed() };
}

/** What the gate said, or why that says nothing. Scripts print what they do; the last line counts. */
function readWord(stdout: string): GateWord | string {
  const last = stdout.trim().split("\n").at(-1) ?? "";
  for (const text of [stdout, last]) {
    const parsed = WrittenGateWord.safeParse(text);
    if (parsed.success) return parsed.data;
  }
  return `it did not print {"wake": true} or {"wake": false}, but ${last === "" ? "nothing" : JSON.stringify(last.slice(0, 200))}`;
}

function whyNot(ended: Exclude<ScriptEnd, { how: "aborted" }>): string {
  if (ended.how === "failed") return ended.why;
  const last = ended.stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  return `it ended with code ${ended.code}${last === "" ? "" : `: ${last}`}`;
}
