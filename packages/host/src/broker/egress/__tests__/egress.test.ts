import { once } from "node:events";
import { connect as connectH2 } from "node:http2";
import { createServer as createTcpServer } from "node:net";
import { connect as connectTls } from "node:tls";
import { buffer, text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { RejectedError } from "@bellhop/sdk";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { fakeClock } from "../../../core/testing.ts";
import { newId, TurnId } from "../../../core/ids.ts";
import { soon } from "../../__tests__/given.ts";
import type { Injection } from "../../injection.ts";
import { type DoorOptions, givenDoor, Refused } from "./given.ts";
import { type Authority, authority, type Internet, openInternet } from "./internet.ts";

let internet: Internet;
let ours: Authority;

beforeAll(async () => {
  internet = await openInternet();
  ours = await authority("Bellhop of a test");
  for (const host of ["example.com", "other.com", "api.example.com"]) {
    await internet.site(host, (request, response) => {
      response.setHeader("content-type", "text/plain");
      void buffer(request).then((body) =>
        response.end(`${request.method} ${request.headers.host}${request.url} ${body.length}`),
      );
    });
  }
  await internet.plainSite("example.com", (request, response) => {
    response.setHeader("alt-svc", 'h3=":443"');
    response.end(`plain ${request.method} ${request.headers.host}${request.url}`);
  });
}, 60_000);
afterAll(async () => {
  await internet.close();
  await ours.remove();
});

const given = (options: Partial<DoorOptions> = {}) => givenDoor({ internet, authority: ours, ...options });

describe("a host that a rule allows", () => {
  it("is reached by a tunnel with the host's own certificate, and what it answers taints first", async () => {
    const { https, begun, causes, questions } = await given({ rules: [{ host: "example.com" }] });

    const answer = await https("example.com", "/a?b");
    const certificate = "getPeerX509Certificate" in answer.socket;
    answer.socket.destroy();

    expect(answer).toMatchObject({ status: 200, body: "GET example.com/a?b 0" });
    expect(certificate).toBe(true);
    expect(causes).toEqual(["an answer of example.com:443"]);
    expect(questions).toEqual([]);
    await soon(() =>
      expect(begun).toMatchObject([
        { how: "tunnel", host: "example.com", port: 443, method: "CONNECT", path: "" },
      ]),
    );
    await soon(() => expect(begun[0]?.outcome).toBeDefined());
    expect(begun[0]?.received).toBeGreaterThan(0);
  });

  it("is looked into by a tainted turn, request by request, without its query in the record", async () => {
    const { https, begun } = await given({ rules: [{ host: "example.com" }], tainted: true });

    const answer = await https("example.com", "/a?secret=1");

    expect(answer).toMatchObject({ status: 200, body: "GET example.com/a?secret=1 0" });
    await soon(() =>
      expect(begun).toMatchObject([{ how: "request", method: "GET", path: "/a", outcome: "200" }]),
    );
    expect(JSON.stringify(begun)).not.toContain("secret=1");
  });

  it("may be written to by a tainted turn where an owner approves it, and is not where not (design 4)", async () => {
    const { https, judged } = await given({
      rules: [{ host: "example.com" }],
      tainted: true,
      rulings: [
        { may: false, reason: "an owner said no." },
        { may: true, by: "approval 7" },
      ],
    });

    const refused = await https("example.com", "/notes?x=1", { method: "POST", body: "hello" });
    const allowed = await https("example.com", "/notes", { method: "POST", body: "hello" });

    expect(refused.status).toBe(403);
    expect(refused.body).toContain("an owner said no.");
    expect(refused.body).toContain("bellhop allow example.com --group family --write");
    expect(allowed.body).toBe("POST example.com/notes 5");
    expect(judged[0]).toMatchObject({
      effect: "network",
      target: "host:example.com:443",
      detail: { method: "POST", path: "/notes", search: "?x=1", bytes: 5 },
    });
  });

  it("may be written to without asking when it is on the write list", async () => {
    const { https, judged } = await given({
      rules: [{ host: "example.com", write: true }],
      tainted: true,
    });

    expect((await https("example.com", "/", { method: "PUT", body: "x" })).status).toBe(200);
    expect(judged).toEqual([]);
  });

  it("speaks HTTP/2 with the sandbox, whatever it speaks with the host", async () => {
    const { tlsTo, begun } = await given({ rules: [{ host: "example.com", methods: ["GET"] }] });
    const socket = await tlsTo("example.com", { alpn: ["h2", "http/1.1"] });
    const session = connectH2("https://example.com", { createConnection: () => socket });

    const ask = async (headers: Record<string, string>) => {
      const stream = session.request(headers);
      const [head] = await once(stream, "response");
      return { status: head[":status"], body: await text(stream) };
    };
    const [a, b] = await Promise.all([ask({ ":path": "/1" }), ask({ ":path": "/2" })]);
    const post = await ask({ ":path": "/3", ":method": "POST" });
    const elsewhere = await ask({ ":path": "/4", ":authority": "other.com" });
    session.close();

    expect(socket.alpnProtocol).toBe("h2");
    expect([a, b]).toEqual([
      { status: 200, body: "GET example.com/1 0" },
      { status: 200, body: "GET example.com/2 0" },
    ]);
    expect(post.status).toBe(403);
    expect(elsewhere.status).toBe(403);
    expect(begun.map(({ path }) => path).toSorted()).toEqual(["/1", "/2"]);
  });

  it("carries bodies both ways by HTTP/2", async () => {
    const { tlsTo } = await given({ rules: [{ host: "example.com", path: "/" }] });
    const socket = await tlsTo("example.com", { alpn: ["h2"] });
    const session = connectH2("https://example.com", { createConnection: () => socket });

    const stream = session.request({ ":path": "/up", ":method": "POST" });
    stream.end("x".repeat(100_000));

    expect(await text(stream)).toBe("POST example.com/up 100000");
    session.close();
  });

  it("is reached in absolute form, with its own name only", async () => {
    const { http, begun } = await given({ rules: [{ host: "example.com" }] });

    const answer = await http("http://example.com/a?b=1");
    const twisted = await http("http://example.com/", { host: "other.com" });

    expect(answer).toMatchObject({ status: 200, body: "plain GET example.com/a?b=1" });
    expect(answer.headers).not.toHaveProperty("alt-svc");
    expect(twisted.status).toBe(403);
    expect(twisted.body).toContain("the request names");
    expect(begun).toHaveLength(1);
  });

  it("is reached without TLS inside CONNECT too, and is looked at there", async () => {
    const { connectTo, send, begun } = await given({ rules: [{ host: "example.com" }] });
    const { socket } = await connectTo("example.com:80");

    const answer = await send(socket, "/in", { host: "example.com" });

    expect(answer.body).toBe("plain GET example.com/in");
    expect(begun).toMatchObject([{ how: "request", path: "/in" }]);
  });

  it("is not waited for when it cannot be reached, and its failure is no refusal", async () => {
    internet.names.set("down.com", ["93.184.216.200"]);
    const { https, http } = await given({ rules: [{ host: "down.com" }, { host: "gone.com" }] });

    await expect(https("gone.com")).rejects.toMatchObject({ status: 502 });
    expect(await http("http://down.com/")).toMatchObject({ status: 502 });
  });

  it("is believed only with a certificate that the host's roots sign", async () => {
    const wrong = await authority("Somebody else");
    const server = (await import("node:https")).createServer(await wrong.pair("forged.com"));
    await internet.place("forged.com", 443, server);
    const { https } = await given({ rules: [{ host: "forged.com", methods: ["GET"] }] });

    const answer = await https("forged.com");

    expect(answer.status).toBe(502);
    expect(answer.body).toContain("TLS with forged.com:443 failed");
    await wrong.remove();
  });
});

describe("a rule with methods or a path", () => {
  it("lets those through and nothing else, however the path is written", async () => {
    const { https, refused } = await given({
      rules: [{ host: "example.com", methods: ["GET"], path: "/docs" }],
    });

    const socket = (await https("example.com", "/docs/a")).status;
    const others = [
      await https("example.com", "/docs/a", { method: "POST", body: "x" }),
      await https("example.com", "/admin"),
      await https("example.com", "/docs/../admin"),
      await https("example.com", "/docs/%2e%2e/admin"),
      await https("example.com", "/docs/..%2fadmin"),
    ];

    expect(socket).toBe(200);
    expect(others.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
    expect(others[1]?.body).toContain("allow other requests, not GET /admin");
    expect(refused.length).toBeGreaterThan(0);
  });

  it("that denies wins over what allows the host", async () => {
    const { https } = await given({
      rules: [{ host: "example.com" }, { host: "example.com", path: "/admin", action: "deny" }],
    });

    expect((await https("example.com", "/a")).status).toBe(200);
    expect((await https("example.com", "/ADMIN/x")).status).toBe(403);
  });

  it("cannot be served where there is no authority, so its host is refused", async () => {
    const { https } = await given({
      authority: undefined,
      rules: [{ host: "example.com", methods: ["GET"] }],
    });

    await expect(https("example.com")).rejects.toThrow(/certificate authority/);
  });
});

describe("a host that no rule names", () => {
  it("is refused in the mode deny, with what a person can do, and not even looked up", async () => {
    const { https, questions, refused } = await given({ mode: "deny" });
    internet.asked.length = 0;

    await expect(https("unknown.com")).rejects.toThrow(/bellhop allow unknown\.com --group family/);
    await expect(https("unknown.com", "/", { port: 8443 })).rejects.toThrow(
      /bellhop allow unknown\.com:8443/,
    );

    expect(questions).toEqual([]);
    expect(internet.asked).toEqual([]);
    expect(refused).toMatchObject([{ host: "unknown.com", rule: "mode deny" }, { port: 8443 }]);
  });

  it("is asked about in the mode ask; once is for the turn", async () => {
    const { https, questions, door } = await given({ answers: ["once", "unattended"] });

    expect((await https("other.com")).status).toBe(200);
    expect((await https("other.com")).status).toBe(200);
    door.setTurn(newId(TurnId));
    const later = https("other.com");

    await expect(later).rejects.toThrow(/nobody is there to be asked/);
    expect(questions).toHaveLength(2);
    expect(questions[0]).toMatchObject({
      action: { effect: "network", target: "host:other.com:443" },
      choices: ["once", "group", "never"],
      waitMs: 60_000,
    });
  });

  it("is kept as a rule when an owner says so, for ever or never", async () => {
    const { https, kept, questions } = await given({ answers: ["group", "never"] });

    expect((await https("other.com")).status).toBe(200);
    expect((await https("other.com")).status).toBe(200);
    await expect(https("example.com")).rejects.toThrow(/never/);
    await expect(https("example.com")).rejects.toThrow(/deny example\.com:443/);

    expect(kept).toEqual([
      { target: { host: "other.com", port: 443 }, action: "allow" },
      { target: { host: "example.com", port: 443 }, action: "deny" },
    ]);
    expect(questions).toHaveLength(2);
  });

  it("is refused when nobody answers", async () => {
    const { https } = await given({ answers: ["unanswered"] });

    await expect(https("other.com")).rejects.toThrow(/nobody answered in time/);
  });

  it("may be read in the mode open-get, not written to, and not by a tainted turn", async () => {
    const { https, questions } = await given({ mode: "open-get", answers: ["unattended", "unattended"] });

    const write = await https("other.com", "/", { method: "POST", body: "x" });
    const read = await https("other.com", "/page");
    const tainted = https("example.com", "/page");

    expect(write.status).toBe(403);
    expect(read).toMatchObject({ status: 200, body: "GET other.com/page 0" });
    await expect(tainted).rejects.toThrow(/nobody is there/);
    expect(questions).toHaveLength(2);
  });
});

describe("an address that is not public", () => {
  it.each([
    ["127.0.0.1"],
    ["10.0.0.7"],
    ["169.254.169.254"],
    ["::1"],
    ["fd00:ec2::254"],
    ["::ffff:93.184.216.1"],
    ["100.64.0.1"],
    ["0.0.0.0"],
    ["93.184.216.250"], // this machine's own
  ])("is refused after resolution, and never connected to: %s (F32)", async (address) => {
    internet.names.set("rebound.com", ["93.184.216.1", address]);
    const { https, http } = await given({ rules: [{ host: "rebound.com" }] });
    internet.dialled.length = 0;

    await expect(https("rebound.com")).rejects.toThrow(/not public/);
    expect((await http("http://rebound.com/")).status).toBe(403);

    expect(internet.dialled).toEqual([]);
  });

  it.each(["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]", "169.254.169.254"])(
    "is refused by itself as well: %s",
    async (host) => {
      const { connectTo } = await given({ answers: ["once"] });
      internet.dialled.length = 0;

      const { status, body } = await connectTo(`${host}:443`);

      expect(status).toBe(403);
      expect(body).toContain("not a public address");
      expect(internet.dialled).toEqual([]);
    },
  );

  it("is connected to at the address that was checked, whatever the name says a moment later", async () => {
    const site = await internet.plainSite("flip.com", (_request, response) => void response.end("real"));
    const { http } = await given({ rules: [{ host: "flip.com" }] });
    const resolve = vi.spyOn(internet.network, "resolve");
    resolve.mockResolvedValueOnce([site.address]).mockResolvedValue(["127.0.0.1"]);
    internet.dialled.length = 0;

    const first = await http("http://flip.com/");
    const second = await http("http://flip.com/");
    resolve.mockRestore();

    expect(first.body).toBe("real");
    expect(second.status).toBe(403);
    expect(internet.dialled).toEqual([`${site.address}:80`]);
  });

  it("is reached where an owner pinned it by name and port, at that address alone", async () => {
    await internet.plainSite("nas.home", (_request, response) => void response.end("photos"), {
      port: 5000,
      at: "192.168.1.20",
    });
    internet.names.set("nas.home", ["169.254.169.254"]);
    const { http } = await given({
      rules: [{ host: "nas.home", port: 5000, pin: "192.168.1.20" }],
      answers: ["once"],
    });
    internet.asked.length = 0;

    const allowed = await http("http://nas.home:5000/");
    const otherPort = await http("http://nas.home:22/");

    expect(allowed).toMatchObject({ status: 200, body: "photos" });
    expect(otherPort.status).toBe(403);
    expect(internet.asked).toEqual(["nas.home"]);
  });

  it.each([
    ["169.254.169.254", 80],
    ["fe80::1", 80],
    ["127.0.0.1", 7407],
    ["93.184.216.250", 7407],
  ])(
    "is never reached, pinned or not, where it is the network's or Bellhop's own: %s:%i",
    async (pin, port) => {
      const { http } = await given({ rules: [{ host: "sly.home", port, pin }], ownPorts: [7407] });
      internet.dialled.length = 0;

      const answer = await http(`http://sly.home:${port}/`);

      expect(answer.status).toBe(403);
      expect(answer.body).toContain("nobody can allow");
      expect(internet.dialled).toEqual([]);
    },
  );
});

describe("a connection that is not what it was opened for", () => {
  it("is cut when its TLS names another host, or none", async () => {
    const { tlsTo, begun, refused } = await given({ rules: [{ host: "example.com" }] });

    await expect(tlsTo("example.com", { name: "other.com" })).rejects.toThrow(
      /disconnected|ECONNRESET|hang up/,
    );
    await expect(tlsTo("example.com", { name: "" })).rejects.toThrow(/disconnected|ECONNRESET|hang up/);

    expect(begun).toEqual([]);
    expect(refused).toMatchObject([{ rule: "hosts agree" }]);
  });

  it("is cut when it speaks no TLS on 443, or nothing known elsewhere", async () => {
    await internet.place("ssh.com", 22, createTcpServer());
    const { connectTo, begun } = await given({
      rules: [{ host: "example.com" }, { host: "ssh.com", port: 22 }],
    });

    const plain = await connectTo("example.com:443");
    plain.socket.write("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    const ssh = await connectTo("ssh.com:22");
    ssh.socket.write("SSH-2.0-x\r\n");

    expect(await text(plain.socket)).toContain("403");
    expect(await text(ssh.socket)).toBe("");
    expect(begun).toEqual([]);
  });

  it("is cut when the requests inside name another host, or two", async () => {
    const { tlsTo, begun } = await given({ rules: [{ host: "example.com", path: "/" }] });

    for (const hosts of ["Host: other.com\r\n", "Host: example.com\r\nHost: other.com\r\n"]) {
      const socket = await tlsTo("example.com");
      socket.write(`GET / HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
      expect(await text(socket)).toMatch(/^HTTP\/1\.1 40[03]/);
    }

    expect(begun).toEqual([]);
  });

  it.each(["example.com", "example.com:0", "a b:443", "user@example.com:443", "/etc/passwd"])(
    "is not opened for %s",
    async (target) => {
      const { connectTo } = await given({ rules: [{ host: "example.com" }] });

      expect((await connectTo(target)).status).toBeGreaterThanOrEqual(0);
      expect((await connectTo(target)).status).not.toBe(200);
    },
  );

  it("is not served for https in absolute form, nor with a name and password", async () => {
    const { http } = await given({ rules: [{ host: "example.com" }] });

    for (const url of ["https://example.com/", "ftp://example.com/", "http://a:b@example.com/"]) {
      expect((await http(url, { host: "example.com" })).status).toBe(400);
    }
  });
});

describe("a turn", () => {
  it("is needed for anything to be reached", async () => {
    const { https, http, door, turn } = await given({ rules: [{ host: "example.com" }], live: false });

    await expect(https("example.com")).rejects.toThrow(/no answer is under way/);
    expect((await http("http://example.com/")).status).toBe(403);
    door.setTurn(turn);
    door.setTurn(undefined);
    await expect(https("example.com")).rejects.toBeInstanceOf(Refused);
  });

  it("lends itself to work that it left, and takes what is open with it after a grace", async () => {
    const clock = fakeClock();
    const { tlsTo, door } = await given({ rules: [{ host: "example.com" }], clock });
    const socket = await tlsTo("example.com");
    const over = vi.fn<() => void>();
    const closed = once(socket, "close");
    socket.once("close", over);
    door.setBackground(1);
    door.setTurn(undefined);
    clock.advance(60_000 - 1);

    const during = await tlsTo("example.com");
    const duringClosed = once(during, "close");
    expect(over).not.toHaveBeenCalled();
    door.setBackground(0);
    clock.advance(5_000);

    await Promise.all([closed, duringClosed]);
    await expect(tlsTo("example.com")).rejects.toThrow(/no answer is under way/);
  });

  it("that another host has answered does not go on writing by an earlier tunnel (design 4)", async () => {
    await internet.place(
      "slow.com",
      443,
      createTcpServer(() => undefined),
    );
    const { connectTo, http, begun } = await given({
      rules: [{ host: "slow.com" }, { host: "example.com" }],
    });
    const { socket } = await connectTo("slow.com:443");
    const closed = once(socket, "close");
    connectTls({ socket, servername: "slow.com" }).on("error", () => undefined);
    await soon(() => expect(begun).toMatchObject([{ how: "tunnel", host: "slow.com" }]));

    await http("http://example.com/evil");

    await closed;
    await soon(() => expect(begun[0]?.outcome).toMatch(/^cut/));
  });
});

describe("what passes", () => {
  it("is bounded in the number of connections", async () => {
    const { tlsTo } = await given({
      rules: [{ host: "example.com", path: "/" }],
      limits: { connections: 2 },
    });
    const first = await tlsTo("example.com");
    await tlsTo("example.com");

    await expect(tlsTo("example.com")).rejects.toMatchObject({ status: 429 });

    first.destroy();
    await vi.waitFor(async () => void (await tlsTo("example.com")), 10_000);
  });

  it("is bounded in the number of requests", async () => {
    const { http } = await given({
      rules: [{ host: "example.com" }],
      limits: { requestsPerMinute: 2 },
      clock: fakeClock(),
    });

    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await http("http://example.com/")).status);

    expect(statuses).toEqual([200, 200, 429]);
  });

  it("is bounded in the size of a request", async () => {
    const { https, begun } = await given({
      rules: [{ host: "example.com", path: "/" }],
      limits: { requestBytes: 1_000 },
    });

    const large = await https("example.com", "/", { method: "POST", body: "x".repeat(5_000) });

    expect(large.status).toBe(413);
    await soon(() => expect(begun[0]?.outcome).toBe("cut: too large"));
  });

  it("is cut where an answer is too large", async () => {
    await internet.site("large.com", (_request, response) => void response.end("x".repeat(100_000)));
    const { https, begun } = await given({
      rules: [{ host: "large.com", path: "/" }],
      limits: { responseBytes: 10_000 },
    });

    await expect(https("large.com")).rejects.toThrow(/aborted|ECONNRESET|hang up|premature/i);

    await soon(() => expect(begun[0]?.outcome).toBe("cut: too large"));
  });

  it("may be a WebSocket, which counts as a write", async () => {
    const site = await internet.site("ws.com", () => undefined);
    site.server.on("upgrade", (request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\nhello `,
      );
      socket.pipe(socket);
    });
    const { tlsTo, begun, judged } = await given({
      rules: [{ host: "ws.com" }],
      tainted: true,
      rulings: [
        { may: false, reason: "not now." },
        { may: true, by: "approval 1" },
      ],
    });
    const open = async () => {
      const socket = await tlsTo("ws.com");
      socket.write("GET /chat HTTP/1.1\r\nHost: ws.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      socket.setEncoding("utf8");
      return socket;
    };

    const refused = await text(await open());
    const socket = await open();
    let seen = "";
    socket.on("data", (chunk: string) => (seen += chunk));
    await soon(() => expect(seen).toContain("hello "));
    socket.write("there");
    await soon(() => expect(seen).toContain("hello there"));
    socket.destroy();

    expect(refused).toContain("403");
    expect(seen).toMatch(/^HTTP\/1\.1 101 /);
    expect(judged).toHaveLength(2);
    await soon(() => expect(begun).toMatchObject([{ how: "websocket", outcome: expect.anything() }]));
  });
});

describe("a secret that is bound to a host", () => {
  const SECRET = "a-very-secret-token";
  const injection: Injection = {
    binds: (_group, host) => host === "bound.com",
    apply({ host, path, headers }) {
      if (host !== "bound.com" && headers["authorization"] !== undefined) {
        throw new RejectedError("the placeholder is not for this host");
      }
      if (host !== "bound.com") return { path, headers, scrub: [], used: [] };
      return {
        path,
        headers: { ...headers, authorization: `Bearer ${SECRET}` },
        scrub: [SECRET],
        used: ["TOKEN"],
      };
    },
  };

  it("is put in on the way out, and taken out of what comes back", async () => {
    await internet.site("bound.com", (request, response) => {
      if (request.url === "/packed") {
        response.writeHead(200, { "content-encoding": "gzip" });
        response.end(gzipSync(SECRET));
        return;
      }
      response.setHeader("x-echo", String(request.headers.authorization));
      response.write(String(request.headers.authorization).slice(0, 12));
      response.end(
        `${String(request.headers.authorization).slice(12)} ${request.headers["accept-encoding"]}`,
      );
    });
    const { https, begun } = await given({ rules: [{ host: "bound.com" }], injection });

    const answer = await https("bound.com", "/", { headers: { authorization: "Bearer placeholder" } });
    const packed = await https("bound.com", "/packed");

    expect(answer.body).toBe(`Bearer ${"*".repeat(SECRET.length)} identity`);
    expect(answer.headers["x-echo"]).toBe("Bearer ***");
    expect(packed.status).toBe(502);
    expect(begun[0]).toMatchObject({ how: "request", secrets: ["TOKEN"] });
    expect(JSON.stringify(begun)).not.toContain(SECRET);
  });

  it("never goes over a connection that others can read", async () => {
    const { http, begun } = await given({ rules: [{ host: "bound.com" }], injection });
    internet.dialled.length = 0;

    const answer = await http("http://bound.com:443/", { headers: { authorization: "Bearer placeholder" } });

    expect(answer.status).toBe(403);
    expect(answer.body).toContain("by https alone");
    expect([internet.dialled, begun]).toEqual([[], []]);
  });

  it("goes nowhere else", async () => {
    const { http } = await given({ rules: [{ host: "example.com" }], injection });

    const answer = await http("http://example.com/", { headers: { authorization: "Bearer placeholder" } });

    expect(answer.status).toBe(403);
    expect(answer.body).toContain("not for this host");
  });
});
