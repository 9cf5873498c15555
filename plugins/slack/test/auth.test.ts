import { type AuthStep, ConfigError, createWire } from "@bellhop/sdk";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, it } from "vitest";
import { APP_MANIFEST } from "../src/app-manifest.ts";
import { connect } from "../src/auth.ts";
import { APP } from "./fake/peer.ts";
import { type FakeSlack, openFakeSlack } from "./fake/slack.ts";

let opened = new AsyncDisposableStack();
afterEach(async () => {
  await opened.disposeAsync();
  opened = new AsyncDisposableStack();
});

interface Given {
  readonly answers?: readonly string[];
  readonly taken?: readonly string[];
  readonly prepare?: (slack: FakeSlack) => void;
}

async function connecting({ answers = [APP.botToken, APP.appToken], taken = [], prepare }: Given = {}) {
  const slack = await openFakeSlack({ app: APP });
  const wire = createWire();
  opened.defer(slack.close);
  opened.defer(wire.close);
  prepare?.(slack);
  const flow = connect({
    plan: { apiRoot: slack.apiRoot },
    environment: Object.fromEntries(taken.map((variable) => [variable, "taken"])),
    wire,
    signal: new AbortController().signal,
  });
  const left = [...answers];
  const steps: AuthStep[] = [];
  for (let next = await flow.next(); !next.done;) {
    steps.push(next.value);
    next = await flow.next(next.value.step === "ask" ? left.shift() : undefined);
  }
  return steps;
}

describe("connecting an app", () => {
  it("shows what to make it from, asks for both tokens, looks what they may do, and keeps them", async () => {
    const [bot, app, wait, done] = await connecting({ answers: [` ${APP.botToken}\n`, APP.appToken] });

    expect(bot).toMatchObject({ step: "ask", name: "SLACK_BOT_TOKEN", secret: true });
    expect(bot).toMatchObject({ text: expect.stringContaining(APP_MANIFEST) });
    expect(app).toMatchObject({ step: "ask", name: "SLACK_APP_TOKEN", secret: true });
    expect(wait).toMatchObject({ step: "wait" });
    expect(done).toMatchObject({
      account: "bellhop (The house)",
      keep: { SLACK_BOT_TOKEN: APP.botToken, SLACK_APP_TOKEN: APP.appToken },
    });
  });

  it("puts a second app beside the first", async () => {
    const steps = await connecting({ taken: ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"] });

    expect(steps.at(-1)).toMatchObject({
      keep: { SLACK_BOT_TOKEN_2: APP.botToken, SLACK_APP_TOKEN_2: APP.appToken },
    });
  });

  it.each<[string, Given, string]>([
    ["what is no bot token", { answers: [APP.appToken] }, "xoxb-"],
    ["what is no app token", { answers: [APP.botToken, APP.botToken] }, "xapp-"],
    ["a token that Slack does not know", { answers: ["xoxb-another-token", APP.appToken] }, "invalid_auth"],
    [
      "an app without all scopes",
      { prepare: ({ world }) => ["files:write", "commands"].forEach((one) => world.scopes.delete(one)) },
      "commands, files:write",
    ],
    [
      "an app token that opens no connection",
      { prepare: ({ world }) => world.appScopes.clear() },
      "connections:write",
    ],
  ])("refuses %s, and says what to do", async (_, given, hint) => {
    const error = await connecting(given).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(hint);
    expect(String(error)).not.toContain(APP.botToken);
  });

  it("asks for no scope that Slack takes only with a feature which the manifest lacks", () => {
    expect(APP_MANIFEST).not.toContain("assistant:write"); // refused without `assistant_view`
  });

  it("has its manifest in the docs too", async () => {
    const page = await readFile(new URL("../../../docs/slack.md", import.meta.url), "utf8");

    expect(page).toContain(APP_MANIFEST);
  });
});
