import { ConfigError, numberedVariable } from "@bellhop/sdk";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Manifest } from "../../../../packages/sdk/src/manifest.ts";
import { BOTS, planOf, WEBHOOK_SECRET } from "../settings.ts";

describe("the settings of the plugin", () => {
  it("make a bot of each token where they name none", () => {
    const { bots } = planOf({}, { TELEGRAM_BOT_TOKEN: "1:a", TELEGRAM_BOT_TOKEN_3: "3:c" });

    expect(bots.map(({ account, token }) => [account, token])).toEqual([
      ["", "1:a"],
      ["3", "3:c"],
    ]);
  });

  it("name the bots", () => {
    const environment = { TELEGRAM_BOT_TOKEN: "1:a", TELEGRAM_BOT_TOKEN_2: "2:b" };

    expect(planOf({ accounts: ["", "work"] }, environment).bots[1]).toMatchObject({
      account: "work",
      token: "2:b",
    });
  });

  it.each([
    [
      "two bots with one name",
      { accounts: ["a", "a"] },
      { TELEGRAM_BOT_TOKEN: "1:a", TELEGRAM_BOT_TOKEN_2: "2:b" },
      "the same name",
    ],
    ["plain http to another machine", { apiRoot: "http://api.example.org" }, {}, "without encryption"],
    ["a webhook without a secret", { webhook: { url: "https://a.b" } }, {}, WEBHOOK_SECRET],
    [
      "a webhook with a secret that can be guessed",
      { webhook: { url: "https://a.b" } },
      { [WEBHOOK_SECRET]: "abc" },
      WEBHOOK_SECRET,
    ],
    ["a setting that there is none", { acounts: [] }, {}, "acounts"],
  ])("refuse %s", (_, settings, environment, words) => {
    expect(() => planOf(settings, environment)).toThrow(ConfigError);
    expect(() => planOf(settings, environment)).toThrow(words);
  });

  it.each(["http://127.0.0.1:8081/", "http://localhost:8081", "http://[::1]:8081"])(
    "let %s be plain",
    (apiRoot) => {
      expect(planOf({ apiRoot }, {}).apiRoot).toBe(apiRoot.replace(/\/$/, ""));
    },
  );

  it("see no variable that the manifest does not declare", () => {
    const { bellhop, version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    const manifest = Manifest.parse({ ...bellhop, version });

    expect(manifest.environment.map(({ name }) => name)).toEqual([
      ...Array.from({ length: BOTS.most }, (_, index) => numberedVariable(BOTS.variables[0], index + 1)),
      WEBHOOK_SECRET,
    ]);
  });
});
