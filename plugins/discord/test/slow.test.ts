/** A gateway that answers, and never comes to the point. */
import { openTrickle } from "@bellhop/sdk/testing";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { gateway } from "../src/gateway.ts";

/** Why a connection to there ends. */
async function connecting(port: number): Promise<unknown> {
  const options = {
    url: `ws://127.0.0.1:${port}`,
    token: "t",
    intents: 0,
    helloMs: 300,
    random: () => 0.5,
    log: { warn() {} },
  };
  const { signal } = new AbortController();
  try {
    await gateway(options, signal).next();
    return "it was let in";
  } catch (error) {
    return error;
  }
}

it("is given up where the answer to the first question never ends", async () => {
  await using server = await openTrickle("HTTP/1.1 101 Switching Protocols\r\nx: ");

  expect(String(await connecting(server.port))).toContain("TemporaryError");
});

it("is given up where it says hello and answers every beat, and lets nobody in", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => server.close());
  await once(server, "listening");
  server.on("connection", (socket: WebSocket) => {
    onTestFinished(() => socket.terminate());
    socket.send(JSON.stringify({ op: 10, d: { heartbeat_interval: 20 } }));
    socket.on("message", () => socket.send(JSON.stringify({ op: 11 })));
  });

  const { port } = server.address() as AddressInfo; // it listens on TCP
  expect(String(await connecting(port))).toContain("does not let us in");
});
