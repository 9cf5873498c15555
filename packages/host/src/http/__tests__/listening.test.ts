import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { type ClientRequest, get, type IncomingMessage, request } from "node:http";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { fakeClock } from "../../core/testing.ts";
import { createHttp, type HttpDeps } from "../http.ts";
import { chatOf, openHouse } from "./house.ts";

const CHAT = chatOf("main");

async function given(change: (deps: HttpDeps) => HttpDeps = (deps) => deps) {
  const house = await openHouse({ clock: systemClock });
  const home = await mkdtemp(join(tmpdir(), "bellhop-http-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const socket = join(home, "control.sock");
  const deps: HttpDeps = { ...house.deps, http: { host: "127.0.0.1", port: 0 }, socket };
  const http = createHttp(change(deps));
  const { url } = await http.listen();
  onTestFinished(() => http.close());
  return { house, http, url, socket, token: await house.token("chat") };
}

interface Event {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: { readonly text?: string; readonly reset?: boolean; readonly id?: number };
}

/** Follows over a connection of its own. `take(n)` waits for the next n events. */
async function follow(socketPath: string, path: string, headers: Record<string, string> = {}) {
  const opening = Promise.withResolvers<IncomingMessage>();
  const call: ClientRequest = get({ socketPath, path, headers }, opening.resolve).on("error", opening.reject);
  const response = await opening.promise;
  expect(response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");

  const waiting: Event[] = [];
  let buffer = "";
  let wake = () => {};
  let ended = false;
  response.setEncoding("utf8");
  response.on("data", (piece: string) => {
    const blocks = (buffer + piece).split("\n\n");
    buffer = blocks.pop() ?? "";
    waiting.push(...blocks.map(parseBlock).filter((event) => event !== undefined));
    wake();
  });
  response.on("close", () => {
    ended = true;
    wake();
  });
  response.on("error", () => {}); // `leave` breaks it off; tests that care look at `take`
  const leave = () => call.destroy();
  onTestFinished(() => void leave());
  return {
    response,
    leave,
    async take(count: number): Promise<Event[]> {
      while (waiting.length < count) {
        if (ended) throw new Error(`the stream ended, with ${JSON.stringify(waiting)} waiting`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.splice(0, count);
    },
    async end() {
      if (!ended) await new Promise<void>((resolve) => void response.once("close", resolve));
    },
  };
}

function parseBlock(block: string): Event | undefined {
  const fields = new Map(
    block.split("\n").map((line) => [line.split(": ", 1)[0] ?? "", line.replace(/^\w+: /, "")]),
  );
  const event = fields.get("event");
  return event === undefined
    ? undefined
    : { event, id: fields.get("id"), data: JSON.parse(fields.get("data") ?? "") };
}

const texts = (events: Event[]) => events.map(({ data }) => data.text);

describe("following a chat", () => {
  it("begins now, and tells what is said, under ids that grow", async () => {
    const { house, socket } = await given();
    await house.says(CHAT, "before");
    const stream = await follow(socket, "/api/v1/chats/web%3Amain/events");

    await house.says(CHAT, "one");
    await house.says(chatOf("other"), "not here");
    await house.says(CHAT, "two");

    const [one, two] = await stream.take(2);
    expect([one?.event, one?.data.text, two?.data.text]).toEqual(["message", "one", "two"]);
    expect(one?.id).toBe(String(one?.data.id));
    expect(Number(two?.id)).toBeGreaterThan(Number(one?.id));
  });

  it("of all chats tells of all", async () => {
    const { house, socket } = await given();
    const stream = await follow(socket, "/api/v1/events");

    await house.says(CHAT, "here");
    await house.says(chatOf("other"), "and there");

    expect(texts(await stream.take(2))).toEqual(["here", "and there"]);
  });

  it("shows an answer as it is written, then the message, then nothing of the draft again", async () => {
    const { house, socket } = await given();
    const { message } = await house.says(CHAT, "hello");
    const stream = await follow(socket, "/api/v1/chats/web%3Amain/events");

    const turn = await house.turn(CHAT, [message]);
    turn.activity("Bash");
    turn.delta("Good ", true);
    turn.delta("evening");
    const written = await stream.take(4);
    await turn.reply("Good evening");
    await turn.end();

    const events = [...written, ...(await stream.take(2))];
    expect(events.map(({ event }) => event)).toEqual([
      "turn",
      "activity",
      "delta",
      "delta",
      "message",
      "turn",
    ]);
    expect(events.filter(({ event }) => event === "delta").every(({ id }) => id === undefined)).toBe(true);
  });

  it("shows a newcomer what has been written so far", async () => {
    const { house, socket } = await given();
    const { message } = await house.says(CHAT, "hello");
    const turn = await house.turn(CHAT, [message]);
    turn.delta("Good ", true);
    turn.delta("eve");

    const stream = await follow(socket, "/api/v1/chats/web%3Amain/events");
    const [snapshot] = await stream.take(1);
    turn.delta("ning");
    const [more] = await stream.take(1);

    expect(snapshot).toMatchObject({ event: "delta", data: { text: "Good eve", reset: true } });
    expect(more).toMatchObject({ event: "delta", data: { text: "ning", reset: false } });
  });

  it("goes on after a break with each event once and in order, however many there were", async () => {
    const { house, socket } = await given();
    const first = await follow(socket, "/api/v1/chats/web%3Amain/events");
    await house.says(CHAT, "0");
    const [seen] = await first.take(1);
    first.leave();

    const missed = Array.from({ length: 1000 }, (_, n) => String(n + 1));
    for (const text of missed) await house.says(CHAT, text);
    const again = follow(socket, "/api/v1/chats/web%3Amain/events", { "last-event-id": seen?.id ?? "" });
    const during = Promise.all(["a", "b", "c"].map((text) => house.says(CHAT, text)));

    expect(texts(await (await again).take(1003))).toEqual([...missed, "a", "b", "c"]);
    await during;
  });

  it("takes the place to go on from the query too, and refuses one that is none", async () => {
    const { house, socket, url, token } = await given();
    const { event } = await house.says(CHAT, "1");
    await house.says(CHAT, "2");

    const stream = await follow(socket, `/api/v1/chats/web%3Amain/events?after=${event}`);
    const wrong = await fetch(`${url}/api/v1/events?after=yesterday`, {
      headers: { authorization: `Bearer ${token}` },
    });

    expect(texts(await stream.take(1))).toEqual(["2"]);
    expect(wrong.status).toBe(400);
  });

  it("holds little for a client that does not read, and loses nothing that lasts", async () => {
    const { house, socket } = await given();
    const { message } = await house.says(CHAT, "hello");
    const stream = await follow(socket, "/api/v1/chats/web%3Amain/events");
    stream.response.pause();
    const turn = await house.turn(CHAT, [message]);

    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 40_000; n++) turn.delta("x".repeat(1000), true); // 40 MB
    await house.says(CHAT, "still there?");
    const grown = process.memoryUsage().heapUsed - before;
    await turn.reply("The answer.");
    await turn.end();
    stream.response.resume();

    let received = 0;
    const lasting: Event[] = [];
    while (lasting.length < 4) {
      const [event] = await stream.take(1);
      if (event?.id === undefined) received += event?.data.text?.length ?? 0;
      else lasting.push(event);
    }
    expect(lasting.map(({ event, data }) => data.text ?? event)).toEqual([
      "turn",
      "still there?",
      "The answer.",
      "turn",
    ]);
    expect(received).toBeLessThan(8e6); // what the two sockets hold between them
    expect(grown).toBeLessThan(80e6);
  }, 20_000);

  it("ends when the client leaves: nobody is told any more", async () => {
    const logged: unknown[] = [];
    const { house, socket } = await given((deps) => ({
      ...deps,
      log: { ...deps.log, error: (...line: unknown[]) => void logged.push(line) },
    }));
    let listeners = 0;
    const { subscribe } = house.bus;
    house.bus.subscribe = (listener) => {
      listeners += 1;
      const stop = subscribe(listener);
      return () => {
        listeners -= 1;
        left.resolve();
        stop();
      };
    };
    const left = Promise.withResolvers<void>();
    const stream = await follow(socket, "/api/v1/events");
    expect(listeners).toBe(1);

    stream.leave();
    await left.promise;

    expect(listeners).toBe(0);
    expect(logged).toEqual([]); // people leave: that is no fault
  });

  it("costs nothing where only its head was asked for", async () => {
    const { house, socket } = await given();
    let listeners = 0;
    const { subscribe } = house.bus;
    house.bus.subscribe = (listener) => {
      listeners += 1;
      return subscribe(listener);
    };

    const response = await new Promise<IncomingMessage>((resolve) => {
      request({ socketPath: socket, path: "/api/v1/events", method: "HEAD" }, resolve).end();
    });
    response.resume();

    expect([response.statusCode, listeners]).toEqual([200, 0]);
  });

  it("ends, and says so in the log, when the database fails; the client may come back", async () => {
    const logged: unknown[] = [];
    const fails = () => Promise.reject(new Error("disk on fire"));
    const { socket } = await given((deps) => ({
      ...deps,
      log: { ...deps.log, error: (...line: unknown[]) => void logged.push(line) },
      timeline: { ...deps.timeline, after: fails },
    }));

    const stream = await follow(socket, "/api/v1/events");
    await stream.end();

    expect(logged).toHaveLength(1);
  });

  it("ends when the token that opened it is revoked", async () => {
    const { house, url, token, socket } = await given();
    const response = await fetch(`${url}/api/v1/events`, { headers: { authorization: `Bearer ${token}` } });
    const kept = await follow(socket, "/api/v1/events");
    const [{ hash } = { hash: "" }] = await house.tokens.list();

    await new Promise<void>((resolve) => {
      const path = `/api/v1/tokens/${hash.slice(0, 12)}`;
      request(
        { socketPath: socket, path, method: "DELETE" },
        (answer) => void answer.resume().on("end", resolve),
      ).end();
    });

    expect(await response.text()).toBe("retry: 1000\n\n"); // to its end
    await house.says(CHAT, "still here");
    expect(texts(await kept.take(1))).toEqual(["still here"]);
  });

  it("keeps a silent connection alive with a comment", async () => {
    let beat: (() => void) | undefined;
    const clock = {
      ...systemClock,
      after: (ms: number, callback: () => void) => {
        if (ms === 15_000) beat = callback;
        return () => {};
      },
    };
    const { socket } = await given((deps) => ({ ...deps, clock }));
    const stream = await follow(socket, "/api/v1/events");
    let received = "";
    const alive = new Promise<void>((resolve) => {
      stream.response.on("data", (chunk: string) => {
        received += chunk;
        if (received.includes("here")) resolve();
      });
    });

    beat?.();
    await alive;

    expect(received).toContain(": still here\n\n");
  });
});

describe("the listeners", () => {
  it("serve the same on TCP, to a token, and on the control socket, to the owner alone", async () => {
    const { url, token, socket } = await given();

    const withToken = await fetch(`${url}/api/v1/chats`, { headers: { authorization: `Bearer ${token}` } });
    const without = await fetch(`${url}/api/v1/chats`);
    const owner = await new Promise<IncomingMessage>((resolve) => {
      request({ socketPath: socket, path: "/api/v1/tokens" }, resolve).end();
    });
    owner.resume();

    expect([withToken.status, without.status, owner.statusCode]).toEqual([200, 401, 200]);
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
  });

  it("make a login link that works where it points", async () => {
    const { http, url } = await given();
    const link = new URL(await http.loginUrl());

    const response = await fetch(`${url}/login`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: url },
      body: JSON.stringify({ code: link.hash.slice(1) }),
    });

    expect(link.origin).toBe(url);
    expect(response.status).toBe(204);
  });

  it("say in one sentence that the port is taken, and leave nothing open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;

    const failed = given((deps) => ({ ...deps, http: { ...deps.http, port } }));

    await expect(failed).rejects.toThrow(
      `Port ${port} is taken by another program: choose another with --port, or 0 for any that is free.`,
    );
  });

  it("say that the home's path is too long for a socket", async () => {
    const failed = given((deps) => ({ ...deps, socket: `/tmp/${"x".repeat(120)}/control.sock` }));

    await expect(failed).rejects.toThrow("choose a shorter home with --home");
  });

  it("take the place of a socket that a dead host left", async () => {
    const { socket } = await given((deps) => deps);
    const home = await mkdtemp(join(tmpdir(), "bellhop-http-"));
    onTestFinished(() => rm(home, { recursive: true }));
    const stale = join(home, "control.sock");
    await writeFile(stale, "");

    const second = await given((deps) => ({ ...deps, socket: stale }));

    expect(second.socket).not.toBe(socket);
    expect((await stat(stale)).isSocket()).toBe(true);
  });

  it("end at once where clients are well-behaved, streams and idle connections included", async () => {
    const { http, socket, url } = await given((deps) => ({ ...deps, clock: fakeClock() }));
    const stream = await follow(socket, "/api/v1/events");
    await (await fetch(`${url}/healthz`)).text(); // its connection is kept alive

    await Promise.all([http.close(), stream.end()]); // while the clock stands still

    await expect(fetch(`${url}/healthz`)).rejects.toThrow("fetch failed");
  });

  it("end within a second where a client holds on to a connection and says nothing", async () => {
    const clock = fakeClock();
    const { http, url } = await given((deps) => ({ ...deps, clock }));
    const mute = connect(Number(new URL(url).port), "127.0.0.1");
    const cut = once(mute, "close");
    await once(mute, "connect");
    await (await fetch(`${url}/healthz`)).text(); // what connected before it is known to the server by now

    const closed = http.close();
    clock.advance(999);
    expect(mute.destroyed).toBe(false);
    clock.advance(1);

    await closed;
    await cut;
  });
});

describe("the server", () => {
  it("leaves the rest of the process its own Request and Response", async () => {
    const before = [globalThis.Request, globalThis.Response];

    await given();

    expect([globalThis.Request, globalThis.Response]).toEqual(before);
  });
});
