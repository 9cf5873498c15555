import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { givenHost } from "./journey.ts";

/** The outermost process of each sandbox that this test's host has started. */
function sandboxes(): number[] {
  const list = execFileSync("ps", ["-o", "pid=,comm=", "--ppid", String(process.pid)], { encoding: "utf8" });
  return list
    .split("\n")
    .filter((line) => /bwrap|unshare|setpriv|prlimit|sh$/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

describe("a conversation whose transcript is gone", () => {
  it("starts afresh with what was said lately, and says so once", async () => {
    const { ask, host, restart, home } = await givenHost();
    await ask("say: my name is Ann");
    await restart();
    await rm(join(home, "sessions", "main", "projects"), { recursive: true });

    const { answer, state } = await ask("count:");

    expect(state).toBe("done");
    expect(answer.split("\n")).toEqual([expect.stringContaining("start afresh"), "1"]);
    expect((await ask("count:")).answer).toBe("2");
    expect((await host().status()).outbox).toMatchObject({ dead: 0, unknown: 0 });
  });
});

describe("an agent that is killed in the middle of an answer", () => {
  it("is started again, and the person gets the answer once", async () => {
    const { ask, send } = await givenHost();
    await ask("say: warm");
    const sent = await send("think: 2\nsay: survived");
    await sent.shows((event) => event.type === "turn" && event.state === "started");

    const running = sandboxes();
    expect(running).toHaveLength(1);
    for (const pid of running) process.kill(pid, "SIGKILL");
    const { answer, state, frames } = await sent.told;

    expect(state).toBe("done");
    expect(answer).toBe("survived");
    expect(frames.filter((event) => event.type === "turn").map(({ state }) => state)).toEqual([
      "started",
      "retrying",
      "done",
    ]);
  });
});

describe("a group whose settings keep its agent from starting", () => {
  it("is answered without them at the third try, and told why", async () => {
    const { ask, home } = await givenHost({ config: "defaults:\n  startSeconds: 6\n" });
    await mkdir(join(home, "groups", "main", ".claude"));
    await writeFile(
      join(home, "groups", "main", ".claude", "settings.json"),
      JSON.stringify({
        hooks: { SessionStart: [{ hooks: [{ type: "command", command: "sleep 600", timeout: 600 }] }] },
      }),
    );

    const { answer, state } = await ask("say: here");

    expect(state).toBe("done");
    expect(answer).toContain("did not start with the settings");
    expect(answer.split("\n").at(-1)).toBe("here");
  });
});

describe("a host that is stopped", () => {
  it("leaves nothing running, and goes on with what it had promised", async () => {
    const { send, host, restart, client } = await givenHost();
    const sent = await send("think: 20\nsay: late");
    await sent.shows((event) => event.type === "turn" && event.state === "started");

    await host().stop();
    expect(sandboxes()).toEqual([]);
    await restart();

    const status = await client.status();
    expect(status.turns).toMatchObject([{ attempt: 1, state: "running" }]);
    expect(await readdir(join(status.home, "run", "doors"))).toHaveLength(1);
  });
});
