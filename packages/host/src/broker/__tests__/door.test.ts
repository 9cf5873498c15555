import { execFileSync } from "node:child_process";
import { mkdir, readFile, stat } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { newId, SandboxId, SessionId, TurnId, GroupFolder } from "../../core/ids.ts";
import { systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { silentLog } from "../../log.ts";
import { createBroker } from "../broker.ts";
import {
  ANSWER,
  call,
  createOutside,
  event,
  given,
  type Handler,
  KEY,
  MESSAGE,
  noise,
  providerAt,
  soon,
  SSE,
  temporaryDirectory,
  upstream,
} from "./given.ts";
import { join } from "node:path";

describe("a door", () => {
  it("refuses the model without a live turn, and says why", async () => {
    const asked = vi.fn<Handler>();
    const { call, door, turn } = await given(asked, { live: false });

    const before = await call();
    door.setTurn(turn);
    door.setTurn(undefined);
    const after = await call();

    for (const reply of [before, after]) {
      expect(reply.status).toBe(403);
      expect(JSON.parse(await reply.body())).toEqual({
        type: "error",
        error: {
          type: "permission_error",
          message: expect.stringMatching(/^Bellhop: no answer is under way/),
        },
      });
    }
    expect(asked).not.toHaveBeenCalled();
  });

  it("puts the real credential in, whatever the sandbox sent, and passes the body on byte for byte", async () => {
    const seen: { headers: object; url: string | undefined; body: string }[] = [];
    const { call } = await given((request, response, body) => {
      seen.push({ headers: request.headers, url: request.url, body: body.toString() });
      response.writeHead(200, SSE).end(ANSWER);
    });
    const body = `{ "model":"claude-sonnet-5-5",\n "odd" : [1, 2.0, "\\u00e9"],"messages":[] }`;

    const reply = await call({
      body,
      headers: {
        authorization: "Bearer made-up",
        cookie: "a=b",
        "anthropic-beta": "one,two",
        connection: "keep-alive, x-hop",
        "x-hop": "1",
        "accept-encoding": "gzip",
      },
    });

    expect(reply.status).toBe(200);
    expect(await reply.body()).toBe(ANSWER);
    expect(seen[0]).toMatchObject({ url: "/v1/messages?beta=true", body });
    expect(seen[0]?.headers).toMatchObject({
      "x-api-key": KEY,
      "anthropic-beta": "one,two",
      "accept-encoding": "identity",
      "content-length": String(Buffer.byteLength(body)),
    });
    expect(seen[0]?.headers).not.toHaveProperty("authorization");
    expect(seen[0]?.headers).not.toHaveProperty("cookie");
    expect(seen[0]?.headers).not.toHaveProperty("x-hop");
  });

  it("passes the first byte on before the answer has ended", async () => {
    let finish = () => {};
    const { call } = await given((_request, response) => {
      response.writeHead(200, SSE).write(event("message_start", { message: {} }));
      finish = () => response.end(event("message_stop", {}));
    });

    const { response } = await call();
    const [first] = await once(response, "data");

    expect(String(first)).toBe(event("message_start", { message: {} }));
    expect(response.complete).toBe(false);
    finish();
    await once(response.resume(), "end");
  });

  describe("of a sandbox in which work goes on", () => {
    const SUBAGENT = { "x-claude-code-agent-id": "a1" };

    it("lends the last turn to subagents, to nobody else, and while it goes on alone", async () => {
      const { call, door, rows, turn } = await given((_request, response) => {
        response.writeHead(200, SSE).end(ANSWER);
      });
      door.setBackground(1);
      door.setTurn(undefined);

      const lent = await call({ headers: SUBAGENT });
      await lent.body();
      await soon(() => expect(rows).toMatchObject([{ turn, kind: "subagent" }]));

      door.setBackground(0);
      const others = [call({ headers: SUBAGENT }), call()];
      await setTimeout(100);
      expect(rows).toHaveLength(1);

      door.setTurn(turn);
      for (const other of others) expect((await other).status).toBe(200);
    });

    it("lets a call wait for the turn that is about to be opened", async () => {
      const { call, door, rows, turn } = await given(
        (_request, response) => {
          response.writeHead(200, SSE).end(ANSWER);
        },
        { live: false },
      );
      door.setBackground(1);
      door.setBackground(0);

      const waiting = call();
      await setTimeout(100);
      expect(rows).toEqual([]);
      door.setTurn(turn);

      expect((await waiting).status).toBe(200);
    });

    it("lets it not wait for long", async () => {
      const clock = fakeClock();
      const { call, door } = await given(vi.fn<Handler>(), { live: false, clock });
      door.setBackground(1);

      const waiting = call();
      await setTimeout(100);
      clock.advance(5_000);

      expect((await waiting).status).toBe(403);
    });
  });

  it("tells how many calls are under way", async () => {
    let finish = () => {};
    const { call, door } = await given((_request, response) => {
      response.writeHead(200, SSE).write(event("message_start", { message: {} }));
      finish = () => response.end(event("message_stop", {}));
    });
    expect(door.asking()).toBe(0);

    const { response } = await call();
    await once(response, "data");
    expect(door.asking()).toBe(1);

    finish();
    await once(response.resume(), "end");
    await soon(() => expect(door.asking()).toBe(0));
  });

  it("ends the call at the provider when the sandbox goes away, and blames nobody", async () => {
    let gone = Promise.withResolvers<void>();
    const { call, door, rows } = await given((_request, response) => {
      gone = Promise.withResolvers();
      response.on("close", () => gone.resolve());
      response.writeHead(200, SSE).write(ANSWER.slice(0, 400));
    });

    const { response } = await call();
    await once(response, "data");
    response.destroy();
    await gone.promise;

    await soon(() => expect(rows).toHaveLength(1));
    expect(rows[0]).toMatchObject({ inputTokens: 100, cacheReadTokens: 2000, httpStatus: 200 });
    expect(door.lastFailure()).toBeUndefined();
  });

  it("ends the call at the provider when it goes away before the answer began", async () => {
    const asked = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const { socket, rows, door } = await given((_request, response) => {
      response.on("close", () => gone.resolve());
      asked.resolve();
    });

    const client = connect(socket);
    client.write(
      `POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: ${MESSAGE.length}\r\n\r\n${MESSAGE}`,
    );
    await asked.promise;
    client.destroy();
    await gone.promise;

    await soon(() => expect(rows).toHaveLength(1));
    expect(rows[0]).toMatchObject({ httpStatus: 0, inputTokens: 0 });
    expect(door.lastFailure()).toBeUndefined();
  });

  it("passes a reset in the middle on as a broken answer, which is a passing failure", async () => {
    const { call, door, rows } = await given((_request, response) => {
      response.writeHead(200, SSE).write(ANSWER.slice(0, 400), () => response.destroy());
    });

    const reply = await call();
    await expect(reply.body()).rejects.toThrow(/aborted/);

    await soon(() => expect(rows).toHaveLength(1));
    expect(rows[0]).toMatchObject({ inputTokens: 100, outputTokens: 1 });
    expect(door.lastFailure()).toMatchObject({
      class: "transient",
      detail: expect.stringMatching(/broke off/),
    });
  });

  it("reports a rate limit with the time the provider named, and forgets it with the next success", async () => {
    const limited = { type: "error", error: { type: "rate_limit_error", message: "Slow down" } };
    let limit = true;
    const { call, door, rows } = await given((_request, response) => {
      if (limit) response.writeHead(429, { "retry-after": "7" }).end(JSON.stringify(limited));
      else response.writeHead(200, SSE).end(ANSWER);
    });

    const refused = await call();
    expect(refused.status).toBe(429);
    expect(refused.headers["retry-after"]).toBe("7");
    expect(JSON.parse(await refused.body())).toEqual(limited);
    await soon(() =>
      expect(door.lastFailure()).toEqual({
        class: "rate_limited",
        detail: "the model API answered 429: Slow down",
        retryAfterMs: 7000,
      }),
    );

    limit = false;
    await (await call()).body();
    await soon(() => expect(rows.map(({ httpStatus }) => httpStatus)).toEqual([429, 200]));
    expect(door.lastFailure()).toBeUndefined();
  });

  it("does not lay a late answer of an old turn to the new one", async () => {
    let answer = () => {};
    const { call, door, rows, turn } = await given((_request, response) => {
      response.writeHead(500).flushHeaders();
      answer = () => response.end("{}");
    });

    const late = await call();
    const next = newId(TurnId);
    door.setTurn(next);
    answer();
    await late.body();

    await soon(() => expect(rows).toHaveLength(1));
    expect(rows[0]?.turn).toBe(turn);
    expect(door.lastFailure()).toBeUndefined();
  });

  it("says that the provider cannot be reached", async () => {
    const { call, door } = await given(() => undefined, {
      provider: { target: { socketPath: "/nonexistent/model.sock" } },
    });

    const reply = await call();

    expect(reply.status).toBe(502);
    expect(await reply.body()).toMatch(/Bellhop: the model API cannot be reached: .*ENOENT/);
    expect(door.lastFailure()).toMatchObject({ class: "transient" });
  });

  it("shows the credential to no server that it cannot verify", async () => {
    const directory = await temporaryDirectory();
    const paths = { key: join(directory, "key.pem"), cert: join(directory, "cert.pem") };
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"].concat(
        ["-subj", "/CN=localhost", "-keyout", paths.key, "-out", paths.cert],
      ),
      { stdio: "ignore" },
    );
    const asked = vi.fn<() => void>();
    const server = createTlsServer(
      { key: await readFile(paths.key), cert: await readFile(paths.cert) },
      asked,
    );
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo; // a server on a port always has such an address
    const { call, door } = await given(asked, {
      provider: { target: { baseUrl: new URL(`https://127.0.0.1:${port}`) } },
    });

    expect((await call()).status).toBe(502);

    expect(door.lastFailure()).toMatchObject({ detail: expect.stringMatching(/self-signed certificate/) });
    expect(asked).not.toHaveBeenCalled();
  });

  it("takes the credential out of an answer that echoes it, also where it is split", async () => {
    const { call } = await given((_request, response) => {
      response.writeHead(200, { "content-type": "text/plain", "x-echo": `key ${KEY}`, "set-cookie": "a=b" });
      response.write(`before ${KEY.slice(0, 9)}`, () => response.end(`${KEY.slice(9)} after`));
    });

    const reply = await call();

    const text = await reply.body();
    expect(text).toBe(`before ${"*".repeat(KEY.length)} after`);
    expect(JSON.stringify(reply.headers)).not.toContain(KEY);
    expect(reply.headers).not.toHaveProperty("set-cookie");
  });

  it("refuses an answer in an encoding in which the credential could hide", async () => {
    const { call, door } = await given((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    });

    expect((await call()).status).toBe(502);
    expect(door.lastFailure()).toMatchObject({ class: "permanent" });
  });

  it("takes 32 MiB and no more", async () => {
    const sizes: number[] = [];
    const { call } = await given((_request, response, body) => {
      sizes.push(body.length);
      response.writeHead(200, SSE).end(ANSWER);
    });
    const frame = MESSAGE.replace(/}$/, `,"filler":""}`).length;
    const sized = (size: number) => MESSAGE.replace(/}$/, `,"filler":"${"x".repeat(size - frame)}"}`);

    expect((await call({ body: sized(32 * 1024 * 1024) })).status).toBe(200);
    // It may hear the refusal, or find the connection closed while it still writes.
    const large = await call({ body: sized(32 * 1024 * 1024 + 1) }).then(
      ({ status }) => String(status),
      (error: NodeJS.ErrnoException) => error.code,
    );

    expect(large).toMatch(/^(413|EPIPE|ECONNRESET)$/);
    expect(sizes).toEqual([32 * 1024 * 1024]);
  });

  it("holds only so much for one sandbox", async () => {
    const waiting: ServerResponse[] = [];
    const both = Promise.withResolvers<void>();
    const { call } = await given((_request, response) => {
      if (waiting.push(response) === 2) both.resolve();
    });
    const body = MESSAGE.replace(/}$/, `,"filler":"${"x".repeat(30 * 1024 * 1024)}"}`);

    const taken = [call({ body }), call({ body })];
    await both.promise;
    const third = await call({ body }).then(
      ({ status }) => String(status),
      (error: NodeJS.ErrnoException) => error.code, // closed while it still wrote
    );
    for (const response of waiting) response.writeHead(200, SSE).end(ANSWER);

    expect(third).toMatch(/^(429|EPIPE|ECONNRESET)$/);
    expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it("says what is wrong with a body that is no model call", async () => {
    const { call } = await given(() => undefined);

    const [notJson, noModel, deep] = await Promise.all([
      call({ body: "{" }),
      call({ body: `{"stream":true}` }),
      call({ body: `{"model":"m","messages":${"[".repeat(1000)}` }),
    ]);

    expect(notJson.status).toBe(400);
    expect(await notJson.body()).toMatch(/Bellhop: the request's body is not JSON/);
    expect(noModel.status).toBe(400);
    expect(await noModel.body()).toMatch(/model/);
    expect(deep.status).toBe(400);
    expect(await deep.body()).toMatch(/Bellhop: the request has more JSON values/);
  });

  it.each([
    ["POST", "/v1/messages/batches"],
    ["GET", "/v1/messages"],
    ["POST", "/v1/messages/../files"],
    ["GET", "/v1/models/../files"],
    ["GET", "/v1/models/a%2fb"],
    ["POST", "//v1/messages"],
    ["GET", "/"],
  ])("does not serve %s %s", async (method, path) => {
    const asked = vi.fn<Handler>();
    const { call } = await given(asked);

    const reply = await call({ method, path });

    expect(reply.status).toBe(403);
    expect(await reply.body()).toMatch(/Bellhop: .* is not served here/);
    expect(asked).not.toHaveBeenCalled();
  });

  it("passes model lists and token counts on, without a usage row", async () => {
    const { call, rows } = await given((request, response) =>
      response.end(JSON.stringify({ url: request.url })),
    );

    const models = await call({ method: "GET", path: "/v1/models/claude-sonnet-5-5" });
    const tokens = await call({ path: "/v1/messages/count_tokens" });

    expect(JSON.parse(await models.body())).toEqual({ url: "/v1/models/claude-sonnet-5-5" });
    expect(JSON.parse(await tokens.body())).toEqual({ url: "/v1/messages/count_tokens" });
    expect(rows).toEqual([]);
  });

  it("refuses egress by proxy request and by tunnel, with a reason the agent can read", async () => {
    const { call, socket } = await given(() => undefined);

    const proxied = await call({ method: "GET", path: "http://example.com/secret?x=1" });
    const client = connect(socket);
    client.write("CONNECT api.example.com:443 HTTP/1.1\r\nhost: api.example.com:443\r\n\r\n");
    let tunnel = "";
    for await (const chunk of client) tunnel += String(chunk);

    expect(proxied.status).toBe(403);
    expect(await proxied.body()).toMatch(/Bellhop: egress to example\.com is not allowed/);
    expect(tunnel).toMatch(/^HTTP\/1\.1 403 /);
    expect(tunnel).toMatch(/Bellhop: egress to api\.example\.com:443 is not allowed/);
  });

  it("survives what is not HTTP, headers that are too large, and half a request", async () => {
    const { socket, call } = await given((_request, response) => response.writeHead(200, SSE).end(ANSWER));
    const hostile = [
      "\u0000\u0001 garbage\r\n\r\n",
      `GET / HTTP/1.1\r\nx: ${"y".repeat(64 * 1024)}\r\n\r\n`,
      "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
      "POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ];

    for (const bytes of hostile) {
      const client = connect(socket);
      client.on("error", () => undefined); // it may be cut off while it writes
      client.end(bytes);
      await new Promise((resolve) => client.resume().on("close", resolve));
    }

    expect((await call()).status).toBe(200);
  });

  it("is a socket for one user in a directory that others can walk but not write", async () => {
    const root = process.getuid?.() === 0;
    const { broker, spec } = await given(() => undefined);

    const door = await broker.openDoor({ ...spec, sandbox: newId(SandboxId), uid: root ? 4242 : undefined });

    const [directory, socket] = await Promise.all([
      stat(door.directory),
      stat(join(door.directory, "broker.sock")),
    ]);
    expect(directory.mode & 0o777).toBe(0o711);
    expect(directory.uid).toBe(process.getuid?.());
    expect(socket.mode & 0o777).toBe(0o600);
    expect(socket.uid).toBe(root ? 4242 : process.getuid?.());
  });

  it("opens below a path that is too long for a socket", async () => {
    const runDirectory = join(await temporaryDirectory(), "d".repeat(100), "run");
    await mkdir(runDirectory, { recursive: true });
    const baseUrl = await upstream((_request, response) => response.writeHead(200, SSE).end(ANSWER));
    const provider = providerAt(baseUrl);
    const broker = await createBroker({
      runDirectory,
      providers: [provider],
      record: () => {},
      ...createOutside().deps,
      clock: systemClock,
      log: silentLog,
    });
    const ids = { sandbox: newId(SandboxId), session: newId(SessionId), group: GroupFolder.parse("main") };
    const door = await broker.openDoor({ ...ids, provider: provider.name });
    door.setTurn(newId(TurnId));

    const cwd = process.cwd();
    process.chdir(door.directory);
    const reply = await call("broker.sock").finally(() => process.chdir(cwd));

    expect(reply.status).toBe(200);
    await reply.body();
    await broker.close();
    await expect(stat(door.directory)).rejects.toThrow(/ENOENT/);
  });

  it("ends what is under way and removes its directory when it closes", async () => {
    const { call, door } = await given((_request, response) => {
      response.writeHead(200, SSE).write(ANSWER.slice(0, 400));
    });
    const reply = await call();

    await door.close();

    await expect(reply.body()).rejects.toThrow(/aborted/);
    await expect(stat(door.directory)).rejects.toThrow(/ENOENT/);
  });

  it("serves many calls at once without mixing them up", async () => {
    const { call } = await given((_request, response, body) => {
      response.writeHead(200, SSE).write(body.subarray(0, 100), () => response.end(body.subarray(100)));
    });
    const bodies = Array.from({ length: 20 }, () => JSON.stringify({ model: "m", text: noise(100_000) }));

    const replies = await Promise.all(bodies.map((body) => call({ body }).then((reply) => reply.body())));

    expect(replies).toEqual(bodies);
  });
});
