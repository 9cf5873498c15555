/** What the broker's tests share: a real upstream with fault switches, a real broker, a client at a door. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { type Clock, systemClock } from "../../core/clock.ts";
import { GroupFolder, newId, SandboxId, SessionId, TurnId } from "../../core/ids.ts";
import { silentLog } from "../../log.ts";
import type { Usage } from "../../store/usage.ts";
import { createBroker } from "../broker.ts";
import type { Provider } from "../provider.ts";
import { anthropicPrices } from "../prices.ts";

export const KEY = "sk-ant-api03-a-real-key-0123456789";

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A real HTTP server that answers as the test says. */
export async function upstream(handler: Handler): Promise<URL> {
  const server = createServer((request, response) => {
    void readAll(request).then((body) => handler(request, response, body));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  // A server on a port always has such an address.
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bellhop-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export function providerAt(baseUrl: URL, more: Partial<Provider> = {}): Provider {
  return {
    name: "anthropic",
    target: { baseUrl },
    credential: { header: "x-api-key", value: KEY },
    betas: [],
    secrets: [KEY],
    prices: anthropicPrices,
    ...more,
  };
}

/** A broker in front of `handler`, with one door and, unless told otherwise, a live turn. */
export async function given(
  handler: Handler,
  {
    live = true,
    provider = {},
    clock = systemClock,
  }: { live?: boolean; provider?: Partial<Provider>; clock?: Clock } = {},
) {
  const rows: Usage[] = [];
  const outside = createOutside();
  const broker = await createBroker({
    runDirectory: await temporaryDirectory(),
    providers: [providerAt(await upstream(handler), provider)],
    record: (usage) => rows.push(usage),
    ...outside.deps,
    clock,
    log: silentLog,
  });
  onTestFinished(() => broker.close());
  const spec = {
    sandbox: newId(SandboxId),
    session: newId(SessionId),
    group: GroupFolder.parse("main"),
    provider: broker.provider,
  };
  const door = await broker.openDoor(spec);
  const turn = newId(TurnId);
  if (live) door.setTurn(turn);
  const socket = join(door.directory, "broker.sock");
  return {
    broker,
    door,
    spec,
    turn,
    rows,
    /** Why the session was marked, each time. */
    marked: outside.marked,
    socket,
    call: (options: CallOptions = {}) => call(socket, options),
  };
}

/** A policy that nobody may ask here, and a taint that writes down what it is told. */
export function createOutside() {
  const marked: string[] = [];
  const nobody = () => Promise.reject(new Error("nothing is asked here"));
  const deps = {
    policy: { judge: nobody, ask: nobody },
    taint: { of: () => false, mark: async (_session: SessionId, cause: string) => void marked.push(cause) },
    audit: { write: nobody, note: nobody, begin: nobody },
  };
  return { deps, marked };
}

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly response: IncomingMessage;
  readonly body: () => Promise<string>;
}

export const MESSAGE = JSON.stringify({
  model: "claude-sonnet-5-5",
  max_tokens: 100,
  stream: true,
  messages: [{ role: "user", content: "hi" }],
});

/** A request as the program in a sandbox would make it; resolves with the head of the answer. */
export function call(socketPath: string, options: CallOptions = {}): Promise<Reply> {
  const { method = "POST", path = "/v1/messages?beta=true", headers = {}, body = MESSAGE } = options;
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath,
      method,
      path,
      headers: { "x-api-key": "placeholder", ...headers },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      response.on("error", () => undefined); // seen by whoever reads the body
      const read = () => readAll(response).then((bytes) => bytes.toString("utf8"));
      resolve({ status: response.statusCode ?? 0, headers: response.headers, response, body: read });
    });
    request.end(["POST", "PUT"].includes(method) ? body : undefined);
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export const event = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** A whole streamed answer with known usage. */
export const ANSWER = [
  event("message_start", {
    message: {
      id: "msg_1",
      model: "claude-sonnet-5-5",
      usage: {
        input_tokens: 100,
        output_tokens: 1,
        cache_read_input_tokens: 2000,
        cache_creation_input_tokens: 400,
        cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 100 },
      },
    },
  }),
  event("ping", {}),
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  event("content_block_delta", {
    index: 0,
    delta: { type: "text_delta", text: 'Grüße 🌍 "type":"error" {' },
  }),
  event("content_block_stop", { index: 0 }),
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 50 } }),
  event("message_stop", {}),
].join("");

export const SSE = { "content-type": "text/event-stream; charset=utf-8" };

/** Waits until `check` no longer throws: for what the broker does just after the caller has its answer. */
export const soon = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

/** A text of `size` bytes that nothing compresses or dedupes. */
export const noise = (size: number) => randomBytes(size / 2).toString("hex");
