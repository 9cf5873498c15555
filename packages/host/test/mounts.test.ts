import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ChatId } from "../src/core/ids.ts";
import { givenHost } from "./journey.ts";

/** A user's home with recipes in it, a secret among them, and room for an allowlist. */
async function aUser() {
  const base = await mkdtemp(join(tmpdir(), "bellhop-shared-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  await mkdir(join(base, "recipes", "soups"), { recursive: true });
  await writeFile(join(base, "recipes", "soups", "leek.txt"), "leeks and cream\n");
  await mkdir(join(base, "plans", ".ssh"), { recursive: true });
  const policies = join(base, ".config", "bellhop");
  await mkdir(policies, { recursive: true });
  return {
    base,
    env: { HOME: base, XDG_CONFIG_HOME: join(base, ".config") },
    allow: (content: string) => writeFile(join(policies, "mount-allowlist.json"), content, { mode: 0o600 }),
  };
}

const CONFIG = `groups:
  main:
    mounts:
      - { source: ~/recipes, mode: rw }
      - { source: ~/plans }
sandbox: { idleMinutes: 0 }
`;

describe("a folder of the owner's that a group is given", () => {
  it("is seen by its agent, while one that is refused is named in the status, and the group runs", async () => {
    const user = await aUser();
    await user.allow('{"roots": [{"path": "~/recipes"}, {"path": "~/plans"}]}');
    const journey = await givenHost({ config: CONFIG, env: user.env });

    const { answer } = await journey.ask(
      "run: cat /workspace/extra/recipes/soups/leek.txt; echo no > /workspace/extra/recipes/new; ls /workspace/extra",
    );

    expect(answer).toContain("leeks and cream");
    expect(answer).toMatch(/new: Read-only file system/); // the root does not say rw
    expect(answer).not.toContain("plans");
    expect((await journey.host().status()).mounts).toEqual([
      { group: "main", source: "~/recipes", target: "/workspace/extra/recipes", mode: "ro" },
      {
        group: "main",
        source: "~/plans",
        target: "/workspace/extra",
        mode: "ro",
        refused: expect.stringContaining(".ssh in it is named like a secret"),
      },
    ]);
    expect(await readFile(join(journey.home, "logs", "bellhop.log"), "utf8")).toContain(
      "a mount was refused",
    );
  });

  it("is gone from the next sandbox on when the allowlist says so, and the owner is told once", async () => {
    const user = await aUser();
    await user.allow('{"roots": [{"path": "~/recipes"}]}');
    const journey = await givenHost({ config: CONFIG, env: user.env });
    expect((await journey.ask("run: ls /workspace/extra")).answer).toContain("recipes");

    await user.allow('{"roots": [');
    await journey.restart();
    expect((await journey.ask("run: ls /workspace")).answer).not.toContain("extra");
    await journey.restart();
    await journey.ask("run: ls /workspace");

    const { events } = await journey.client.history(ChatId.parse("web:notices"), { limit: 50 });
    const told = events.filter(
      (event) => event.type === "message" && event.text.includes("mount-allowlist.json is no JSON"),
    );
    expect(told).toHaveLength(1);
    const { mounts } = await journey.host().status();
    expect(mounts.map(({ refused }) => refused)).toEqual(
      Array(2).fill(expect.stringContaining("is no JSON")),
    );
  });
});
