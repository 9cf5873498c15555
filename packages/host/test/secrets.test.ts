import { readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { homePaths } from "../src/config.ts";
import { run } from "./command.ts";
import { givenHost } from "./journey.ts";

const VALUE = "the-value-that-nobody-sees";

describe("a secret", () => {
  it("is set while Bellhop runs; the agent has a placeholder for it, and nobody is shown the value", async () => {
    const { ask, home } = await givenHost();
    const paths = homePaths(home);
    const secrets = async (words: readonly string[], input = "") =>
      await run(["secrets", ...words, "--home", home], { input });
    expect((await secrets(["list"])).stdout).toBe("No secrets yet.\n");

    const set = await secrets(
      ["set", "WIKI_TOKEN", "--bind", "127.0.0.1:1", "--as", "header:x-key"],
      `${VALUE}\n`,
    );
    expect(set).toMatchObject({ code: 0, stderr: "" });
    await expect
      .poll(async () => (await secrets(["test", "WIKI_TOKEN"])).stdout, { timeout: 30_000 })
      .toBe(
        "WIKI_TOKEN: there is a value, from WIKI_TOKEN in .env.\nBound to: 127.0.0.1:1, as header x-key.\n",
      );

    const inside = await ask(
      "run: echo $WIKI_TOKEN; head -c 27 $SSL_CERT_FILE; head -c 11 $NODE_EXTRA_CA_CERTS; cat /etc/chromium/policies/managed/*",
    );
    expect(inside.answer).toContain("bellhop-secret-WIKI_TOKEN");
    expect(inside.answer).toContain("-----BEGIN CERTIFICATE----------BEGIN");
    expect(inside.answer).toContain("fixed_servers");

    const said = [
      set,
      await secrets(["list"]),
      await secrets(["test", "WIKI_TOKEN", "--url", "https://127.0.0.1:1/x"]),
      await secrets(["test", "WIKI_TOKEN", "--url", "https://other.example/x"]),
      await secrets(["test", "NO_SUCH"]),
      await secrets(["set", "ANTHROPIC_API_KEY"], VALUE),
    ];
    expect(said.map(({ code }) => code)).toEqual([0, 0, 1, 1, 1, 1]);
    expect(said[2]?.stderr).toBe("127.0.0.1:1 gave no answer.\n");
    expect(said[3]?.stderr).toContain("WIKI_TOKEN is not bound to GET other.example/x");
    const all = JSON.stringify([said, inside.frames]) + (await readFile(paths.log, "utf8"));
    expect(all).not.toContain(VALUE);

    const database = new DatabaseSync(paths.database, { readOnly: true });
    const rows = database.prepare("SELECT * FROM audit WHERE subject = 'secret:WIKI_TOKEN'").all();
    database.close();
    expect(rows).toMatchObject([{ actor: "the owner", detail: "GET 127.0.0.1 for the group main" }]);
    expect(JSON.stringify(rows)).not.toContain(VALUE);
  }, 120_000);

  it("is kept out of what the agent says, should it come by the value", async () => {
    const { ask, home } = await givenHost();
    await run(["secrets", "set", "WIKI_TOKEN", "--home", home], { input: VALUE });
    await expect
      .poll(async () => (await run(["secrets", "test", "WIKI_TOKEN", "--home", home])).code, {
        timeout: 30_000,
      })
      .toBe(0);

    expect((await ask(`say: it is ${VALUE}, they say`)).answer).not.toContain(VALUE);
  }, 120_000);

  it("stays as it was when secrets.yaml does not hold together, and the owner is told where (G33)", async () => {
    const { client, home } = await givenHost();
    const notices = async () => JSON.stringify((await client.chats()).map(({ id }) => id));

    await writeFile(homePaths(home).secrets, "WIKI: { form: .env }\n");

    await expect.poll(notices, { timeout: 30_000 }).toContain("web:notices");
    expect(await readFile(homePaths(home).log, "utf8")).toContain("line 1: WIKI.form");
  }, 60_000);
});
