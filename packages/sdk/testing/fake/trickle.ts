/**
 * Bytes that come, and never come to an end: what waits for silence waits for ever there. Also frames of a WebSocket
 * that are not whole, for fakes that have one (RFC 6455, 5.2): of text, from a server, so without a mask.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Writes a blank every so many ms, until that is closed. */
export function trickle(to: Duplex | ServerResponse, everyMs: number): void {
  const timer = setInterval(() => to.write(" "), everyMs).unref();
  to.once("close", () => clearInterval(timer));
}

/** A server of no protocol at all: to whoever comes it says this at once, and then a blank now and then. */
export async function openTrickle(
  said: string,
  everyMs = 20,
): Promise<AsyncDisposable & { readonly port: number }> {
  const lines = new Set<Socket>();
  const server = createServer((line) => {
    lines.add(line);
    line.on("error", () => undefined).resume();
    line.write(said);
    trickle(line, everyMs);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    async [Symbol.asyncDispose]() {
      for (const line of lines) line.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** The longest frame that says its length in two bytes. */
const LONGEST = 65_535;

/** Half of a frame with that text, and the end of the connection. */
export function halfFrame(raw: Duplex, text: string): void {
  raw.write(begun(text, Buffer.byteLength(text)), () => raw.destroy());
}

/** The same half, and then a blank every so many ms until whoever reads it goes. Nothing else can come in between. */
export function trickledFrame(raw: Duplex, text: string, everyMs: number): void {
  raw.write(begun(text, LONGEST));
  trickle(raw, everyMs);
}

function begun(text: string, length: number): Buffer {
  const said = Math.min(length, LONGEST);
  const head = Buffer.from([0x81, 126, said >> 8, said & 0xff]);
  return Buffer.concat([head, Buffer.from(text.slice(0, Math.floor(text.length / 2)))]);
}
