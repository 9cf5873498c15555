import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RejectedError } from "@bellhop/sdk";
import { homePaths } from "../../../config.ts";
import type { Failpoint } from "../../../core/failpoint.ts";
import { GroupFolder } from "../../../core/ids.ts";
import { temporaryDirectory } from "../../__tests__/given.ts";
import { declaredSecrets, removeSecret, setSecret, withVariable } from "../edit.ts";
import { SecretName } from "../file.ts";

const WIKI = SecretName.parse("WIKI_TOKEN");
const family = GroupFolder.parse("family");
const source = new URL("../../../", import.meta.url).href;

async function given(env: string, yaml: string) {
  const paths = homePaths(await temporaryDirectory());
  await writeFile(paths.env, env);
  await writeFile(paths.secrets, yaml);
  const files = async () => ({
    env: await readFile(paths.env, "utf8"),
    yaml: await readFile(paths.secrets, "utf8"),
  });
  return { paths, files };
}

describe("setting a secret", () => {
  it("leaves everything else in both files as it was, comments included, and closes them to others", async () => {
    const { paths, files } = await given(
      "# mine\nOTHER='kept  as it is' # really\n\nexport WIKI_TOKEN=old\n",
      "# who may go where\nOTHER: { from: .env } # kept\n",
    );

    await setSecret(paths, { name: WIKI, value: "new value", bind: { host: "wiki.example", as: "bearer" } });
    await setSecret(paths, { name: WIKI, bind: { host: "git.example", as: "basic", user: "git" } });
    await setSecret(paths, { name: WIKI, bind: { host: "wiki.example", as: "bearer", methods: ["GET"] } });
    await setSecret(paths, { name: WIKI, group: family, value: "the family's" });

    const { env, yaml } = await files();
    expect(env).toMatch(/^# mine\nOTHER='kept {2}as it is' # really\n/);
    expect(parseEnv(env)).toEqual({
      OTHER: "kept  as it is",
      WIKI_TOKEN: "new value",
      WIKI_TOKEN__FAMILY: "the family's",
    });
    expect(yaml).toMatch(/^# who may go where\nOTHER: { from: \.env } # kept\n/);
    const [, wiki] = await declaredSecrets(paths);
    expect(wiki?.of(undefined)?.bind.map(({ host, methods }) => [host, methods])).toEqual([
      ["git.example", undefined],
      ["wiki.example", ["GET"]],
    ]);
    expect(wiki?.of(family)?.source).toEqual({ kind: ".env", variable: "WIKI_TOKEN__FAMILY" });
    for (const file of [paths.env, paths.secrets]) expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("that cannot be changes nothing", async () => {
    const { paths, files } = await given("A=1\n", "A: { from: .env }\n");
    const before = await files();

    const odd = setSecret(paths, { name: WIKI, value: "x", bind: { host: "*.com", as: "bearer" } });

    await expect(odd).rejects.toThrow(RejectedError);
    await expect(odd).rejects.not.toThrow(/\bx\b.*value/);
    expect(await files()).toEqual(before);
  });

  it("is undone by removing it, unless something else uses the value", async () => {
    const { paths, files } = await given("KEEP=it\n", "KEEP: { from: .env }\n");
    const before = await files();
    await setSecret(paths, { name: WIKI, value: "a value", bind: { host: "wiki.example", as: "bearer" } });
    await writeFile(paths.secrets, `${(await files()).yaml}ALSO: { from: ".env:WIKI_TOKEN" }\n`);

    await removeSecret(paths, { name: WIKI });
    expect(parseEnv((await files()).env)).toEqual({ KEEP: "it", WIKI_TOKEN: "a value" });
    await removeSecret(paths, { name: SecretName.parse("ALSO") });

    expect((await files()).env).toBe(before.env);
    await expect(removeSecret(paths, { name: WIKI })).rejects.toThrow(/There is no secret WIKI_TOKEN/);
  });

  it.each<[Failpoint, number, "old" | "new", "old" | "new"]>([
    ["keep.written", 1, "old", "old"],
    ["keep.renamed", 1, "new", "old"],
    ["keep.written", 2, "new", "old"],
    ["keep.renamed", 2, "new", "new"],
  ])(
    "killed at %s the %dth time leaves the %s .env and the %s secrets.yaml, whole (F24)",
    async (place, nth, envIs, yamlIs) => {
      const { paths, files } = await given("WIKI_TOKEN=old\n", "OTHER: { from: .env }\n");
      const before = await files();
      const program = `
        const { armFailpoints } = await import("${source}core/failpoint.ts");
        const { setSecret } = await import("${source}broker/secrets/edit.ts");
        const { homePaths } = await import("${source}config.ts");
        let left = ${nth};
        armFailpoints((place) => { if (place === "${place}" && --left === 0) process.kill(process.pid, "SIGKILL"); });
        await setSecret(homePaths(process.argv[1]), { name: "WIKI_TOKEN", value: "new value" });`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program, paths.home], {
        stdio: "inherit",
      });
      const [, signal] = await once(child, "exit");
      expect(signal).toBe("SIGKILL");

      const { env, yaml } = await files();
      expect(parseEnv(env)).toEqual({ WIKI_TOKEN: envIs === "old" ? "old" : "new value" });
      expect(yaml === before.yaml).toBe(yamlIs === "old");
      expect((await declaredSecrets(paths)).length).toBe(yamlIs === "old" ? 1 : 2);
      // What is left of it does not stand in the way of the next time.
      await setSecret(paths, { name: WIKI, value: "newer value" });
      expect(parseEnv((await files()).env)).toEqual({ WIKI_TOKEN: "newer value" });
    },
    30_000,
  );
});

describe("a variable of .env", () => {
  it("is read back as it was written, or refused, and no other one changes", () => {
    const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/);
    const value = fc.string({ minLength: 1, maxLength: 30, unit: "grapheme-ascii" });
    const text = fc
      .array(
        fc.oneof(
          fc.tuple(name, value).map(([n, v]) => `${n}=${v}`),
          fc.constantFrom("# note", "", "X='a", "b'"),
        ),
      )
      .map((lines) => lines.join("\n"));
    let written = 0;

    fc.assert(
      fc.property(text, name, value, (before, variable, wanted) => {
        try {
          const after = withVariable(before, variable, wanted);
          written += 1;
          expect(parseEnv(after)).toEqual({ ...parseEnv(before), [variable]: wanted });
        } catch (error) {
          if (!(error instanceof RejectedError)) throw error;
        }
      }),
      { numRuns: 2_000 },
    );

    expect(written).toBeGreaterThan(500);
  });
});
