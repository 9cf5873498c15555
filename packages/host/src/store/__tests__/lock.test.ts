import { ConfigError } from "@bellhop/sdk";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { fakeClock } from "../../core/testing.ts";
import { lockHome, readHost } from "../lock.ts";

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "bellhop-lock-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function givenHome() {
  const home = scratch();
  mkdirSync(join(home, "run"));
  return home;
}

/** Another process that holds the home until it is killed. */
async function givenHolder(home: string) {
  const source = `
    import { lockHome } from ${JSON.stringify(new URL("../lock.ts", import.meta.url).href)};
    const lock = await lockHome(process.argv[1], { now: () => 1 });
    lock.describe({ url: "http://127.0.0.1:7407" });
    console.log("held");
    process.stdin.resume();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", source, home], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

describe("the lock of a home", () => {
  it("names the process that holds it, and how to stop that", async () => {
    const home = givenHome();
    const holder = await givenHolder(home);

    const second = lockHome(home, fakeClock());

    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(
      `Process ${holder.pid} holds the home ${home} and serves http://127.0.0.1:7407.`,
    );
    await expect(second).rejects.toThrow(`bellhop stop --home ${home}`);
  });

  it("dies with its process, even by kill -9, and whatever host.json still says", async () => {
    const home = givenHome();
    const holder = await givenHolder(home);

    holder.kill("SIGKILL");
    await once(holder, "exit");

    expect(readHost(home)?.pid).toBe(holder.pid);
    const lock = await lockHome(home, fakeClock());
    expect(readHost(home)).toEqual({ pid: process.pid, startedAt: fakeClock().now() });
    lock.release();
  });

  it("holds within one process too, until it is released", async () => {
    const home = givenHome();
    const first = await lockHome(home, fakeClock());

    await expect(lockHome(home, fakeClock())).rejects.toThrow(`Process ${process.pid} holds the home`);
    first.release();
    first.release();

    expect(existsSync(join(home, "run", "host.json"))).toBe(false);
    const second = await lockHome(home, fakeClock());
    first.describe({ url: "http://too.late" });
    expect(readHost(home)?.url).toBeUndefined();
    second.release();
  });

  it("does not need host.json to be readable", async () => {
    const home = givenHome();
    const lock = await lockHome(home, fakeClock());
    writeFileSync(join(home, "run", "host.json"), "{ torn");

    await expect(lockHome(home, fakeClock())).rejects.toThrow("Another process holds the home");

    lock.release();
  });
});
