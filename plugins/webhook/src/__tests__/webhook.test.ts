import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import {
  ConfigError,
  type Inbound,
  type Outbound,
  RejectedError,
  type RouteRequest,
  TemporaryError,
  UnknownOutcomeError,
} from "@bellhop/sdk";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { prove } from "../keys.ts";
import { Settings, webhook } from "../webhook.ts";

const NOW = Date.UTC(2026, 0, 1);
const never = new AbortController().signal;

/** A program that is answered: what it was posted, and what it says to that. */
async function givenProgram(say: (request: IncomingMessage, response: ServerResponse) => void) {
  const posted: { headers: IncomingMessage["headers"]; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      posted.push({ headers: request.headers, body });
      return say(request, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { posted, url: `http://127.0.0.1:${port}/answers` };
}

function hook(more: object = {}) {
  const settings = Settings.parse({ hooks: { ci: { title: "Builds", ...more } } });
  let ids = 0;
  return webhook({
    secret: "s".repeat(32),
    settings,
    fetch: globalThis.fetch,
    now: () => NOW,
    randomId: () => `fresh-${++ids}`,
  });
}

/** What a listening host was given. */
function listening({ channels: [channel] }: ReturnType<typeof webhook>, fail?: Error): Inbound[] {
  const taken: Inbound[] = [];
  const over = new AbortController();
  onTestFinished(() => over.abort());
  void channel?.listen?.(
    undefined,
    async (inbound) => {
      if (fail) throw fail;
      taken.push(inbound);
    },
    over.signal,
  );
  return taken;
}

function post(key: string, body: string, more: Partial<RouteRequest> = {}): RouteRequest {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...more.headers };
  return {
    method: "POST",
    path: "/ci",
    query: {},
    body: Buffer.from(body),
    remote: "127.0.0.1",
    ...more,
    headers,
  };
}

async function sendBy(
  { channels: [channel] }: ReturnType<typeof webhook>,
  message: Outbound,
  signal: AbortSignal,
) {
  if (!channel) throw new Error("no hook");
  return await channel.send(message, signal);
}

const text: Outbound = { key: "turn:1", chat: "main", kind: "text", text: "**done**", replyTo: "event-1" };

describe("a post to a hook", () => {
  it("becomes a message that calls the assistant, and is answered once that is on disk", async () => {
    const one = hook();
    const taken = listening(one);

    const said = await one.route(
      post(
        one.show("ci").key,
        '{"text":"broke","id":"event-1","sender":{"id":"7","name":"Jenkins"},"reply_to":"e0"}',
      ),
    );

    expect(said).toMatchObject({ status: 202, body: '{"id":"event-1"}' });
    expect(taken).toMatchObject([
      {
        platformId: "event-1",
        kind: "message",
        chat: "main",
        direct: true,
        chatTitle: "Builds",
        sender: { id: "ci/7", name: "Jenkins" },
        text: "broke",
        replyTo: "e0",
      },
    ]);
  });

  it("may be one of several conversations, in which several people write", async () => {
    const one = hook();
    const taken = listening(one);

    await one.route(
      post(
        one.show("ci").key,
        '{"text":"hi","chat":"kitchen","chat_title":"The kitchen","shared":true,"mentions_us":true}',
      ),
    );

    expect(taken).toMatchObject([
      { chat: "kitchen", chatTitle: "The kitchen", direct: false, mentionsUs: true, sender: { id: "ci" } },
    ]);
  });

  it("brings files", async () => {
    const one = hook();
    const taken = listening(one);

    await one.route(
      post(
        one.show("ci").key,
        '{"text":"","files":[{"name":"log.txt","type":"text/plain","base64":"aGVsbG8="}]}',
      ),
    );

    const [file] = taken[0]?.files ?? [];
    expect(file).toMatchObject({ name: "log.txt", type: "text/plain", bytes: 5 });
    expect((await buffer((await file?.open(never)) ?? Readable.from([]))).toString()).toBe("hello");
  });

  it("may be plain text, or JSON of any other form", async () => {
    const one = hook();
    const taken = listening(one);
    const { key } = one.show("ci");

    await one.route(post(key, "the door is open", { headers: { "content-type": "text/plain" } }));
    await one.route(post(key, '{"zen":"Keep it logically awesome."}'));

    expect(taken.map((inbound) => inbound.text)).toEqual([
      "the door is open",
      '```json\n{\n  "zen": "Keep it logically awesome."\n}\n```',
    ]);
    expect(taken.map(({ platformId }) => platformId)).toEqual(["fresh-1", "fresh-2"]);
  });

  it.each([
    ["no JSON", "{"],
    ["a text that is none", '{"text":7}'],
    ["a file that is no base64", '{"text":"x","files":[{"name":"a","base64":"%%"}]}'],
  ])("with %s is refused with what is wrong", async (_what, body) => {
    const one = hook();
    const taken = listening(one);

    const said = await one.route(post(one.show("ci").key, body));

    expect(said).toMatchObject({ status: 400, body: expect.stringContaining("body") });
    expect(taken).toEqual([]);
  });

  it("looks the same from outside with a wrong key and with a name that is not there", async () => {
    const one = hook();
    listening(one);

    const wrong = await one.route(post("whsec_AAAA", '{"text":"x"}'));
    const absent = await one.route(post("whsec_AAAA", '{"text":"x"}', { path: "/other" }));

    expect(wrong).toMatchObject({ status: 401 });
    expect(absent).toEqual(wrong);
  });

  it("is to come again while nobody listens, and while the host takes nothing", async () => {
    const one = hook();
    const request = post(one.show("ci").key, '{"text":"x"}');
    expect(await one.route(request)).toMatchObject({ status: 503, headers: { "retry-after": "5" } });

    listening(one, new TemporaryError("Bellhop is shutting down"));

    expect(await one.route(request)).toMatchObject({ status: 503 });
  });
});

describe("an answer", () => {
  it("is posted with a signature over its bytes, under an id that stays the same", async () => {
    const program = await givenProgram((_, response) => response.end('{"id":"their-9"}'));
    const one = hook({ replyUrl: program.url });

    const sent = await sendBy(one, text, never);
    await sendBy(one, text, never);

    expect(sent).toEqual({ platformId: "their-9" });
    const [first, second] = program.posted;
    expect(JSON.parse(first?.body.toString() ?? "")).toEqual({
      id: "turn:1",
      chat: "main",
      kind: "text",
      text: "**done**",
      reply_to: "event-1",
    });
    const headers = Object.fromEntries(
      Object.entries(first?.headers ?? {}).map(([name, value]) => [name, String(value)]),
    );
    expect(prove(one.show("ci").key, headers, first?.body ?? Buffer.alloc(0), NOW)).toEqual({
      ok: true,
      id: "turn:1",
    });
    expect(second?.headers["webhook-id"]).toBe("turn:1");
  });

  it("carries a file", async () => {
    const program = await givenProgram((_, response) => response.writeHead(204).end());
    const one = hook({ replyUrl: program.url });
    const file = {
      name: "a.txt",
      type: "text/plain",
      bytes: 2,
      open: () => Readable.from([Buffer.from("hi")]),
    };

    const sent = await sendBy(one, { key: "k", chat: "main", kind: "file", text: "", file }, never);

    expect(sent).toEqual({ platformId: "k" });
    expect(JSON.parse(program.posted[0]?.body.toString() ?? "")).toMatchObject({
      kind: "file",
      file: { name: "a.txt", base64: "aGk=" },
    });
  });

  it("stays in Bellhop where the hook has no address for it", async () => {
    expect(await sendBy(hook(), text, never)).toEqual({ platformId: "turn:1" });
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, unknown]>([
    ["429", (_, response) => response.writeHead(429, { "retry-after": "3" }).end(), TemporaryError],
    ["401", (_, response) => response.writeHead(401).end(), ConfigError],
    ["404", (_, response) => response.writeHead(404).end(), RejectedError],
    ["a redirect", (_, response) => response.writeHead(302, { location: "/x" }).end(), RejectedError],
    ["500", (_, response) => response.writeHead(500).end(), UnknownOutcomeError],
    ["503", (_, response) => response.writeHead(503).end(), UnknownOutcomeError],
    ["a cut connection", (request) => request.socket.destroy(), UnknownOutcomeError],
    [
      "half an answer",
      (request, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("{");
        setImmediate(() => request.socket.destroy());
      },
      UnknownOutcomeError,
    ],
  ])("is answered with %s: G14 says what that means, after one try", async (_what, say, kind) => {
    const program = await givenProgram(say);
    const one = hook({ replyUrl: program.url });

    const failure: unknown = await sendBy(one, text, never).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(kind);
    expect(program.posted).toHaveLength(1);
  });

  it("did not arrive for sure where nobody takes the connection", async () => {
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, "close");
    const one = hook({ replyUrl: `http://127.0.0.1:${port}/` });

    await expect(sendBy(one, text, never)).rejects.toBeInstanceOf(TemporaryError);
  });

  it("waits as long as the other side asks", async () => {
    const program = await givenProgram((_, response) =>
      response.writeHead(429, { "retry-after": "3" }).end(),
    );

    await expect(sendBy(hook({ replyUrl: program.url }), text, never)).rejects.toMatchObject({
      retryAfterMs: 3_000,
    });
  });
});

describe("the settings", () => {
  it("take no address without TLS but on this machine", () => {
    expect(() => hook({ replyUrl: "http://example.com/" })).toThrow(/https/);
    expect(() => hook({ replyUrl: "http://localhost:3000/" })).not.toThrow();
  });

  it("say whether an answer may be posted again", () => {
    expect(hook({ replyUrl: "https://a.example/" }).channels[0]?.abilities.resend).toEqual({ how: "twice" });
    expect(hook({ replyUrl: "https://a.example/", idempotent: true }).channels[0]?.abilities.resend).toEqual({
      how: "once",
    });
  });
});
