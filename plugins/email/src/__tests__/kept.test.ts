import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@bellhop/sdk";
import { describe, expect, it, onTestFinished } from "vitest";
import { forgetOthers, openKept } from "../kept.ts";

function given() {
  const folder = mkdtempSync(join(tmpdir(), "bellhop-kept-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const logged: string[] = [];
  const note = (text: string) => void logged.push(text);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const open = (token = "from .env", number = 1) => openKept(folder, { number, given: token, log });
  return { folder, logged, open, file: join(folder, "sign-in-1.json") };
}

describe("the newest refresh token", () => {
  it("is the one of .env until a newer one is kept, in a file for its owner alone", async () => {
    const { open, file } = given();
    expect(open().newest()).toBe("from .env");

    await open().keep("second");
    await open().keep("third");

    expect(open().newest()).toBe("third");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toContain("from .env");
  });

  it("is the one of .env again once the account was connected anew", async () => {
    const { open } = given();
    await open().keep("second");

    expect(open("another").newest()).toBe("another");
    await open("another").keep("next of that");
    expect(open("another").newest()).toBe("next of that");
  });

  it("is not lost to a write that was cut off", async () => {
    const { open, file, folder } = given();
    await open().keep("second");
    writeFileSync(`${file}.new`, '{"from":', { mode: 0o644 });

    expect(open().newest()).toBe("second");
    await open().keep("third");
    expect(open().newest()).toBe("third");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["sign-in-1.json"]);
  });

  it("is the one of .env where the file is broken, which is said", () => {
    const { open, file, logged } = given();
    writeFileSync(file, '{"from": 1');

    expect(open().newest()).toBe("from .env");
    expect(logged).toEqual([expect.stringContaining("cannot be read")]);
  });

  it("is forgotten with its account", async () => {
    const { open, folder } = given();
    await open("a", 1).keep("x");
    await open("b", 2).keep("y");
    writeFileSync(join(folder, "threads-default.db"), "");

    forgetOthers(folder, [2]);

    expect(readdirSync(folder).toSorted()).toEqual(["sign-in-2.json", "threads-default.db"]);
  });
});
