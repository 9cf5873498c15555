import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createKnownSecrets } from "../core/known-secrets.ts";
import { openLog } from "../log.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-log-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const given = () => join(scratch(), "bellhop.log");
const lines = (file: string): unknown[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("the log", () => {
  it("writes one JSON object a line, with the cause of an error, for its owner alone", () => {
    const file = given();
    const { log, close } = openLog({ file, level: "info", secrets: createKnownSecrets() });

    log.with({ turn: "t1" }).warn({ err: new Error("outer", { cause: new Error("inner") }) }, "it failed");
    log.debug("not at this level");
    close();

    expect(lines(file)).toEqual([
      expect.objectContaining({
        level: "warn",
        turn: "t1",
        msg: "it failed",
        err: expect.objectContaining({
          message: "outer",
          cause: expect.objectContaining({ message: "inner" }),
        }),
      }),
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("holds no secret, wherever it came from", () => {
    const file = given();
    const secrets = ["sk-ant-canary-1", 'quote"in-it-long'];
    const { log, close } = openLog({
      file,
      level: "debug",
      secrets: createKnownSecrets(secrets.map((value) => ({ name: "A_KEY", value }))),
    });

    log.info(
      { headers: { "x-api-key": secrets[0] }, err: new Error(`refused ${secrets[1]}`) },
      `sent ${secrets[0]}`,
    );
    close();

    const text = readFileSync(file, "utf8");
    expect(text).not.toMatch(/canary|in-it-long/);
    expect(text.match(/\[hidden\]/g)?.length).toBeGreaterThanOrEqual(3);
    expect(lines(file)).toHaveLength(1);
  });

  it("sets a full file aside and keeps only as many as it was told", () => {
    const file = given();
    const { log, close } = openLog({
      file,
      level: "info",
      secrets: createKnownSecrets(),
      maxBytes: 1_000,
      keep: 2,
    });

    for (let i = 0; i < 100; i++) log.info({ i }, "x".repeat(100));
    close();

    const directory = join(file, "..");
    expect(readdirSync(directory).sort()).toEqual(["bellhop.log", "bellhop.log.1", "bellhop.log.2"]);
    for (const name of readdirSync(directory))
      expect(statSync(join(directory, name)).size).toBeLessThan(1_300);
    expect(lines(file).at(-1)).toMatchObject({ i: 99 });
  });

  it("throws at nobody, neither on a full disk nor after the end", () => {
    const { log, close } = openLog({ file: "/dev/full", level: "info", secrets: createKnownSecrets() });

    expect(() => log.info("refused by the disk")).not.toThrow();
    close();
    expect(() => log.info("after the end")).not.toThrow();
  });
});
