import { createServer } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createRehearsalModel } from "../src/broker/rehearsal/server.ts";
import { systemClock } from "../src/core/clock.ts";
import { givenHost } from "./journey.ts";

const Address = z.object({ port: z.int() });
const KEY = "sk-ant-a-key-that-is-refused";

/** A server that speaks the Messages API and needs no key, as many run one at home. */
async function localModel(): Promise<string> {
  const model = createRehearsalModel({ clock: systemClock });
  const port = await model.listen(0);
  onTestFinished(() => model.close());
  return `http://127.0.0.1:${port}`;
}

/** A service that takes no key of ours. */
async function refusing(): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    request.resume();
    const error = { type: "authentication_error", message: "invalid x-api-key" };
    response.writeHead(401, { "content-type": "application/json" });
    response.end(JSON.stringify({ type: "error", error }));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${Address.parse(server.address()).port}`, asked: () => asked };
}

describe("the model routes of a host", () => {
  it("answer over the next when the first refuses the key, and go on there", async () => {
    const [first, local] = [await refusing(), await localModel()];
    const name = new URL(first.url).host;
    const { ask, client } = await givenHost({
      env: { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: first.url },
      config: `models:\n  routes:\n    local: { url: "${local}" }\n  order: ["${name}", local]\n`,
    });

    const told = await ask("say: soup");
    const again = await ask("say: bread");

    expect(told.state).toBe("done");
    expect(told.answer).toContain(`The usual model (${name}) can't answer just now, so local does`);
    expect(told.answer).toContain("soup");
    expect(again.answer).toBe("bread");
    expect(first.asked()).toBe(1);
    const { model, usage } = await client.status();
    expect(model.provider).toBe(name);
    expect(model.routes).toEqual([
      { name, state: `${name} refuses our key` },
      { name: "local", state: "nothing is wrong with it" },
    ]);
    expect(usage.calls).toBeGreaterThan(1);
  });

  it("are a group's own choice", async () => {
    const [first, local] = [await refusing(), await localModel()];
    const { ask } = await givenHost({
      env: { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: first.url },
      config: `models:\n  routes:\n    local: { url: "${local}" }\ngroups:\n  main:\n    routes: [local]\n`,
    });

    expect((await ask("say: soup")).answer).toBe("soup");
    expect(first.asked()).toBe(0);
  });

  it("have one for the Claude program's login, which is never shown", async () => {
    const directory = await mkdtemp(join(tmpdir(), "bellhop-login-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, ".credentials.json");
    const login = {
      claudeAiOauth: { accessToken: "oat-0123456789abcdef", expiresAt: Date.now() + 3_600_000 },
    };
    await writeFile(file, JSON.stringify(login), { mode: 0o600 });
    const local = await localModel();
    const { ask, client } = await givenHost({
      env: { CLAUDE_CONFIG_DIR: directory },
      config: `models:\n  claudeLogin: true\n  routes:\n    local: { url: "${local}" }\n  order: [local, claude]\n`,
    });
    await ask("say: hello"); // a host that answers has read what it needs

    expect((await client.status()).model.routes.map(({ name }) => name)).toEqual(["claude", "local"]);
    expect(await readFile(file, "utf8")).toBe(JSON.stringify(login)); // it is not touched before it is used
  });
});
