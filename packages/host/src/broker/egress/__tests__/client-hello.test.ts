import fc from "fast-check";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { connect } from "node:tls";
import { describe, expect, it } from "vitest";
import { LONGEST_OPENING, readOpening } from "../client-hello.ts";

/** What Node's own TLS sends first. */
async function hello(servername: string | undefined): Promise<Buffer> {
  const sent = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.resolve(chunk);
      done();
    },
  });
  const socket = connect({ socket: wire, ...(servername !== undefined && { servername }) });
  socket.on("error", () => undefined);
  const bytes = await sent.promise;
  socket.destroy();
  await once(socket, "close");
  return bytes;
}

/** The same handshake message in records of `size` bytes. */
function recut(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([0x16, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

describe("the opening of a connection", () => {
  it("names the host that TLS is meant for", async () => {
    expect(readOpening(await hello("www.Example.com"))).toEqual({ kind: "tls", name: "www.example.com" });
    expect(readOpening(await hello(undefined))).toEqual({ kind: "tls", name: undefined });
  });

  it("is the same however it is cut, and waits for the rest of what is cut off", async () => {
    const bytes = await hello("example.com");

    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600 }), fc.double({ min: 0, max: 0.999 }), (size, part) => {
        const cut = recut(bytes, size);
        fc.pre(cut.length <= LONGEST_OPENING);
        expect(readOpening(cut)).toEqual({ kind: "tls", name: "example.com" });
        expect(readOpening(cut.subarray(0, Math.floor(cut.length * part)))).toEqual({ kind: "more" });
      }),
    );
  });

  it("does not look at what comes behind it", async () => {
    const early = Buffer.concat([await hello("a.com"), Buffer.from([0x17, 3, 3, 0, 1, 0])]);

    expect(readOpening(early)).toEqual({ kind: "tls", name: "a.com" });
  });

  it("is nothing at all with two names, a wrong length, or another message", async () => {
    const bytes = await hello("example.com");
    const at = bytes.indexOf("example.com");
    const longer = Buffer.from(bytes);
    longer[at - 1] = 200;
    const other = Buffer.from(bytes);
    other[5] = 2;

    expect(readOpening(longer)).toEqual({ kind: "other" });
    expect(readOpening(other)).toEqual({ kind: "other" });
  });

  it.each([
    ["GET / HTTP/1.1\r\n", "http"],
    ["OPTIONS * HTTP/1.1\r\n", "http"],
    ["PRI * HTTP/2.0", "http"],
    ["GE", "more"],
    ["", "more"],
    ["SSH-2.0-OpenSSH_9.2", "other"],
    ["\u0000\u0001", "other"],
    ["get / HTTP/1.1", "other"],
  ])("%j is %s", (text, kind) => {
    expect(readOpening(Buffer.from(text, "latin1")).kind).toBe(kind);
  });

  it("never throws and never waits for more than an opening can be", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        readOpening(Buffer.from(bytes));
        readOpening(Buffer.concat([Buffer.from([0x16, 3, 1]), Buffer.from(bytes)]));
      }),
      { numRuns: 2_000 },
    );
    expect(readOpening(Buffer.alloc(LONGEST_OPENING + 1, 0x16)).kind).toBe("other");
  });

  it("never throws for a damaged hello, nor takes another name out of it than stands there", async () => {
    const bytes = await hello("example.com");

    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        const read = readOpening(damaged);
        const name = read.kind === "tls" ? (read.name ?? "") : "";
        expect(damaged.toString("latin1").toLowerCase()).toContain(name);
      }),
      { numRuns: 1_000 },
    );
  });
});
