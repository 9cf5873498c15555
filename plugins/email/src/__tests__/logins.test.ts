import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@bellhop/sdk";
import { expect, it, onTestFinished } from "vitest";
import { openLogins } from "../logins.ts";

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();

it("nothing is left of a sign-in whose account was disconnected, or has a password by now", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bellhop-logins-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const file of ["sign-in-1.json", "sign-in-2.json", "threads-default.db"])
    writeFileSync(join(folder, file), "");
  const first = { number: 1, credentials: { how: "password", password: "p" } } as const;

  const loginOf = await openLogins([first], { folder, now: Date.now, log, signal });

  expect(readdirSync(folder)).toEqual(["threads-default.db"]);
  expect(await loginOf(first).with(async (proof) => proof, signal)).toEqual({ pass: "p" });
});
