import { TemporaryError } from "@bellhop/sdk";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { takesOurKey } from "../check.ts";
import { providerFromCredentials } from "../provider.ts";

/** A model API whose every answer is this. */
async function given(status: number, body: object = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${String(request.headers["x-api-key"])}`);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent();
  onTestFinished(() => {
    agent.destroy();
    server.close();
  });
  // oxlint-disable-next-line no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  const provider = providerFromCredentials({ apiKey: "sk-1", baseUrl: `http://127.0.0.1:${port}/api/` });
  if (!provider) throw new Error("no provider");
  return { asked, server, ask: () => takesOurKey(provider, agent, 0) };
}

describe("whether a provider takes our key", () => {
  it("is asked by its list of models, with the key, and nothing is spent", async () => {
    const { ask, asked } = await given(200, { data: [] });

    expect(await ask()).toBe(true);
    expect(asked).toEqual(["GET /api/v1/models?limit=1 sk-1"]);
  });

  it.each([
    [401, "authentication_error", false],
    [403, "permission_error", false],
    [402, "billing_error", false],
    [404, "not_found_error", true], // a server without such a list has not refused the key
  ])("is told by the status: %i", async (status, type, works) => {
    const { ask } = await given(status, { error: { type, message: "…" } });

    expect(await ask()).toBe(works);
  });

  it.each([429, 500, 529])("cannot be told by a service in trouble: %i", async (status) => {
    const { ask } = await given(status);

    await expect(ask()).rejects.toThrow(TemporaryError);
  });

  it("cannot be told by one that is not there", async () => {
    const { ask, server } = await given(200);
    await new Promise((resolve) => server.close(resolve));

    await expect(ask()).rejects.toThrow(TemporaryError);
  });
});
