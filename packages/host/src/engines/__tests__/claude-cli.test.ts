import { existsSync } from "node:fs";
import { ConfigError } from "@bellhop/sdk";
import { describe, expect, it } from "vitest";
import { locateClaude } from "../claude/cli.ts";

describe("the engine's native program", () => {
  it("is where npm installed it", () => {
    expect(existsSync(locateClaude())).toBe(true);
  });

  it("is missed in one sentence that says how to get it", () => {
    const locate = () => locateClaude({ platform: "aix", arch: "ppc64" });

    expect(locate).toThrow(ConfigError);
    expect(locate).toThrow(/claude-agent-sdk-aix-ppc64 is missing.*npm install --include=optional/);
  });
});
