import { type AuthStep, ConfigError, createWire } from "@bellhop/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { connect } from "../src/auth.ts";
import { openFakeDiscord } from "./fake/discord.ts";
import { BOT } from "./fake/peer.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

async function answered(answer: string, bot = BOT, taken: readonly string[] = []): Promise<AuthStep[]> {
  const discord = await openFakeDiscord({ bot });
  const wire = createWire();
  opened.defer(discord.close);
  opened.defer(wire.close);
  const flow = connect({
    plan: { apiRoot: discord.apiRoot },
    environment: Object.fromEntries(taken.map((variable) => [variable, bot.token])),
    wire,
    signal: new AbortController().signal,
  });
  const steps: AuthStep[] = [];
  for (let next = await flow.next(); !next.done; next = await flow.next(answer)) steps.push(next.value);
  return steps;
}

describe("connecting a bot", () => {
  it("asks for its token, looks who it is, keeps it, and says how to invite it", async () => {
    const [ask, wait, done] = await answered(` ${BOT.token}\n`);

    expect(ask).toMatchObject({ step: "ask", name: "DISCORD_BOT_TOKEN", secret: true });
    expect(wait).toMatchObject({ step: "wait" });
    expect(done).toMatchObject({ account: "TheBellBot", keep: { DISCORD_BOT_TOKEN: BOT.token } });
    const words = done?.step === "done" ? done.text : "";
    expect(words).toContain(`client_id=${BOT.id}&scope=bot+applications.commands&permissions=274878024768`);
    expect(words).not.toContain("Message Content Intent");
  });

  it("says which intent is missing", async () => {
    const steps = await answered(BOT.token, { ...BOT, flags: 0 });

    expect(JSON.stringify(steps.at(-1))).toContain("switch on Message Content Intent");
  });

  it("puts a second bot beside the first", async () => {
    const steps = await answered(BOT.token, BOT, ["DISCORD_BOT_TOKEN"]);

    expect(steps.at(-1)).toMatchObject({ keep: { DISCORD_BOT_TOKEN_2: BOT.token } });
  });

  it.each([
    ["what is no token", "hello"],
    ["a token that Discord does not know", BOT.token.replace("00001", "00009")],
  ])("refuses %s, and says what to do", async (_, token) => {
    await expect(answered(token)).rejects.toThrow(ConfigError);
    await expect(answered(token)).rejects.toThrow("discord.com/developers/applications");
  });
});
