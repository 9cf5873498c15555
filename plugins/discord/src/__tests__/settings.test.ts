import { ConfigError, numberedVariable } from "@bellhop/sdk";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Manifest } from "../../../../packages/sdk/src/manifest.ts";
import { BOTS, planOf } from "../settings.ts";

describe("the settings of the plugin", () => {
  it("make a bot of each token where they name none", () => {
    const { bots } = planOf({}, { DISCORD_BOT_TOKEN: "a", DISCORD_BOT_TOKEN_3: "c" });

    expect(bots.map(({ account, token }) => [account, token])).toEqual([
      ["", "a"],
      ["3", "c"],
    ]);
  });

  it.each([
    ["plain http to another machine", { apiRoot: "http://api.example.org" }, "without encryption"],
    ["a setting that there is none", { acounts: [] }, "acounts"],
  ])("refuse %s", (_, settings, words) => {
    expect(() => planOf(settings, {})).toThrow(ConfigError);
    expect(() => planOf(settings, {})).toThrow(words);
  });

  it("see no variable that the manifest does not declare", () => {
    const { bellhop, version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    const manifest = Manifest.parse({ ...bellhop, version });

    expect(manifest.environment.map(({ name }) => name)).toEqual(
      Array.from({ length: BOTS.most }, (_, index) => numberedVariable(BOTS.variables[0], index + 1)),
    );
  });
});
