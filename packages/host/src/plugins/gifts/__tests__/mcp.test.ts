import { describe, expect, it } from "vitest";
import { fits } from "../../../core/egress-rule.ts";
import { fakePlugin } from "../../__tests__/fake-plugins.ts";
import { serversOf } from "../mcp.ts";
import { rulesOf } from "../rules.ts";

const VARIABLES = {
  plain: { HOST: "api.test", UNITS: "metric" },
  placeholders: { KEY: "bellhop-secret-KEY" },
  revealed: { KEY: "the key itself" },
};
const ROOT = "/workspace/plugins/weather";

const manifestWith = (mcpServers: object) =>
  fakePlugin({ manifest: { name: "weather", version: "1.0.0", mcpServers: mcpServers as never } }).manifest;
const serversWith = (mcpServers: object) => serversOf(manifestWith(mcpServers), VARIABLES, ROOT);

describe("an MCP server of a plugin", () => {
  it("in the sandbox has its values in its words and its environment, revealed secrets too", () => {
    const { servers, rules } = serversWith({
      sky: {
        type: "stdio",
        command: "${CLAUDE_PLUGIN_ROOT}/skills/sky/run",
        args: ["--units", "${UNITS}"],
        env: { A_KEY: "${KEY}", NAME: "plain" },
      },
    });

    expect(servers).toEqual({
      sky: {
        type: "stdio",
        command: "/workspace/plugins/weather/skills/sky/run",
        args: ["--units", "metric"],
        env: { A_KEY: "the key itself", NAME: "plain" },
      },
    });
    expect(rules).toEqual([]);
  });

  it("elsewhere is told placeholders alone, and may be called at its address and nowhere else", () => {
    const { servers, rules } = serversWith({
      far: { type: "http", url: "https://${HOST}:8443/mcp", headers: { "X-Key": "${KEY}" } },
    });
    const [rule] = rules;
    if (!rule) throw new Error("there is no rule");
    const asked = { host: "api.test", port: 8443, method: "POST", path: "/mcp" };

    expect(servers).toEqual({
      far: { type: "http", url: "https://api.test:8443/mcp", headers: { "X-Key": "bellhop-secret-KEY" } },
    });
    expect(rule.write).toBe(true);
    expect(fits(rule, asked)).toBe(true);
    expect(fits(rule, { ...asked, path: "/other" })).toBe(false);
    expect(fits(rule, { ...asked, method: "PUT" })).toBe(false);
    expect(fits(rule, { ...asked, port: 443 })).toBe(false);
  });

  it("of the old kind may be written to wherever its host says", () => {
    const { rules } = serversWith({ old: { type: "sse", url: "http://${HOST}/sse" } });

    expect(
      rules.map((rule) => fits(rule, { host: "api.test", port: 80, method: "POST", path: "/messages" })),
    ).toEqual([true]);
  });

  it.each([
    ["a value that is missing", { type: "http", url: "https://${NOWHERE}/mcp" }, /NOWHERE has no value/],
    ["an address that is none", { type: "http", url: "api.test/mcp" }, /none that can be called/],
    [
      "an address with a password",
      { type: "http", url: "https://a:b@api.test/mcp" },
      /none that can be called/,
    ],
    ["an address of another kind", { type: "sse", url: "file:///etc/passwd" }, /none that can be called/],
  ])("with %s is left out, and the others are not", (_what, broken, why) => {
    const { servers, problems } = serversWith({ broken, sky: { type: "stdio", command: "sky" } });

    expect(Object.keys(servers)).toEqual(["sky"]);
    expect(problems).toEqual([expect.stringMatching(why)]);
  });
});

describe("the rules of a plugin", () => {
  it("allow, and what is no rule or denies is left out and told of", () => {
    const egress = [
      { host: "api.test", methods: ["get"] },
      { host: "a b" },
      { host: "api.test", action: "deny" },
      { host: "*" },
      { host: "other.test", ports: 1 },
    ];
    const { manifest } = fakePlugin({ manifest: { name: "weather", version: "1.0.0", egress } });

    const { rules, problems } = rulesOf(manifest);

    expect(rules).toEqual([{ host: "api.test", methods: ["GET"], action: "allow", write: false }]);
    expect(problems).toHaveLength(4);
    expect(problems[1]).toMatch(/its 3\. rule of egress is left out: .*denies/);
  });
});
