/** A plugin that is one skill: a text that agents read when they need it. */
import type { Scaffold } from "./scaffold.ts";

export function skillFiles(name: string): Scaffold {
  return {
    description: `Teaches agents ${name}`,
    manifest: { skills: [`skills/${name}`] },
    files: {
      [`skills/${name}/SKILL.md`]: `---
name: ${name}
description: Say here when an agent should read this, in the words that people use.
---

# ${name}

Say what to do, step by step. Programs of the sandbox are at hand, such as curl and jq. What they should reach on
the network stands in package.json, under \`bellhop\`: \`"egress": [{ "host": "api.example.com" }]\`.
`,
      "test/skill.test.js": `import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const about = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));

for (const skill of about.bellhop.skills) {
  test(\`\${skill} says what it is called and when it is read\`, async () => {
    const text = await readFile(new URL(\`../\${skill}/SKILL.md\`, import.meta.url), "utf8");

    const [, head = "", body = ""] = /^---\\n(.*?)\\n---\\n(.*)$/s.exec(text) ?? [];

    assert.match(head, /^name: [a-z0-9-]+$/m);
    assert.match(head, /^description: .{10,}$/m);
    assert.ok(body.trim().length > 0);
  });
}
`,
      "README.md": readme(name, "A skill for agents.", ""),
    },
  };
}

export function readme(name: string, what: string, more: string): string {
  return `# ${name}

${what}

\`\`\`sh
npm test                             # its tests; nothing has to be installed
bellhop plugins add . --link         # use it from this folder
bellhop plugins audit .              # what others will read before they add it
bellhop plugins publish .            # checks it, and says how to publish it
\`\`\`
${more}`;
}
