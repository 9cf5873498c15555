import { type AuthStep, ConfigError, createWire } from "@bellhop/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../src/auth.ts";
import { openFakeBotApi } from "./fake/bot-api.ts";
import { BOT } from "./fake/peer.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function answered(answer: string, taken: readonly string[] = []): Promise<AuthStep[]> {
  const api = await openFakeBotApi({ bots: [BOT] });
  const wire = createWire();
  opened.defer(api.close);
  opened.defer(wire.close);
  const flow = connect({
    plan: { apiRoot: api.server.url },
    environment: Object.fromEntries(taken.map((variable) => [variable, BOT.token])),
    wire,
    signal: new AbortController().signal,
  });
  const steps: AuthStep[] = [];
  for (let next = await flow.next(); !next.done; next = await flow.next(answer)) steps.push(next.value);
  return steps;
}

describe("connecting a bot", () => {
  it("asks for its token, looks who it is, and keeps it", async () => {
    const [ask, wait, done] = await answered(` ${BOT.token}\n`);

    expect(ask).toMatchObject({ step: "ask", name: "TELEGRAM_BOT_TOKEN", secret: true });
    expect(wait).toMatchObject({ step: "wait" });
    expect(done).toMatchObject({ account: "@TheBellBot", keep: { TELEGRAM_BOT_TOKEN: BOT.token } });
    expect(done?.step === "done" && done.text).toContain("/setprivacy");
  });

  it("puts a second bot beside the first", async () => {
    const steps = await answered(BOT.token, ["TELEGRAM_BOT_TOKEN"]);

    expect(steps.at(-1)).toMatchObject({ keep: { TELEGRAM_BOT_TOKEN_2: BOT.token } });
  });

  it.each([
    ["what is no token", "hello"],
    ["a token that Telegram does not know", "1234567:AAHrandom-letters-of-a-token-000009"],
  ])("refuses %s, and says what to do", async (_, token) => {
    await expect(answered(token)).rejects.toThrow(ConfigError);
    await expect(answered(token)).rejects.toThrow("@BotFather");
  });
});
