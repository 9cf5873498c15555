import { RejectedError, TemporaryError } from "@bellhop/sdk";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../core/clock.ts";
import type { ChatEvent } from "../../core/events.ts";
import { EventId } from "../../core/events.ts";
import { ChatId } from "../../core/ids.ts";
import { type Client, createClient } from "../client.ts";
import { NoHostError, RefusedError } from "../control.ts";
import { follow } from "../follow.ts";

const CHAT = ChatId.parse("terminal:a b");
const AT_START = EventId.parse(0);

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bellhop-client-"));
});
afterEach(async () => {
  await stopServer();
  rmSync(folder, { recursive: true, force: true });
});

describe("the client of the API", () => {
  it("says how to start a host where there is none", async () => {
    const error = await client()
      .status()
      .catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(NoHostError);
    expect(String(error)).toContain(`No Bellhop is running on ${folder}. Start it with: bellhop up`);
  });

  it("passes on the host's own sentence, and whether trying again can help", async () => {
    await listen((request, response) => {
      const code = request.url?.endsWith("/status") ? 503 : 404;
      response.writeHead(code, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          error: { code: code === 503 ? "unavailable" : "not_found", message: `no (${code})` },
        }),
      );
    });

    await expect(client().status()).rejects.toThrow(new TemporaryError("no (503)"));
    const refused = await client()
      .loginCode()
      .catch((reason: unknown) => reason);

    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({ code: "not_found", message: "no (404)" });
  });

  it("does not believe an answer of another shape", async () => {
    await listen((_request, response) => response.end("<html>hello</html>"));

    await expect(client().status()).rejects.toThrow(RejectedError);
  });

  it("does not wait for ever", async () => {
    await listen(() => undefined);

    await expect(client({ patience: 30 }).status()).rejects.toThrow("did not answer within 0.03 s");
  });
});

describe("following a chat", () => {
  it("goes on after the last durable event when the host restarts, and says so once", async () => {
    const asked: (string | undefined)[] = [];
    let connection = 0;
    await listen((request, response) => {
      asked.push(request.url);
      connection += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      const ids = connection === 1 ? [4, 5] : [6];
      for (const id of ids) response.write(`id: ${id}\ndata: ${JSON.stringify(turnEvent(id))}\n\n`);
      if (connection === 1) setImmediate(() => response.destroy());
    });
    const seen: ChatEvent[] = [];
    const said: string[] = [];
    const enough = new AbortController();

    const events = follow({
      client: client(),
      chat: CHAT,
      after: AT_START,
      clock: systemClock,
      signal: enough.signal,
      onLost: () => said.push("lost"),
      onBack: () => said.push("back"),
    });
    for await (const event of events) {
      seen.push(event);
      if (seen.length === 3) enough.abort();
    }

    expect(seen.map((event) => "id" in event && event.id)).toEqual([4, 5, 6]);
    expect(asked).toEqual([
      "/api/v1/chats/terminal%3Aa%20b/events?after=0",
      "/api/v1/chats/terminal%3Aa%20b/events?after=5",
    ]);
    expect(said).toEqual(["lost", "back"]);
  });

  it("ends quietly while it waits for a host", async () => {
    const enough = new AbortController();

    const events = follow({
      client: client(),
      chat: CHAT,
      after: AT_START,
      clock: systemClock,
      signal: enough.signal,
      onLost: () => enough.abort(),
    });

    const seen: ChatEvent[] = [];
    for await (const event of events) seen.push(event);
    expect(seen).toEqual([]);
  });
});

function client(options: { patience?: number } = {}): Client {
  return createClient({ home: folder, socket: join(folder, "control.sock"), clock: systemClock, ...options });
}

function listen(listener: RequestListener): Promise<void> {
  server = createServer(listener);
  return new Promise((resolve) => server?.listen(join(folder, "control.sock"), resolve));
}

async function stopServer(): Promise<void> {
  const closing = server;
  server = undefined;
  if (!closing) return;
  closing.closeAllConnections();
  await new Promise((resolve) => closing.close(resolve));
}

function turnEvent(id: number) {
  const turn = "8f14e45f-ceea-467f-9575-2a3b3c1d0e4f";
  return { id, chat: CHAT, at: 0, type: "turn", turn, state: "started", inputs: [], replies: [] };
}
