/** `bellhop channels`, against a host whose plugin connects accounts. */
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fakeConnectable, TOKEN } from "../src/channels/__tests__/fake-flow.ts";
import { cleanUp, commandInTerminal, run } from "./command.ts";
import { fakePlatform } from "./fake-channel.ts";
import { givenHost } from "./journey.ts";

const PROGRAM = new URL("../bin/bellhop.js", import.meta.url).pathname;

afterEach(cleanUp);

async function given() {
  return await givenHost({ connectable: fakeConnectable(), channels: [fakePlatform().channel] });
}

/** All that the home has written about itself. */
async function logs(home: string): Promise<string> {
  const folder = join(home, "logs");
  const names = await readdir(folder);
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")))).join("");
}

describe("bellhop channels", () => {
  it("lists the accounts and what can be connected", async () => {
    const { home } = await given();

    const { stdout } = await run(["channels", "list", "--home", home]);

    expect(stdout).toBe("fake: up\nfake: can be connected with: bellhop channels connect fake\n");
  });

  it("connects by answers from a pipe, draws the code, and keeps the token where nobody reads it", async () => {
    const { home, client } = await given();

    const ended = await run(["channels", "connect", "fake", "--home", home], { input: `${TOKEN}\nhome\n` });

    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("Point your phone at it.\n\n█");
    expect(ended.stdout).toContain("Well done.\nConnected: home.\nKept in .env: FAKE_TOKEN.\n");
    const file = join(home, ".env");
    expect(await readFile(file, "utf8")).toContain(`FAKE_TOKEN=${TOKEN}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(ended.stdout + JSON.stringify(await client.trust.audit(0)) + (await logs(home))).not.toContain(
      TOKEN,
    );
  });

  it("forgets an account, and asks before it does", async () => {
    const { home } = await given();
    await run(["channels", "connect", "fake", "--home", home], { input: `${TOKEN}\nhome\n` });

    const unasked = await run(["channels", "disconnect", "fake", "--home", home], { input: "" });
    const between = await readFile(join(home, ".env"), "utf8");
    const ended = await run(["channels", "disconnect", "fake", "--yes", "--home", home]);
    const again = await run(["channels", "disconnect", "fake", "--yes", "--home", home]);

    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining("say --yes") });
    expect(between).toContain("FAKE_TOKEN");
    expect(ended).toMatchObject({
      code: 0,
      stdout: "Disconnected: fake. Taken out of .env: FAKE_TOKEN.\n",
    });
    expect(await readFile(join(home, ".env"), "utf8")).not.toContain("FAKE_TOKEN");
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("Nothing of fake is kept") });
  });

  it("forgets an account by its name, alone or in its address, and asks which one where that is not clear", async () => {
    const { home } = await givenHost({
      connectable: fakeConnectable(undefined, ["FAKE_TOKEN", "FAKE_TOKEN_2", "FAKE_TOKEN_3"], ["", "work"]),
      channels: [
        fakePlatform().channel,
        fakePlatform({ account: "work" }).channel,
        fakePlatform({ account: "3" }).channel,
        fakePlatform({ name: "other", account: "3" }).channel,
      ],
    });
    const file = join(home, ".env");
    await writeFile(file, "FAKE_TOKEN=one-of-them\nFAKE_TOKEN_2=two-of-them\nFAKE_TOKEN_3=three-of-them\n");
    await chmod(file, 0o600);
    const disconnect = (account: string) => run(["channels", "disconnect", account, "--yes", "--home", home]);

    const { stdout } = await run(["channels", "list", "--home", home]);
    const unclear = await disconnect("3");
    const byName = await disconnect("work");
    const byAddress = await disconnect("fake/3");
    const unheardOf = await disconnect("fake/play");

    expect(stdout).toContain("fake/work: up\n");
    expect(unclear).toMatchObject({
      code: 1,
      stderr: "Several accounts are called 3: fake/3, other/3. Say which one.\n",
    });
    expect(byName.stdout).toBe("Disconnected: fake/work. Taken out of .env: FAKE_TOKEN_2.\n");
    expect(byAddress.stdout).toBe("Disconnected: fake/3. Taken out of .env: FAKE_TOKEN_3.\n");
    expect(unheardOf).toMatchObject({ code: 1, stderr: expect.stringContaining("no account fake/play") });
    expect(await readFile(file, "utf8")).toBe("FAKE_TOKEN=one-of-them\n");
  });

  it("says why it could not be connected", async () => {
    const { home } = await given();

    const wrong = await run(["channels", "connect", "fake", "--home", home], { input: "wrong\n" });
    const nothing = await run(["channels", "connect", "fake", "--home", home], { input: "" });
    const nobody = await run(["channels", "connect", "telegram", "--home", home]);

    expect(wrong).toMatchObject({ code: 1, stderr: "fake: that token is refused; ask for another one.\n" });
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining("no line left") });
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("these do: fake") });
  });

  it("does not show a secret while it is typed, and shows the rest", async () => {
    const { home } = await given();
    const terminal = commandInTerminal([
      process.execPath,
      PROGRAM,
      "channels",
      "connect",
      "fake",
      "--home",
      home,
    ]);

    await terminal.says("FAKE_TOKEN (not shown)");
    terminal.type(`${TOKEN}\r`);
    await terminal.says("What is it called?");
    terminal.type("home\r");
    await terminal.says("Connected: home.");

    expect((await terminal.ended).code).toBe(0);
    expect(terminal.said()).not.toContain(TOKEN);
  });
});
