import { writeFile } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { homePaths } from "../../../config.ts";
import { systemClock } from "../../../core/clock.ts";
import { GroupFolder, MAIN } from "../../../core/ids.ts";
import { silentLog } from "../../../log.ts";
import { fakePlugin, fakePlugins } from "../../../plugins/__tests__/fake-plugins.ts";
import { temporaryDirectory } from "../../__tests__/given.ts";
import { bindingWords } from "../binding.ts";
import { declaredByPlugins, problemsOfSecrets } from "../of-plugins.ts";
import { openSecrets } from "../secrets.ts";

const KIDS = GroupFolder.parse("kids");
const FAMILY = GroupFolder.parse("family");

const using = (
  name: string,
  hosts: readonly string[],
  groups: "all" | string[] = "all",
  secret = "WIKI_TOKEN",
) =>
  fakePlugin({
    manifest: {
      name,
      version: "1.0.0",
      credentials: [{ secret, description: "It", bindings: hosts.map((host) => ({ host, as: "bearer" })) }],
    },
    installed: { scope: { channels: "all", groups } },
  });

async function given(yaml: string, env: string, environment: Record<string, string> = {}) {
  const paths = homePaths(await temporaryDirectory());
  await writeFile(paths.secrets, yaml);
  await writeFile(paths.env, env, { mode: 0o600 });
  const plugins = fakePlugins();
  const known: string[] = [];
  const secrets = await openSecrets({
    paths,
    environment,
    forbidden: [],
    more: (variables) => declaredByPlugins(plugins.active, variables),
    known: (_from, values) => void known.push(...values),
    clock: systemClock,
    log: silentLog,
  });
  onTestFinished(secrets.close);
  const seenBy = (group: GroupFolder) =>
    secrets.of(group).map(({ name, value, bind }) => [name, value, ...bind.map(bindingWords)]);
  return { secrets, plugins, known, seenBy };
}

describe("a secret that a plugin uses", () => {
  it("has its value in .env or the environment, goes where the plugin says, and for its groups alone", async () => {
    const { secrets, plugins, seenBy, known } = await given(
      "",
      "WIKI_TOKEN=of-the-file\nOTHER_TOKEN=other-value\n",
      {
        OTHER_TOKEN: "of-the-environment",
      },
    );
    expect(seenBy(MAIN)).toEqual([]);

    plugins.become([using("wiki", ["wiki.test"]), using("other", ["other.test"], ["kids"], "OTHER_TOKEN")]);
    await secrets.reload();

    expect(seenBy(MAIN)).toEqual([["WIKI_TOKEN", "of-the-file", "wiki.test, as bearer"]]);
    expect(seenBy(KIDS)).toEqual([
      ["OTHER_TOKEN", "of-the-environment", "other.test, as bearer"],
      ["WIKI_TOKEN", "of-the-file", "wiki.test, as bearer"],
    ]);
    expect(secrets.placeholders(MAIN)).toEqual({ WIKI_TOKEN: "bellhop-secret-WIKI_TOKEN" });
    expect(known).toEqual(expect.arrayContaining(["of-the-file", "of-the-environment"]));

    plugins.become([]);
    expect(seenBy(KIDS)).toEqual([]);
    await secrets.reload();
    expect(seenBy(KIDS)).toEqual([]);
  });

  it("is the owner's where secrets.yaml names it: its value and its groups stay, its places come on top", async () => {
    const { secrets, plugins, seenBy } = await given(
      "WIKI_TOKEN: { from: '.env:MINE', bind: [{ host: mine.test, as: bearer }], groups: { kids: off } }\n",
      "WIKI_TOKEN=of-the-plugin\nMINE=of-the-owner\n",
    );
    plugins.become([using("wiki", ["wiki.test"], ["main", "kids"])]);
    await secrets.reload();

    expect(seenBy(MAIN)).toEqual([
      ["WIKI_TOKEN", "of-the-owner", "mine.test, as bearer", "wiki.test, as bearer"],
    ]);
    expect(seenBy(FAMILY)).toEqual([["WIKI_TOKEN", "of-the-owner", "mine.test, as bearer"]]);
    expect(seenBy(KIDS)).toEqual([]);
  });

  it("may be used by two plugins, each group having the places of those in its scope", async () => {
    const { secrets, plugins, seenBy } = await given("", "WIKI_TOKEN=the-value\n");
    plugins.become([using("a", ["a.test"]), using("b", ["b.test"], ["kids"])]);
    await secrets.reload();

    expect(seenBy(MAIN)).toEqual([["WIKI_TOKEN", "the-value", "a.test, as bearer"]]);
    expect(seenBy(KIDS)).toEqual([["WIKI_TOKEN", "the-value", "a.test, as bearer", "b.test, as bearer"]]);
  });

  it("is none of the model's or the sandbox's, and goes nowhere that secrets.yaml could not name", () => {
    const model = using("a", ["a.test"], "all", "ANTHROPIC_API_KEY");
    const room = using("b", ["b.test"], "all", "NODE_OPTIONS");
    const wide = using("c", ["*.com", "c.test"]);

    expect(declaredByPlugins(() => [model, room], {})).toEqual([]);
    expect(
      declaredByPlugins(() => [wide], {}).map((one) => one.of(MAIN)?.bind.map(({ host }) => host)),
    ).toEqual([["c.test"]]);
    expect([model, room, wide].map((plugin) => problemsOfSecrets(plugin))).toEqual([
      [expect.stringContaining("is the model's")],
      [expect.stringContaining("the sandbox itself needs")],
      [expect.stringContaining("is no host")],
    ]);
  });
});
