import { ConfigError, numberedVariable } from "@bellhop/sdk";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Manifest } from "../../../../packages/sdk/src/manifest.ts";
import { callbackPath, NUMBERS, planOf } from "../settings.ts";

const variables = (number: number) =>
  Object.fromEntries(NUMBERS.variables.map((name) => [numberedVariable(name, number), `${number}`]));

describe("the settings of the plugin", () => {
  it("make a number of each set of variables", () => {
    const { numbers, graphUrl, readReceipts } = planOf({}, { ...variables(1), ...variables(3) });

    expect(numbers.map(({ account }) => callbackPath(account))).toEqual([
      "/plugins/whatsapp-cloud/default",
      "/plugins/whatsapp-cloud/3",
    ]);
    expect(numbers[1]?.credentials).toEqual({ phoneNumberId: "3", token: "3", appSecret: "3" });
    expect([graphUrl, readReceipts]).toEqual(["https://graph.facebook.com/v25.0", true]);
  });

  it.each([
    ["a number without its secrets", {}, { WHATSAPP_CLOUD_TOKEN: "t" }, "WHATSAPP_CLOUD_APP_SECRET"],
    ["plain http to another machine", { graphRoot: "http://graph.example.org" }, {}, "without encryption"],
    ["an address that Meta does not post to", { publicUrl: "http://bell.example.org" }, {}, "publicUrl"],
    ["a template without its language", { template: { name: "word" } }, {}, "language"],
    ["a setting that there is none", { templates: [] }, {}, "templates"],
  ])("refuse %s", (_, settings, environment, words) => {
    expect(() => planOf(settings, environment)).toThrow(ConfigError);
    expect(() => planOf(settings, environment)).toThrow(words);
  });

  it("see no variable that the manifest does not declare", () => {
    const { bellhop, version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    const { environment } = Manifest.parse({ ...bellhop, version });

    const numbers = Array.from({ length: NUMBERS.most }, (_, index) => Object.keys(variables(index + 1)));
    expect(environment.map(({ name }) => name).toSorted()).toEqual(numbers.flat().toSorted());
  });
});
