/** SIGTERM, on the real command (G26): what is under way ends, nothing new is taken, nothing is lost or charged. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { homePaths } from "../src/config.ts";
import { Status } from "../src/core/status.ts";
import { cleanUp, freshHome, type Host, startHost } from "./command.ts";

afterEach(cleanUp);

async function given({ drainSeconds }: { drainSeconds: number }) {
  const home = freshHome();
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(homePaths(home).config, `limits:\n  drainSeconds: ${drainSeconds}\n`);
  const host = await startHost(home);
  const { send, status } = api(host);
  return { home, host, send, status };
}

function api({ url, token }: Pick<Host, "url" | "token">) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return {
    send: (text: string, chat = "web:main") =>
      fetch(`${url}/api/v1/chats/${encodeURIComponent(chat)}/messages`, {
        method: "POST",
        headers,
        body: JSON.stringify({ text }),
      }),
    status: async () => Status.parse(await (await fetch(`${url}/api/v1/status`, { headers })).json()),
  };
}

const Turn = z.object({ state: z.string(), attempt: z.int(), lost: z.int() });

/** What a home holds while no host has it. */
function leftIn(home: string) {
  const { database } = homePaths(home);
  using db = new DatabaseSync(database, { readOnly: true });
  return {
    turns: z.array(Turn).parse(db.prepare("select state, attempt, lost from turns").all()),
    said: db
      .prepare("select text from outbox where state = 'sent'")
      .all()
      .map(({ text }) => text),
    journal: existsSync(`${database}-wal`) ? statSync(`${database}-wal`).size : 0,
  };
}

const running = (status: () => Promise<Status>) =>
  vi.waitFor(async () => expect((await status()).rooms).toMatchObject([{ state: "busy" }]), {
    timeout: 20_000,
  });

describe("SIGTERM", () => {
  it("lets the answer under way end, takes nothing new, and leaves no journal behind", async () => {
    const { home, host, send, status } = await given({ drainSeconds: 30 });
    await send("think: 5\nsay: finished");
    await running(status);

    host.process.kill("SIGTERM");
    await expect.poll(async () => (await status()).draining).toBe(true);
    const late = await send("say: too late", "web:other");
    const { code } = await host.ended;

    expect(late.status).toBe(503);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(code).toBe(0);
    expect(leftIn(home)).toEqual({
      turns: [{ state: "done", attempt: 1, lost: 0 }],
      said: ["finished"],
      journal: 0,
    });
  }, 60_000);

  it("gives back uncharged what takes too long, and the next host goes on with it", async () => {
    const { home, host, send, status } = await given({ drainSeconds: 1 });
    await send("run: if [ -e ran ]; then echo went on; else touch ran; sleep 600; fi");
    await running(status);
    await vi.waitFor(() => expect(existsSync(`${homePaths(home).groups}/main/ran`)).toBe(true), {
      timeout: 20_000,
    });

    host.process.kill("SIGTERM");
    expect((await host.ended).code).toBe(0);

    expect(leftIn(home).turns).toEqual([{ state: "waiting", attempt: 0, lost: 0 }]);
    const next = await startHost(home);
    await vi.waitFor(async () => expect((await api(next).status()).turns).toEqual([]), { timeout: 20_000 });
    next.process.kill("SIGTERM");
    await next.ended;
    expect(leftIn(home)).toMatchObject({
      turns: [{ state: "done", attempt: 1, lost: 0 }],
      said: [expect.stringContaining("went on")],
    });
  }, 90_000);

  it("ends within 75 s while another process holds the database, and nothing is lost", async () => {
    const { home, host, send, status } = await given({ drainSeconds: 1 });
    await send("think: 600\nsay: never");
    await running(status);
    const other = new DatabaseSync(homePaths(home).database);
    onTestFinished(() => other.close());
    other.exec("begin immediate");

    const from = performance.now();
    host.process.kill("SIGTERM");
    const { code } = await host.ended;
    const ms = performance.now() - from;
    process.stdout.write(`SIGTERM to exit, database locked: ${Math.ceil(ms)} ms\n`);
    other.exec("rollback");

    expect(code).toBe(0);
    expect(ms).toBeLessThan(75_000);
    expect(leftIn(home).turns).toEqual([{ state: "running", attempt: 1, lost: 0 }]);
    const again = (await startHost(home)).url;
    expect(again).toContain("http");
  }, 120_000);

  it("the second ends it now", async () => {
    const { home, host, send, status } = await given({ drainSeconds: 60 });
    await send("think: 600\nsay: never");
    await running(status);

    host.process.kill("SIGTERM");
    await expect.poll(async () => (await status()).draining).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 600)); // two in one moment are one wish
    const from = performance.now();
    host.process.kill("SIGTERM");
    const { code } = await host.ended;

    expect(performance.now() - from).toBeLessThan(10_000);
    expect(code).toBe(128 + 15);
    expect(leftIn(home).turns).toEqual([{ state: "waiting", attempt: 0, lost: 0 }]);
  }, 60_000);
});
