import { describe, expect, it } from "vitest";
import { newId, SenderId, TurnId } from "../../core/ids.ts";
import { AGENT_HEADER } from "../call.ts";
import { noPrices } from "../prices.ts";
import { type Amount, NOTHING, plus } from "../../core/budget.ts";
import type { Spending } from "../../turns/broker.ts";
import { ANSWER, given, type Handler, SSE, soon } from "./given.ts";

const answers: Handler = (_request, response) => void response.writeHead(200, SSE).end(ANSWER);
/** Of `ANSWER`. */
const TOKENS = 100 + 2_000 + 300 + 100 + 50;

/** A purse that keeps the interface's word: what is reserved is settled once, and nothing more is given than it holds. */
function purse(tokens: number) {
  let [held, spent]: [Amount, Amount] = [NOTHING, NOTHING];
  const failure = { class: "budget", detail: "it is empty", words: "the purse is empty. Ask Ann." } as const;
  const spending: Spending = {
    sender: SenderId.parse("telegram:5"),
    task: undefined,
    usedUp: () => undefined,
    async reserve(estimate) {
      if (spent.tokens + held.tokens + estimate.tokens > tokens) return { may: false, failure };
      held = plus(held, estimate);
      return {
        may: true,
        settle(used) {
          held = plus(held, { micros: -estimate.micros, tokens: -estimate.tokens });
          spent = plus(spent, used);
        },
      };
    },
  };
  return { spending, held: () => held, spent: () => spent };
}

const KINDS = {
  turn: { model: "claude-sonnet-5-5", tools: [{}], messages: [{ role: "user", content: "hi" }] },
  title: {
    model: "claude-haiku-5-5",
    output_config: { format: {} },
    messages: [{ role: "user", content: "hi" }],
  },
  compaction: {
    model: "claude-sonnet-5-5",
    messages: [{ role: "user", content: "Your task is to create a detailed summary of all" }],
  },
};

describe("a turn's purse", () => {
  it("pays for every call, hidden ones too, and the rows say for whom", async () => {
    const { door, call, turn, rows } = await given(answers);
    const { spending, spent, held } = purse(1_000_000);
    door.setTurn(turn, spending);

    for (const body of Object.values(KINDS)) await (await call({ body: JSON.stringify(body) })).body();
    await (await call({ headers: { [AGENT_HEADER]: "1" } })).body();

    await soon(() => expect(rows).toHaveLength(4));
    expect(rows.map(({ kind }) => kind)).toEqual(["turn", "background", "compaction", "subagent"]);
    expect(rows.map(({ sender }) => sender)).toEqual(Array<string>(4).fill("telegram:5"));
    expect(spent().tokens).toBe(4 * TOKENS);
    expect(spent().micros).toBe(rows.reduce((sum, { costMicros }) => sum + (costMicros ?? 0), 0));
    expect(held()).toEqual({ micros: 0, tokens: 0 });
  });

  it("refuses before the call is made, says why, and names the failure", async () => {
    let asked = 0;
    const { door, call, turn, rows } = await given((...exchange) => {
      asked += 1;
      answers(...exchange);
    });
    door.setTurn(turn, purse(10).spending);

    const reply = await call();

    expect(reply.status).toBe(403);
    expect(JSON.parse(await reply.body())).toMatchObject({
      error: { message: "Bellhop: the purse is empty. Ask Ann." },
    });
    expect(door.lastFailure()).toMatchObject({ class: "budget" });
    expect([asked, rows.length]).toEqual([0, 0]);
  });

  it("gives no more than it holds to many calls at once", async () => {
    const { door, call, turn } = await given(answers);
    const { spending, spent } = purse(3 * TOKENS + 10);
    door.setTurn(turn, spending);

    const replies = await Promise.all(Array.from({ length: 20 }, () => call()));
    await Promise.all(replies.map(({ body }) => body()));

    expect(replies.filter(({ status }) => status === 403).length).toBeGreaterThan(0);
    // What it holds ready by estimate is far less than what `ANSWER` says it used: as far as that it goes over.
    await soon(() =>
      expect(spent().tokens).toBe(replies.filter(({ status }) => status === 200).length * TOKENS),
    );
  });

  it("is given back what a failed call had reserved", async () => {
    const { door, call, turn } = await given((_request, response) => void response.writeHead(500).end("{}"));
    const { spending, held, spent } = purse(1_000_000);
    door.setTurn(turn, spending);

    await (await call()).body();

    await soon(() => expect([held(), spent()]).toEqual([NOTHING, NOTHING]));
  });

  it("is asked for tokens alone where the price is unknown, and for nothing by a count of tokens", async () => {
    const { door, call, turn, rows } = await given(answers, { provider: { prices: noPrices } });
    const { spending, spent } = purse(1_000_000);
    door.setTurn(turn, spending);

    await (await call()).body();
    await (await call({ path: "/v1/messages/count_tokens" })).body();

    await soon(() => expect(rows).toMatchObject([{ costMicros: null }]));
    expect(spent()).toEqual({ micros: 0, tokens: TOKENS });
  });

  it("is another one with the next turn", async () => {
    const { door, call, turn } = await given(answers);
    door.setTurn(turn, purse(10).spending);
    door.setTurn(newId(TurnId), purse(1_000_000).spending);

    expect((await call()).status).toBe(200);
  });
});
