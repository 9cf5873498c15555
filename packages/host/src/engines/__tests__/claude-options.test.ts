import { describe, expect, it } from "vitest";
import { sessionOptions } from "../claude/options.ts";

describe("what the engine's program is told", () => {
  const open = { model: "sonnet", instructions: "You are Bellhop." };
  const plugins = ["/workspace/plugins/weather"];

  it("names the folders of plugins, beside the group's own settings", () => {
    const { plugins: told, settingSources } = sessionOptions(open, false, plugins);

    expect(told).toEqual([{ type: "local", path: "/workspace/plugins/weather" }]);
    expect(settingSources).toEqual(["user", "project", "local"]);
  });

  it("names neither where one of them may have kept it from starting", () => {
    const { plugins: told, settingSources } = sessionOptions(
      { ...open, withoutSettings: true },
      false,
      plugins,
    );

    expect(told).toEqual([]);
    expect(settingSources).toEqual([]);
  });
});
