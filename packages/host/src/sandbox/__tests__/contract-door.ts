/** The part of the sandbox contract that is about the way out (design 5.2). */
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { openCertificates } from "../../broker/certificates.ts";
import { openTrust } from "../../broker/trust.ts";
import { systemClock } from "../../core/clock.ts";
import { DOOR_FILES } from "../../core/door.ts";
import type { SandboxRuntime } from "../../turns/sandbox.ts";
import { bash, MiB, nextLine, node, type Room, run, start } from "./room.ts";

/** What is promised of the way out, however it is carried. */
export function doorContract(given: () => { readonly room: Room; readonly runtime: SandboxRuntime }): void {
  const inside = (argv: readonly string[]) => run(given().runtime, given().room.spec("ours"), argv);

  describe("has a door that", () => {
    it("carries bytes both ways, with ends of their own", async () => {
      // Answers only once the other side has finished: needs half-closed connections.
      const server = await given().room.openDoor("ours", (socket) => {
        let bytes = 0;
        socket
          .on("data", (chunk) => (bytes += chunk.length))
          .on("end", () => socket.end(Buffer.alloc(bytes, "y")));
      });
      const script = `
        const socket = require("node:net").connect({ port: 8080, host: "127.0.0.1", allowHalfOpen: true });
        let bytes = 0;
        socket.on("data", (chunk) => bytes += chunk.length).on("end", () => console.log(bytes));
        socket.end(Buffer.alloc(${32 * MiB}, "x"));`;

      const { stdout } = await inside(node(script));

      server.close();
      expect(Number(stdout)).toBe(32 * MiB);
    });

    it("is the proxy of the programs inside, and survives the restart of its host", async () => {
      const answer = (text: string) => (socket: import("node:net").Socket) => {
        socket.once("data", (request) => {
          const line = String(request).split("\r\n")[0];
          socket.end(`HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n${text} ${line}`);
        });
      };
      const first = await given().room.openDoor("ours", answer("first"));
      const script = `process.stdin.on("data", () => {
        const request = require("node:http").get("http://example.com/page", async (response) => {
          console.log((await response.toArray()).join(""));
        });
        request.on("error", console.log);
      });`;
      const ours = await start(given().runtime, given().room.spec("ours"), node(script));

      const said: string[] = [];
      ours.stdin.write("go\n");
      said.push(await nextLine(ours));
      first.close();
      const second = await given().room.openDoor("ours", answer("second"));
      ours.stdin.write("go\n");
      said.push(await nextLine(ours));

      await ours.kill();
      second.close();
      expect(said).toEqual([
        "first GET http://example.com/page HTTP/1.1",
        "second GET http://example.com/page HTTP/1.1",
      ]);
    });

    it("shows a broken connection as broken, not as an end", async () => {
      const server = await given().room.openDoor("ours", (socket) =>
        socket.once("data", () => socket.destroy()),
      );
      const script = `
        const socket = require("node:net").connect({ port: 8080, host: "127.0.0.1" });
        socket.on("error", () => undefined).on("close", () => console.log("closed"));
        socket.write("x");`;

      const { stdout } = await inside(node(script));

      server.close();
      expect(stdout).toBe("closed\n");
    });

    it("leads to TLS that ends at the host, which programs and browsers inside are told to trust", async () => {
      const { home } = given().room;
      const { doorDirectory } = given().room.spec("ours");
      const directory = join(home, "ca");
      const certificates = await openCertificates({ directory, clock: systemClock, random: randomBytes });
      mkdirSync(join(home, "run"), { recursive: true });
      const furnish = await openTrust(join(home, "run"), certificates.ca);
      await furnish(doorDirectory);
      const secureContext = await certificates.contextFor("wiki.example");
      const server = await given().room.openDoor("ours", (socket) => {
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          const tls = new TLSSocket(socket, { isServer: true, secureContext });
          tls.once("data", () => tls.end("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\na page"));
        });
      });

      const fetched = await inside(
        node('fetch("https://wiki.example/").then((r) => r.text()).then(console.log, console.log)'),
      );
      const policy = await inside(bash(`cat /run/bellhop/${DOOR_FILES.chromium}`));

      server.close();
      for (const name of Object.values(DOOR_FILES)) rmSync(join(doorDirectory, name));
      expect(fetched.stdout).toBe("a page\n");
      expect(policy.stdout).toContain("CACertificates");
    });
  });
}
