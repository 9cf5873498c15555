/**
 * What a call of a model will use, before anybody knows: what its budgets are asked to hold ready.
 *
 * - What goes in is known well: a quarter of the request's bytes, or, in a conversation that goes on, what the
 *   call before used and a quarter of what has been added since. More than `MOST_INPUT` is taken for pictures.
 * - What comes out is a guess: the longest answer that this door has seen, `USUAL_OUTPUT` at least, and never
 *   more than the call allows. The `max_tokens` of the engine's program is far above what it uses, so that
 *   taking it as it stands would leave budgets half unused.
 */
import { tokensIn } from "../core/tokens.ts";
import type { Call } from "./call.ts";
import { NO_TOKENS, type Tokens } from "./prices.ts";

const USUAL_OUTPUT = 2_000;
const MOST_INPUT = 200_000;
/** Models and kinds of call at one door; an agent may write any name. */
const MOST_KNOWN = 50;

export interface Estimator {
  of(call: Call, bytes: number): Tokens;
  /** What a call really used. */
  learn(call: Call, bytes: number, used: Tokens): void;
}

interface Known {
  readonly bytes: number;
  readonly input: number;
  readonly cached: boolean;
}

export function createEstimator(): Estimator {
  const known = new Map<string, Known>();
  let longest = USUAL_OUTPUT;
  const nameOf = ({ model, kind }: Call) => `${kind} ${model}`;

  return {
    of(call, bytes) {
      const output = Math.min(longest, call.maxTokens ?? longest);
      const before = known.get(nameOf(call));
      if (!before || bytes < before.bytes) {
        const input = Math.min(MOST_INPUT, tokensIn(bytes));
        return { ...NO_TOKENS, input, output };
      }
      const added = Math.min(MOST_INPUT, tokensIn(bytes - before.bytes));
      return before.cached
        ? { ...NO_TOKENS, cacheRead: before.input, cacheWrite: added, output }
        : { ...NO_TOKENS, input: before.input + added, output };
    },
    learn(call, bytes, used) {
      const { input, output, cacheRead, cacheWrite, cacheWriteHour } = used;
      longest = Math.max(longest, output);
      const all = input + cacheRead + cacheWrite + cacheWriteHour;
      if (all === 0) return; // it failed
      const name = nameOf(call);
      if (known.size >= MOST_KNOWN && !known.has(name)) known.clear();
      known.set(name, { bytes, input: all, cached: all > input });
    },
  };
}

export function totalOf({ input, output, cacheRead, cacheWrite, cacheWriteHour }: Tokens): number {
  return input + output + cacheRead + cacheWrite + cacheWriteHour;
}
