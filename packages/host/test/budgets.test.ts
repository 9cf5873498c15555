/** Budgets through the real host: the real engine's program, the rehearsal model, whose tokens count and cost nothing. */
import { describe, expect, it } from "vitest";
import { BudgetId } from "../src/core/budget.ts";
import { ChatId } from "../src/core/ids.ts";
import { givenHost } from "./journey.ts";

const budget = BudgetId.parse("group:main/day");
const NOTICES = ChatId.parse("web:notices");

describe("a group that has used up its day", { timeout: 120_000 }, () => {
  it("ends the turn with one clear sentence, and goes on once an owner has lifted it, also after a restart", async () => {
    const host = await givenHost({ config: "groups:\n  main:\n    budget: { day: { tokens: 12000 } }\n" });
    expect(await host.ask("say: one")).toMatchObject({ state: "done", answer: "one" });

    const refused = await host.ask("run: echo one\nrun: echo two\nrun: echo three");
    expect(refused).toMatchObject({
      state: "failed",
      answer:
        "I stopped: the group main has used up what may be spent today (12,000 tokens). An owner can allow more with: /usage lift group:main/day",
    });
    await host.restart();
    expect((await host.ask("say: two")).state).toBe("failed");

    expect(await host.client.usage.lift({ budget, tokens: 1_000_000 })).toMatchObject({ lifted: true });
    expect(await host.ask("say: three")).toMatchObject({ state: "done", answer: "three" });
    await host.restart();
    expect(await host.ask("say: four")).toMatchObject({ state: "done", answer: "four" });

    const said = (await host.client.history(NOTICES, { limit: 10 })).events.flatMap((event) =>
      event.type === "message" ? [event.text] : [],
    );
    expect(said.filter((text) => text.includes("has used all of"))).toHaveLength(1);
  });

  it("shows what was used in the chat and over the API, by whom and for what", async () => {
    const host = await givenHost();
    await host.ask("say: hello");
    await host.client.tasks.add({ chat: "web:journey", at: "+1s", prompt: "say: from a task" });
    const { shows } = await host.send("say: and more");
    await shows((event) => event.type === "turn" && event.state === "done");

    expect((await host.ask("/usage")).answer).toMatch(
      /^All groups – today: \$0, [\d,]+ tokens in \d+ calls, \d+ calls of the rehearsal model; this month: .*\ninstall\/turn: at most \$10, 50,000,000 tokens\ninstall\/day: \$0 of \$50, [\d,]+ of 250,000,000 tokens/,
    );
    const bySender = await host.client.usage.report({ by: "sender" });
    expect(bySender.rows.map(({ key }) => key)).toContain("web:owner");
    expect(bySender.budgets.map(({ id }) => id)).toEqual(["install/turn", "install/day", "install/month"]);
    expect(await host.ask("/usage lift install/day 80")).toMatchObject({
      answer: expect.stringMatching(
        /^Until the end of the period: install\/day: \$0 of \$80, .* \(lifted\)$/,
      ),
    });
    expect((await host.ask("/usage lift nothing")).answer).toContain("such as /usage lift install/day 80");
  });
});
