/**
 * Overhead: how many tokens the first call of a fresh conversation sends in, beside what the person wrote: the
 * system prompt, the tools and what the engine's program adds by itself. As the broker meters it, which with the
 * rehearsal model is its estimate (four characters a token). docs/decisions/overhead-of-a-turn.md says what it is.
 */
import { ChatId } from "../packages/host/src/core/ids.ts";
import { createApi } from "./api.ts";
import { startHost, temporaryHome } from "./host.ts";

export interface OverheadReport {
  /** Of the call that answers; those beside it, such as a title's, are not in it. */
  readonly tokens: number;
}

const QUESTION = "say: hi";

export async function measureOverhead(nodeFlags: readonly string[]): Promise<OverheadReport> {
  await using home = await temporaryHome();
  const host = startHost(home.path, nodeFlags);
  const api = createApi(await host.ready);
  try {
    const chat = ChatId.parse("web:overhead");
    const { event } = await api.post(chat, { text: QUESTION, id: "1" });
    for await (const { event: seen } of api.events({ after: event, signal: AbortSignal.timeout(60_000) }))
      if (seen.type === "turn" && seen.state === "done") break;
    const { rows } = await api.usage("kind");
    const turn = rows.find(({ key }) => key === "turn");
    if (turn?.calls !== 1) throw new Error(`the answer took ${turn?.calls ?? 0} calls of the model, not one`);
    const { inputTokens, cacheReadTokens, cacheWriteTokens } = turn;
    return { tokens: inputTokens + cacheReadTokens + cacheWriteTokens };
  } finally {
    api.close();
    await host.stop();
  }
}
