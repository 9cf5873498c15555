/** A plugin with a tool for agents that runs in its own process, and a command for people. */
import { identifier } from "./hook.ts";
import type { Scaffold } from "./scaffold.ts";
import { readme } from "./skill.ts";

export function toolFiles(name: string): Scaffold {
  return {
    description: "Throws dice for agents",
    manifest: {
      entry: "src/index.js",
      tools: [
        {
          name: "throw_dice",
          description: "Throws dice and says what they show.",
          input: {
            type: "object",
            properties: { dice: { type: "integer", minimum: 1, maximum: 20 } },
            required: ["dice"],
            additionalProperties: false,
          },
          effect: "read",
          taints: false,
        },
      ],
      commands: [{ name: "throw", description: "Throws dice: throw NUMBER" }],
    },
    files: {
      "src/index.js": `/** Throws dice: for agents as a tool, for people as a command. */
import { randomInt } from "node:crypto";

/** @param {number} dice */
export function throwDice(dice, random = () => randomInt(1, 7)) {
  return Array.from({ length: dice }, random);
}

/** @type {import("@bellhop/sdk").MakePlugin} */
export default function ${identifier(name)}() {
  return {
    tools: {
      // Bellhop has checked the input against the schema in package.json.
      throw_dice: ({ dice }) => \`They show \${throwDice(dice).join(", ")}.\`,
    },
    commands: {
      throw({ args: [dice = "2"], print }) {
        print(throwDice(Number(dice)).join(" "));
        return 0;
      },
    },
  };
}
`,
      "test/tool.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import makePlugin, { throwDice } from "../src/index.js";

test("each of the dice is thrown", () => {
  const shown = [3, 1, 6];

  assert.deepEqual(throwDice(3, () => shown.shift()), [3, 1, 6]);
});

test("the tool says what they show", async () => {
  const { tools } = await makePlugin();

  assert.match(tools.throw_dice({ dice: 2 }), /^They show [1-6], [1-6]\\.$/);
});

test("the command prints them", async () => {
  const { commands } = await makePlugin();
  const lines = [];

  const code = commands.throw({ args: ["4"], print: (line) => lines.push(line) });

  assert.equal(code, 0);
  assert.match(lines[0], /^[1-6]( [1-6]){3}$/);
});
`,
      "README.md": readme(
        name,
        "A tool for agents, and a command for people.",
        `
\`bellhop plugins run ${name} throw 3\` runs the command.

A tool says in package.json what it does to the world (\`effect\`), and whether its answer holds words of others
(\`taints\`): an agent that has read such words is asked about before it does more.
`,
      ),
    },
  };
}
