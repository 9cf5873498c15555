import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { planOf } from "../settings.ts";

const ONE = { SLACK_BOT_TOKEN: "xoxb-1", SLACK_APP_TOKEN: "xapp-1" };

describe("the settings of Slack", () => {
  it("make an account of each pair of tokens", () => {
    const plan = planOf(undefined, { ...ONE, SLACK_BOT_TOKEN_2: "xoxb-2", SLACK_APP_TOKEN_2: "xapp-2" });

    expect(plan.apps).toEqual([
      { account: "", botToken: "xoxb-1", appToken: "xapp-1" },
      { account: "2", botToken: "xoxb-2", appToken: "xapp-2" },
    ]);
    expect(plan.apiRoot).toBe("https://slack.com/api");
  });

  it.each([
    ["a token without the other", undefined, { SLACK_BOT_TOKEN: "xoxb-1" }, "SLACK_APP_TOKEN"],
    ["what nobody reads", { tokens: 1 }, ONE, "tokens"],
    ["tokens in the clear", { apiRoot: "http://slack.example/api" }, ONE, "allowPlainHttp"],
  ])("refuse %s, and say what to do", (_, settings, environment, hint) => {
    expect(() => planOf(settings, environment)).toThrow(ConfigError);
    expect(() => planOf(settings, environment)).toThrow(hint);
  });
});
