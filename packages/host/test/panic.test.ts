/** The emergency stop, on the real command: five sandboxes with tools that never end, and what else may be wrong. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { homePaths } from "../src/config.ts";
import { Status } from "../src/core/status.ts";
import { lives, procStat } from "../src/sandbox/proc-stat.ts";
import { cleanUp, freshHome, type Host, run, startHost } from "./command.ts";

afterEach(cleanUp);

/** What G27 allows. */
const DEAD_MS = 5_000;
const GROUPS = ["ann", "ben", "cat", "dan", "eve"];
/** The first time it never ends; when it is tried again, it does. */
const ENDLESS =
  "run: if [ -e ran ]; then echo went on; else touch ran; tail -f /dev/null & while :; do :; done; fi";
const PROGRAM = fileURLToPath(new URL("../bin/bellhop.js", import.meta.url));

interface Alive {
  readonly pid: number;
  readonly start: string;
  readonly name: string;
}

/** Everything below a process, with what tells it from a later one of the same number. */
function below(root: number): Alive[] {
  const stats = readdirSync("/proc").flatMap((entry) => {
    try {
      const text = /^\d+$/.test(entry) ? readFileSync(`/proc/${entry}/stat`, "utf8") : undefined;
      if (text === undefined) return [];
      const parent = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
      const name = text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
      return { pid: Number(entry), parent, name, start: procStat(Number(entry))?.start ?? "" };
    } catch {
      return []; // gone meanwhile
    }
  });
  const found: Alive[] = [];
  const look = [root];
  for (let next = look.pop(); next !== undefined; next = look.pop()) {
    for (const one of stats.filter(({ parent }) => parent === next)) {
      found.push(one);
      look.push(one.pid);
    }
  }
  return found;
}

const still = (all: readonly Alive[]) => all.filter(({ pid, start }) => lives(pid, start));

function api({ url, token }: Pick<Host, "url" | "token">) {
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return await response.json();
  };
  const Page = z.object({ events: z.array(z.looseObject({ type: z.string() })) });
  return {
    call,
    status: async () => Status.parse(await call("GET", "/status")),
    async said(chat: string): Promise<string[]> {
      const { events } = Page.parse(await call("GET", `/chats/${encodeURIComponent(chat)}/messages`));
      return events.flatMap((event) => (event["direction"] === "out" ? String(event["text"]) : []));
    },
  };
}

const Created = z.object({ id: z.string() });

function prepare(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(homePaths(home).config, `groups:\n${GROUPS.map((name) => `  ${name}: {}\n`).join("")}`);
}

/** Every group has a tool that runs in a loop, and a process that it left running. */
async function makeBusy(host: Host) {
  const { call, status, said } = api(host);
  const chats = await Promise.all(
    GROUPS.map(async (group) => Created.parse(await call("POST", "/chats", { group })).id),
  );
  for (const chat of chats)
    await call("POST", `/chats/${encodeURIComponent(chat)}/messages`, { text: ENDLESS, id: "1" });
  await vi.waitFor(
    () => expect(below(host.pid).filter(({ name }) => name === "tail")).toHaveLength(GROUPS.length),
    { timeout: 60_000, interval: 50 },
  );
  return { chats, call, status, said, alive: below(host.pid) };
}

/** How long until none of them is left, after `act` has begun. */
async function until(alive: readonly Alive[], act: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  const done = act();
  await vi.waitFor(() => expect(still(alive)).toEqual([]), { timeout: 30_000, interval: 5 });
  const ms = performance.now() - from;
  await done;
  return ms;
}

