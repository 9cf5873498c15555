/** What is known of a call when its connection goes wrong, at servers that break off where the fake never does (G14). */
import { createWire, formOf, RejectedError, TemporaryError, UnknownOutcomeError } from "@bellhop/sdk";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { createGraph } from "../src/graph.ts";
import { NUMBER } from "./fake/graph-api.ts";
import { signal } from "./given.ts";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function given(serve: Serve) {
  const asked: { url: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, authorization: request.headers.authorization });
    serve(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // of a server that listens on an IP address
  const wire = createWire();
  onTestFinished(async () => {
    wire.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const url = `http://127.0.0.1:${port}`;
  const graph = createGraph({ ...NUMBER, url, wire, callMs: 2_000 });
  const say = async () =>
    await graph
      .call({ what: "a text", path: "1/messages", json: { text: "x" }, answer: z.object({}) }, signal)
      .catch((error: unknown) => error);
  return { graph, url, asked, say };
}

/** Half of what its head promises. */
function half(status: number): Serve {
  return (_, response) => {
    response.writeHead(status, { "content-length": 100 });
    response.write('{"error":', () => response.destroy());
  };
}

describe("a call", () => {
  it.each<[string, Serve, abstract new (...args: never[]) => Error]>([
    ["no answer", (_, response) => void response.destroy(), UnknownOutcomeError],
    ["half of a yes", half(200), UnknownOutcomeError],
    ["half of a no, whose code may have said that it was done", half(400), UnknownOutcomeError],
    ["a page in the place of an answer", (_, response) => void response.end("<html>"), UnknownOutcomeError],
    ["another server's no", (_, response) => void response.writeHead(407).end("<html>"), RejectedError],
  ])("that got %s", async (_, serve, kind) => {
    const { say } = await given(serve);

    expect(await say()).toBeInstanceOf(kind);
  });

  it("is not followed where it is sent elsewhere, and neither is the token", async () => {
    const elsewhere = await given((_, response) => void response.end("{}"));
    const { say, asked } = await given((_, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/1/messages` }).end();
    });

    expect(await say()).toBeInstanceOf(RejectedError);
    expect(asked).toEqual([expect.objectContaining({ authorization: `Bearer ${NUMBER.token}` })]);
    expect(elsewhere.asked).toEqual([]);
  });

  it("that nobody took to its end has not been made", async () => {
    const { graph } = await given((request) => request.once("data", () => request.destroy()));
    const piece = Buffer.alloc(64 * 1024);
    const pieces = 1_000; // more than the system keeps for a connection
    const content = {
      name: "film.mp4",
      type: "video/mp4",
      bytes: pieces * piece.length,
      open: () => Readable.from(Array.from({ length: pieces }, () => piece)),
    };
    const form = formOf({ fields: [], file: { name: "file", content } });

    const call = graph.call({ what: "a film", path: "1/media", form, answer: z.object({}) }, signal);

    await expect(call).rejects.toThrow("WhatsApp was not given a film");
    await expect(call).rejects.toBeInstanceOf(TemporaryError);
  });
});
