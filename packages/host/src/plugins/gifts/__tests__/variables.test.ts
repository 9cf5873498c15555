import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GroupFolder, MAIN } from "../../../core/ids.ts";
import { fakePlugin } from "../../__tests__/fake-plugins.ts";
import { filledIn, type SecretOf, variablesOf } from "../variables.ts";

const KIDS = GroupFolder.parse("kids");
const nothing: SecretOf = () => undefined;
const described = (name: string, more: object = {}) => ({ name, description: "It is needed", ...more });

describe("the variables of a plugin", () => {
  it("are the group's own before those of all groups, and those before the default", () => {
    const plugin = fakePlugin({
      manifest: {
        name: "weather",
        version: "1.0.0",
        variables: [
          described("UNITS", { default: "metric" }),
          described("TOWN", { default: "Kiel" }),
          described("STYLE", { default: "short" }),
          described("UNSET"),
        ],
      },
      installed: {
        variables: { "*": { TOWN: "Bonn", STYLE: "long" }, kids: { STYLE: "funny", OTHER: "no" } },
      },
    });

    expect(variablesOf(plugin, KIDS, nothing)).toEqual({
      plain: { UNITS: "metric", TOWN: "Bonn", STYLE: "funny" },
      placeholders: {},
      revealed: {},
      problems: [],
    });
    expect(variablesOf(plugin, MAIN, nothing).plain).toEqual({
      UNITS: "metric",
      TOWN: "Bonn",
      STYLE: "long",
    });
  });

  it("are placeholders where they are secrets, and as they are only for groups that an owner named", () => {
    const plugin = fakePlugin({
      manifest: {
        name: "mail",
        version: "1.0.0",
        variables: [described("MAIL_PASSWORD", { secret: true, default: "never" })],
        credentials: [
          { secret: "MAIL_KEY", description: "A key", bindings: [{ host: "a.test", as: "bearer" }] },
        ],
      },
      installed: {
        variables: { "*": { MAIL_PASSWORD: "never" } },
        revealed: [{ variable: "MAIL_PASSWORD", groups: [MAIN] }],
      },
    });
    const secretOf: SecretOf = (_group, name) => ({ placeholder: `<${name}>`, value: `real ${name}` });

    const kids = variablesOf(plugin, KIDS, secretOf);
    const main = variablesOf(plugin, MAIN, secretOf);
    const without = variablesOf(plugin, MAIN, (_group, name) => ({
      placeholder: `<${name}>`,
      value: undefined,
    }));

    expect(kids).toMatchObject({
      plain: {},
      placeholders: { MAIL_PASSWORD: "<MAIL_PASSWORD>", MAIL_KEY: "<MAIL_KEY>" },
      revealed: {},
    });
    expect(main.revealed).toEqual({ MAIL_PASSWORD: "real MAIL_PASSWORD" });
    expect(without.revealed).toEqual({});
    expect(without.problems).toEqual(["the secret MAIL_PASSWORD, which is revealed, has no value just now"]);
  });

  it("are none that the sandbox lives by or that no program could have", () => {
    const plugin = fakePlugin({
      manifest: {
        name: "odd",
        version: "1.0.0",
        variables: ["LD_PRELOAD", "PATH", "ANTHROPIC_BASE_URL", "NUL"].map((name) =>
          described(name, { default: "x" }),
        ),
      },
      installed: { variables: { "*": { NUL: "a\0b" } } },
    });

    const { plain, problems } = variablesOf(plugin, MAIN, nothing);

    expect(plain).toEqual({});
    expect(problems).toHaveLength(4);
  });
});

describe("a text with variables", () => {
  it.each([
    ["https://${HOST}/v1?u=${UNITS}", { text: "https://h.test/v1?u=metric" }],
    ["${MISSING:-otherwise} ${HOST:-no}", { text: "otherwise h.test" }],
    ["${MISSING:-}", { text: "" }],
    ["$HOST {HOST} ${} ${a-b}", { text: "$HOST {HOST} ${} ${a-b}" }],
    ["${HOST} ${MISSING} ${OTHER}", { missing: "MISSING" }],
    ["${toString}", { missing: "toString" }],
  ])("%j becomes %j", (text, expected) => {
    expect(filledIn(text, { HOST: "h.test", UNITS: "metric" })).toEqual(expected);
  });

  it("takes values as they are, whatever is in them", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const between = filledIn("<${A}|${B}>", { A: a, B: b });

        expect(between).toEqual({ text: `<${a}|${b}>` });
      }),
    );
  });
});