describe("bellhop panic", () => {
  it("ends five busy sandboxes, holds everything over a restart, and lets it go on when resumed", async () => {
    const home = freshHome();
    prepare(home);
    const host = await startHost(home);
    const { chats, alive, status, call } = await makeBusy(host);

    let panicked = "";
    const ms = await until(alive, async () => {
      panicked = (await run(["panic", "--reason", "enough", "--home", home])).stdout;
    });
    process.stdout.write(`panic to silence, five busy sandboxes: ${Math.ceil(ms)} ms\n`);

    expect(ms).toBeLessThan(DEAD_MS);
    expect(panicked).toContain("PAUSED. 5 sandboxes killed");
    await call("POST", "/chats/web%3Alater/messages", { text: "say: later", id: "2" });
    expect(await status()).toMatchObject({
      paused: { by: "bellhop panic", reason: "enough" },
      rooms: [],
      turns: GROUPS.map(() => ({ state: "waiting", attempt: 0 })),
    });
    expect((await run(["status", "--home", home])).stdout).toContain("EVERYTHING STANDS STILL");

    const asked = await run(["ask", "--home", home, "--timeout", "1", "say: hello"]);
    expect(asked.stderr).toContain("Bellhop is paused: your message is kept");

    host.process.kill("SIGTERM");
    expect((await host.ended).code).toBe(0);
    const again = await startHost(home);
    const next = api(again);
    expect(await next.status()).toMatchObject({ paused: { reason: "enough" }, rooms: [] });
    for (const chat of chats) expect(await next.said(chat)).toEqual([]);

    expect((await run(["resume", "--home", home])).stdout).toBe("Bellhop goes on.\n");
    await vi.waitFor(
      async () => {
        for (const chat of chats) expect(await next.said(chat)).toEqual([expect.stringContaining("went on")]);
        expect(await next.said("web:later")).toEqual(["later"]);
      },
      { timeout: 60_000, interval: 100 },
    );
    expect((await next.status()).paused).toBeNull();
  }, 120_000);

  it("does so while another process holds the database", async () => {
    const home = freshHome();
    prepare(home);
    const host = await startHost(home);
    const { alive, chats, said } = await makeBusy(host);
    const other = new DatabaseSync(homePaths(home).database);
    onTestFinished(() => other.close());
    other.exec("begin immediate");

    let code: number | null = null;
    const ms = await until(alive, async () => {
      ({ code } = await run(["panic", "--home", home]));
    });
    process.stdout.write(`panic to silence, database locked: ${Math.ceil(ms)} ms\n`);

    expect(ms).toBeLessThan(DEAD_MS);
    expect(code).toBe(0);
    other.exec("rollback");
    await run(["resume", "--home", home]);
    await vi.waitFor(
      async () => {
        for (const chat of chats) expect(await said(chat)).toEqual([expect.stringContaining("went on")]);
      },
      { timeout: 60_000, interval: 100 },
    );
  }, 120_000);

  it("kills a host that hangs, and its sandboxes with it", async () => {
    const home = freshHome();
    prepare(home);
    const host = await startHost(home);
    const { alive } = await makeBusy(host);
    host.process.kill("SIGSTOP");

    let said = "";
    const ms = await until(
      [...alive, { pid: host.pid, start: procStat(host.pid)?.start ?? "", name: "" }],
      async () => {
        said = (await run(["panic", "--home", home])).stdout;
      },
    );
    process.stdout.write(`panic to silence, host stopped: ${Math.ceil(ms)} ms\n`);

    expect(ms).toBeLessThan(DEAD_MS + 1_000); // 3 s of them are patience; the command starts on a busy machine
    expect(said).toContain(`Bellhop (process ${host.pid})`);
    const next = api(await startHost(home));
    expect(await next.status()).toMatchObject({ paused: { by: "bellhop panic" }, rooms: [] });
  }, 120_000);

  it.runIf(process.getuid?.() === 0)(
    "does so on a full disk",
    async () => {
      const home = freshHome();
      mkdirSync(home, { recursive: true, mode: 0o700 });
      const host = await startHost(home, {
        program: "/usr/bin/unshare",
        before: ["-m", "sh", "-c", `mount -t tmpfs -o size=96m,mode=700 none "${home}" && exec "$@"`, "sh"],
      });
      const inside = (...words: string[]) => ["-t", String(host.pid), "-m", ...words];
      execFileSync("nsenter", inside("sh", "-c", `cat > ${join(home, "config.yaml")}`), {
        input: "",
      });
      const { call } = api(host);
      await call("POST", "/chats/web%3Amain/messages", { text: ENDLESS, id: "1" });
      await vi.waitFor(() => expect(below(host.pid).filter(({ name }) => name === "tail")).toHaveLength(1), {
        timeout: 60_000,
      });
      const alive = below(host.pid);
      execFileSync("nsenter", inside("sh", "-c", `dd if=/dev/zero of=${join(home, "fill")} bs=64k || true`), {
        stdio: "ignore",
      });

      let said = "";
      const ms = await until(alive, async () => {
        said = (
          await run(inside(process.execPath, PROGRAM, "panic", "--home", home), {
            program: "/usr/bin/nsenter",
          })
        ).stdout;
      });
      process.stdout.write(`panic to silence, disk full: ${Math.ceil(ms)} ms\n`);

      expect(ms).toBeLessThan(DEAD_MS);
      expect(said).toContain("PAUSED");
      expect(
        readFileSync(join("/proc", String(host.pid), "root", homePaths(home).paused), "utf8"),
      ).toBeDefined();
    },
    120_000,
  );
});
