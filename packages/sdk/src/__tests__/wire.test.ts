import { openTrickle } from "../../testing/fake/trickle.ts";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { download } from "../download.ts";
import { TemporaryError } from "../errors.ts";
import { createWire, WireError } from "../wire.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n";

function given() {
  const wire = createWire();
  onTestFinished(() => wire.close());
  return wire;
}

it.each([
  ["the head of an answer", "HTTP/1.1 200 OK\r\nx: "],
  ["its body", `${HEAD}\r\n{"ok": `],
])("a call ends with its time where %s never ends, and may have been applied", async (_, said) => {
  await using server = await openTrickle(said);
  const call = async () => {
    const request = { method: "POST", body: "{}", signal: AbortSignal.timeout(300) };
    const answer = await given().fetch(`http://127.0.0.1:${server.port}/`, request);
    return await answer.json();
  };

  const error = await call().catch((one: unknown) => one);

  expect(error).toBeInstanceOf(WireError);
  expect(error).toMatchObject({ written: true });
});

it("a file that never ends is given up with its time, by whoever reads it", async () => {
  await using server = await openTrickle(`${HEAD}\r\nthe beginning`);
  const signal = AbortSignal.timeout(300);
  const read = async () => {
    const content = await download(given(), `http://127.0.0.1:${server.port}/`, { who: "Somebody", signal });
    for await (const _ of content);
  };

  await expect(read()).rejects.toThrow(TemporaryError);
});

async function givenServer(answer: (response: ServerResponse) => void) {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    answer(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // of a server that listens on an IP address
  return { server, url: `http://127.0.0.1:${port}/`, requests: () => requests };
}

it("an answer that sends elsewhere is the answer", async () => {
  const there = await givenServer((response) => void response.end("there"));
  const here = await givenServer((response) => {
    response.writeHead(302, { location: there.url }).end("elsewhere");
  });

  const answer = await given().fetch(here.url, {});

  expect([answer.status, await answer.text()]).toEqual([302, "elsewhere"]);
  expect([here.requests(), there.requests()]).toEqual([1, 0]);
});

it("a connection that waits for the next call is closed with its signal", async () => {
  const { server, url } = await givenServer((response) => void response.end("{}"));
  const connected = once(server, "connection");
  const stop = new AbortController();
  await (await createWire(stop.signal).fetch(url, {})).json();
  const [socket]: Socket[] = await connected;
  if (!socket) throw new Error("nobody has connected");
  const before = socket.closed;

  stop.abort();
  await once(socket, "close", { signal: AbortSignal.timeout(2_000) }); // an idle one would wait for 4 s

  expect(before).toBe(false);
});
