import { describe, expect, it } from "vitest";
import { nextNumber, numberedAccounts, numberedName, safeRoot } from "../accounts.ts";
import { ConfigError } from "../errors.ts";

const SLACK = { platform: "Slack", variables: ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"], most: 3 } as const;
const ONE = { SLACK_BOT_TOKEN: "b", SLACK_APP_TOKEN: "a" };
const TWO = { SLACK_BOT_TOKEN_2: "b2", SLACK_APP_TOKEN_2: "a2" };

describe("accounts by numbered variables", () => {
  it("are named by their number, the first by nothing", () => {
    expect(numberedAccounts({ ...SLACK, environment: { ...ONE, ...TWO } })).toEqual([
      { account: "", number: 1, values: ONE },
      { account: "2", number: 2, values: { SLACK_BOT_TOKEN: "b2", SLACK_APP_TOKEN: "a2" } },
    ]);
    expect(numberedAccounts({ ...SLACK, environment: {} })).toEqual([]);
  });

  it("are named by their owner", () => {
    const named = numberedAccounts({ ...SLACK, names: ["work"], environment: { ...ONE, ...TWO } });

    expect(named.map(({ account }) => account)).toEqual(["work", "2"]);
  });

  it("may have a name before they are connected, and after", () => {
    const named = numberedAccounts({ ...SLACK, names: ["work", "home"], environment: ONE });

    expect(named.map(({ account }) => account)).toEqual(["work"]);
  });

  it("are called so by their number alone, linked or not", () => {
    expect([1, 2].map((number) => numberedName(number))).toEqual(["", "2"]);
    expect([1, 2, 3].map((number) => numberedName(number, ["home", ""]))).toEqual(["home", "", "3"]);
  });

  it.each([
    ["the second variable is missing", undefined, { SLACK_BOT_TOKEN: "b" }, /lacks SLACK_APP_TOKEN:/],
    ["two have the same name", ["2"], { ...ONE, ...TWO }, /same name/],
  ])("are refused where %s", (_, names, environment, says) => {
    expect(() => numberedAccounts({ ...SLACK, names, environment })).toThrow(says);
  });

  it("say which may be connected next", () => {
    expect(nextNumber({ ...SLACK, environment: ONE })).toBe(2);
    expect(nextNumber({ ...SLACK, environment: TWO })).toBe(1);
    expect(() => nextNumber({ ...SLACK, most: 1, environment: ONE })).toThrow(ConfigError);
  });
});

describe("the address of a server", () => {
  it("is refused where secrets would be read on the way", () => {
    const who = "The Bot API";
    expect(safeRoot("https://api.example.org/", { who, allowPlain: false })).toBe("https://api.example.org");
    expect(safeRoot("http://127.0.0.1:8081", { who, allowPlain: false })).toBe("http://127.0.0.1:8081");
    expect(safeRoot("ws://10.0.0.2/", { who, allowPlain: true })).toBe("ws://10.0.0.2");
    expect(() => safeRoot("http://10.0.0.2", { who, allowPlain: false })).toThrow(/without encryption/);
  });
});
