/** A plugin that looks at what people write before an agent does. */
import type { Scaffold } from "./scaffold.ts";
import { readme } from "./skill.ts";

export function hookFiles(name: string): Scaffold {
  return {
    description: `Tells agents more about what people write`,
    manifest: {
      entry: "src/index.js",
      hooks: ["onInbound"],
      hookTimeoutsMs: { onInbound: 1000 },
      settings: {
        type: "object",
        properties: {
          word: { type: "string", description: "What it looks for", default: "urgent" },
        },
        additionalProperties: false,
      },
    },
    files: {
      "src/index.js": `/** Notes beside a message that it is urgent, where its sender says so. */

/** @type {import("@bellhop/sdk").MakePlugin} */
export default function ${identifier(name)}({ settings, log }) {
  const { word = "urgent" } = settings;
  return {
    hooks: {
      onInbound({ id, text }) {
        if (!text.toLowerCase().includes(word.toLowerCase())) return undefined;
        log.info("a message is urgent", { id });
        return { note: "Its sender finds this urgent." };
      },
    },
  };
}
`,
      "test/hook.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import makePlugin from "../src/index.js";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function onInbound(text, settings = {}) {
  const { hooks } = makePlugin({ settings, log: quiet });
  return hooks.onInbound({ id: "1", text });
}

test("a message that is urgent gets a note", () => {
  assert.deepEqual(onInbound("URGENT: water in the kitchen"), { note: "Its sender finds this urgent." });
});

test("any other is left as it is", () => {
  assert.equal(onInbound("good morning"), undefined);
});

test("the word is a setting", () => {
  assert.notEqual(onInbound("dringend!", { word: "dringend" }), undefined);
});
`,
      "README.md": readme(
        name,
        "Looks at what people write, before an agent does.",
        "\nWhat a hook may answer is in `InboundVerdict` of `@bellhop/sdk`: another text, a note, hold it, drop it.\n",
      ),
    },
  };
}

/** A name as a program writes it. */
export function identifier(name: string): string {
  const camel = name.replaceAll(/-+([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
  return /^[a-z]/.test(camel) ? camel.replaceAll("-", "") : `plugin${camel.replaceAll("-", "")}`;
}
